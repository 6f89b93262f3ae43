"""Which models there are, where their files lie, and whether they are whole.

Promises: a `ModelFile` that `find` gives exists, is not empty, matches the SHA-256 that is stated for it, and names its
classes in our words. When there is none, `ModelMissing` or `ModelBroken` says in one sentence what to do. Not here:
running a model (`engine.py`), making one with ultralytics (`fetch.py`), choosing a size by measuring (`choose.py`).
"""

import fnmatch
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from configs.words import ObjectClass

PROJECT = Path(__file__).resolve().parent.parent
MODEL_SUFFIXES = {".xml", ".onnx", ".pt", ".engine"}
#: Folders are searched this deep below each root.
SEARCH_DEPTH = 4
SUMS_FILE = "sha256sums.txt"


class Task(StrEnum):
    """What a model looks for."""

    PEOPLE_VEHICLES = "people_vehicles"
    SMOKE_FIRE = "smoke_fire"
    BOTH = "both"


class ModelError(Exception):
    """A model cannot be used. The message is one sentence for a person."""


class ModelMissing(ModelError):
    """No file of a model for this task was found."""


class ModelBroken(ModelError):
    """A model's file is there and cannot be used."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Accuracy(_Strict):
    """Precision and recall as measured, and on what."""

    on: str
    precision: float = Field(ge=0, le=1)
    recall: float = Field(ge=0, le=1)


class FileEntry(_Strict):
    """One file of a model: a network at one input size and precision, which may be left for the file's name to say."""

    pattern: str
    format: Literal["openvino", "onnx", "torch"]
    size: tuple[int, int] | None = None
    precision: Literal["int8", "bf16", "fp16", "fp32"] | None = None
    sha256: dict[str, str] = Field(default_factory=dict)
    accuracy: Accuracy | None = None


class ModelEntry(_Strict):
    """One model of the catalogue."""

    name: str
    task: Task
    licence: str
    source: str
    how_to_get: str
    fetch: str | None = None
    class_count: int = Field(ge=1)
    classes: dict[int, ObjectClass]
    files: list[FileEntry] = Field(min_length=1)

    @property
    def class_names(self) -> tuple[ObjectClass | None, ...]:
        """Our word for each of the network's classes; None for one that we ignore."""
        return tuple(self.classes.get(i) for i in range(self.class_count))


class CatalogueFile(_Strict):
    """The whole of catalogue.yaml."""

    models: list[ModelEntry] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model's file on this machine. `path` is the .xml, .onnx or .pt; `size` (width, height) is None where only the
    file knows it; `digest` is the SHA-256 over all of its files' sums."""

    name: str
    task: Task
    path: Path
    format: str
    size: tuple[int, int] | None
    precision: str | None
    classes: tuple[ObjectClass | None, ...]
    licence: str
    source: str
    accuracy: Accuracy | None
    digest: str


@dataclass(frozen=True)
class Catalogue:
    """The models known, and the folders to search for their files."""

    models: tuple[ModelEntry, ...]
    folders: tuple[Path, ...]
    #: What was found broken by the last searches, by path: worth a warning even where another file serves.
    broken: dict[Path, str] = field(default_factory=dict)

    @staticmethod
    def load(path: Path | None = None, folders: Sequence[Path] | None = None) -> "Catalogue":
        """Read the catalogue. `folders` replaces the search order. Raises ModelBroken when it is unreadable."""
        path = path or PROJECT / "weights" / "catalogue.yaml"
        try:
            document = YAML(typ="safe").load(path.read_text("utf-8"))
            parsed = CatalogueFile.model_validate(document)
        except FileNotFoundError:
            raise ModelBroken(f"the model catalogue {path} is missing; restore it from the project") from None
        except YAMLError as error:
            raise ModelBroken(f"the model catalogue {path} is not valid YAML: {' '.join(str(error).split())}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ModelBroken(f"the model catalogue {path}: {where}: {first['msg']}") from None
        return Catalogue(tuple(parsed.models), tuple(folders) if folders is not None else search_folders())

    def find(
        self, task: Task, size: tuple[int, int] | None = None, formats: Sequence[str] = ("openvino",)
    ) -> ModelFile:
        """The preferred file for `task`, of exactly `size` (width, height) when that is given.

        A model of task `both` serves either task, after those made for it alone. Raises ModelMissing, or ModelBroken
        when files were found and none is whole.
        """
        broken: list[str] = []
        for entry, file, path in self._present(task, formats):
            if size is not None and (file.size or _size_in_name(path) or size) != size:
                continue
            try:
                return self._check(entry, file, path)
            except ModelBroken as error:
                broken.append(str(error))
        if broken:
            raise ModelBroken(broken[0])
        entries = self._entries(task)
        at_size = f" at {size[0]}x{size[1]}" if size else ""
        advice = entries[0].how_to_get if entries else "add one to weights/catalogue.yaml"
        raise ModelMissing(f"no model for {task.value}{at_size} was found in {_listing(self.folders)}; {advice}")

    def all(self, task: Task, formats: Sequence[str] = ("openvino",)) -> list[ModelFile]:
        """Every whole file for `task`, in order of preference; what is broken is left in `broken`."""
        found: dict[Path, ModelFile] = {}
        for entry, file, path in self._present(task, formats):
            if path not in found:
                try:
                    found[path] = self._check(entry, file, path)
                except ModelBroken:
                    continue
        return list(found.values())

    def entry(self, name: str) -> ModelEntry:
        """The catalogue's entry of that name. Raises ModelMissing."""
        for model in self.models:
            if model.name == name:
                return model
        raise ModelMissing(f"no model is called {name!r}; the catalogue has {', '.join(m.name for m in self.models)}")

    def _entries(self, task: Task) -> list[ModelEntry]:
        return [m for m in self.models if m.task is task] + [
            m for m in self.models if m.task is Task.BOTH and task is not Task.BOTH
        ]

    def _present(self, task: Task, formats: Sequence[str]) -> Iterator[tuple[ModelEntry, FileEntry, Path]]:
        """By model, then file as the catalogue orders them, then folder: a better model in a later folder wins."""
        listings = [(folder, _model_files(folder)) for folder in self.folders]
        for entry in self._entries(task):
            for file in entry.files:
                if file.format not in formats:
                    continue
                for folder, paths in listings:
                    for path in paths:
                        if fnmatch.fnmatch(path.relative_to(folder).as_posix(), file.pattern):
                            yield entry, file, path

    def _check(self, entry: ModelEntry, file: FileEntry, path: Path) -> ModelFile:
        try:
            digest = _verify(path, file, entry)
        except ModelBroken as error:
            self.broken[path] = str(error)
            raise
        return ModelFile(
            name=entry.name,
            task=entry.task,
            path=path,
            format=file.format,
            size=file.size or _size_in_name(path),
            precision=file.precision or _precision_in_name(path),
            classes=entry.class_names,
            licence=entry.licence,
            source=entry.source,
            accuracy=file.accuracy,
            digest=digest,
        )


def search_folders() -> tuple[Path, ...]:
    """Where model files are looked for, first to last."""
    named = os.environ.get("VBRAIN_WEIGHTS")
    first = (Path(named).expanduser(),) if named else ()
    return (*first, PROJECT / "weights", PROJECT.parent / "shared" / "data" / "weights", made_folder())


def made_folder() -> Path:
    """Where `vbrain models fetch` puts what it makes."""
    return PROJECT / "var" / "models"


def _size_in_name(path: Path) -> tuple[int, int] | None:
    """The input size that an export carries in its folder's or its own name, as in `…_int8_416x256`."""
    found = re.search(r"_(\d{2,4})x(\d{2,4})", f"{path.parent.name}/{path.stem}")
    return (int(found[1]), int(found[2])) if found else None


def _precision_in_name(path: Path) -> str | None:
    found = re.search(r"_(int8|bf16|fp16|fp32)(?![a-z0-9])", f"{path.parent.name}/{path.stem}")
    return found[1] if found else None


def _listing(folders: Sequence[Path]) -> str:
    return ", ".join(str(folder) for folder in folders) or "no folder at all"


def _model_files(folder: Path, depth: int = SEARCH_DEPTH) -> list[Path]:
    if not folder.is_dir():
        return []
    files: list[Path] = []
    for child in sorted(folder.iterdir()):
        if child.is_dir():
            if depth > 1:
                files += _model_files(child, depth - 1)
        elif child.suffix in MODEL_SUFFIXES:
            files.append(child)
    return files


def _verify(path: Path, file: FileEntry, entry: ModelEntry) -> str:
    """The digest of a file and what belongs to it. Raises ModelBroken for what is absent, empty or altered."""
    parts = [path, path.with_suffix(".bin")] if file.format == "openvino" else [path]
    stated = {**_sums_beside(path), **file.sha256}
    whole = hashlib.sha256()
    for part in parts:
        try:
            content = part.read_bytes()
        except FileNotFoundError:
            raise ModelBroken(f"the model file {part} is missing beside {path.name}; {entry.how_to_get}") from None
        except OSError as error:
            raise ModelBroken(f"the model file {part} cannot be read ({error.strerror}); {entry.how_to_get}") from None
        if not content:
            raise ModelBroken(f"the model file {part} is empty; delete it, then {entry.how_to_get}")
        digest = hashlib.sha256(content).hexdigest()
        if part.name in stated and stated[part.name] != digest:
            raise ModelBroken(
                f"the model file {part} is damaged (its SHA-256 differs); delete it, then {entry.how_to_get}"
            )
        whole.update(digest.encode())
    return whole.hexdigest()


def _sums_beside(path: Path) -> dict[str, str]:
    """The sums that the maker of a model left beside it, in the form of `sha256sum`."""
    try:
        lines = (path.parent / SUMS_FILE).read_text("utf-8").splitlines()
    except OSError:
        return {}
    return {name.lstrip("*"): digest for digest, _, name in (line.partition("  ") for line in lines) if name}
