"""The demo's clips: made once, kept under `var/demo/`, made anew when their sources or recipes change.

Promises: `make_clips` gives every scene's files, making what is missing, with progress; a clip half made never counts.
Not here: what is in them (`scenes.py`), who plays them (`script.py`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2

from runtime.demo.encode import PARTIAL, ClipWriter, Picture
from runtime.demo.footage import KNOWN, footage_folder
from runtime.demo.photos import find_photographs, load_cast
from runtime.demo.scenes import Recipe, recipes
from runtime.demo.village import drawn_cast

#: (clips done, clips in all, the name of the last)
Progress = Callable[[int, int, str], None]

_SUB_KILOBITS, _MAIN_KILOBITS = 700, 2_500
_STALE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class ClipFiles:
    """One scene's files; `main` may be the same file as `sub`."""

    name: str
    sub: Path
    main: Path


def project_root() -> Path:
    """The folder that holds `runtime/`."""
    return Path(__file__).resolve().parents[2]


def default_cache() -> Path:
    return project_root() / "var" / "demo"


def make_clips(
    cache: Path | None = None,
    progress: Progress = lambda done, total, name: None,
    *,
    folder: Path | None = None,
    use_footage: bool = True,
    only: frozenset[str] | None = None,
) -> dict[str, ClipFiles]:
    """Every scene's clips by name. `folder` holds the footage (default: `footage_folder`); without `use_footage` all is
    drawn. `only` names the scenes that are wanted. Raises OSError when the disk does not take them."""
    cache = cache or default_cache()
    if use_footage and folder is None:
        folder = footage_folder(project_root())
    if not use_footage:
        folder = None
    photographs = find_photographs(cache)
    target = cache / _key(folder, photographs)
    target.mkdir(parents=True, exist_ok=True)
    _forget_partials(target)
    cast = (load_cast(photographs) if photographs else None) or drawn_cast()
    wanted = [recipe for recipe in recipes(folder, cast) if only is None or recipe.name in only]
    missing = [recipe for recipe in wanted if not _is_made(target, recipe)]
    with ThreadPoolExecutor(max_workers=max(1, min(4, (os.cpu_count() or 2))), thread_name_prefix="clips") as pool:
        for done, recipe in enumerate(pool.map(lambda recipe: _make(target, recipe), missing), start=1):
            progress(done, len(missing), recipe.name)
    if missing:
        _forget_others(cache, target)
    return {recipe.name: _files(target, recipe) for recipe in wanted}


def _files(target: Path, recipe: Recipe) -> ClipFiles:
    sub = target / f"{recipe.name}.sub.mp4"
    return ClipFiles(recipe.name, sub, target / f"{recipe.name}.main.mp4" if recipe.main else sub)


def _is_made(target: Path, recipe: Recipe) -> bool:
    files = _files(target, recipe)
    return files.sub.is_file() and files.main.is_file()


def _make(target: Path, recipe: Recipe) -> Recipe:
    files = _files(target, recipe)
    with ExitStack() as stack:
        sub = stack.enter_context(ClipWriter(files.sub, recipe.sub, _SUB_KILOBITS))
        main = stack.enter_context(ClipWriter(files.main, recipe.main, _MAIN_KILOBITS)) if recipe.main else None
        for picture in _fitted(recipe):
            if main is not None:
                main.write(picture)
            small = (
                picture
                if picture.shape[1::-1] == recipe.sub
                else cv2.resize(picture, recipe.sub, interpolation=cv2.INTER_AREA)
            )
            sub.write(small)
    return recipe


def _fitted(recipe: Recipe) -> Iterator[Picture]:
    size = recipe.main or recipe.sub
    for picture in recipe.make():
        yield picture if picture.shape[1::-1] == size else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _key(folder: Path | None, photographs: Path | None) -> str:
    """What the clips depend on: their sources, and the code that makes them."""
    digest = hashlib.sha256()
    sources = [folder / name for name in KNOWN] if folder else []
    sources += sorted(photographs.glob("*.jpg")) if photographs else []
    here = Path(__file__).parent
    sources += [
        here / f"{name}.py" for name in ("clips", "encode", "footage", "looks", "photos", "plume", "scenes", "village")
    ]
    for source in sources:
        if source.is_file():
            digest.update(source.name.encode() + b"\0" + hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _forget_partials(target: Path) -> None:
    """Remove what an interrupted run left half made."""
    for partial in target.glob(f"*{PARTIAL}"):
        with contextlib.suppress(OSError):
            if time.time() - partial.stat().st_mtime > _STALE_SECONDS:
                partial.unlink()


def _forget_others(cache: Path, target: Path) -> None:
    """Remove clips of earlier recipes, so that the cache holds one set."""
    for old in cache.iterdir():
        if old.is_dir() and old != target and len(old.name) == 16:
            shutil.rmtree(old, ignore_errors=True)
