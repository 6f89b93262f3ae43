"""Models that are not on this machine yet: ultralytics' own download and export, the ordinary way.

Promises: it runs in a process of its own (`workshop.py`); what was exported from the model before stays. Weights are
kept in half precision, which leaves the numbers to multiply to the device. Not here: other formats and precisions
(`export.py`), training our own (`train/`).
"""

import importlib.util
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from detectors.catalogue import Catalogue, ModelMissing, made_folder
from detectors.workshop import TookTooLong, WorkFailed, put, work

PATIENCE_SECONDS = 1800.0
#: Width and height of the networks made: one for 16:9 sub streams that is fast, one that sees farther.
SIZES = ((416, 256), (640, 384))

_EXPORT = """
import shutil, sys
from pathlib import Path
from ultralytics import YOLO
name, folder, sizes = sys.argv[1], Path(sys.argv[2]), [tuple(map(int, s.split("x"))) for s in sys.argv[3].split(",")]
for width, height in sizes:
    model = YOLO(f"{name}.pt")
    made = Path(model.export(format="openvino", imgsz=(height, width), batch=1, half=True, verbose=False))
    shutil.move(made, folder / f"{name}_fp16_{width}x{height}_openvino_model")
shutil.copy(f"{name}.pt", folder / f"{name}.pt")
"""


def fetch(
    name: str,
    catalogue: Catalogue | None = None,
    *,
    into: Path | None = None,
    sizes: Sequence[tuple[int, int]] = SIZES,
    say: Callable[[str], None] = print,
    python: str = sys.executable,
) -> Path:
    """Download and export the catalogue's model `name`; its folder. Raises ModelMissing with what to do instead."""
    entry = (catalogue or Catalogue.load()).entry(name)
    if entry.fetch is None:
        raise ModelMissing(f"{name} cannot be fetched; {entry.how_to_get}")
    if python == sys.executable and importlib.util.find_spec("ultralytics") is None:
        raise ModelMissing(f'fetching {name} needs ultralytics; run `pip install "village-brain[train]"` and try again')
    folder = (into or made_folder()) / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.parent) as apart:
        made = Path(apart) / "made"
        made.mkdir()
        say(f"Downloading {entry.fetch} and exporting it ({entry.licence}); this takes a minute or two …")
        _run(python, entry.fetch, made, sizes, Path(apart))
        folder.mkdir(exist_ok=True)
        for item in sorted(made.iterdir()):
            put(item, folder)
    say(f"Done: {folder}")
    return folder


def _run(python: str, weights: str, made: Path, sizes: Sequence[tuple[int, int]], folder: Path) -> None:
    """The export, in its own process and folder. Raises ModelMissing with the last line of what went wrong."""
    wanted = ",".join(f"{width}x{height}" for width, height in sizes)
    try:
        work(python, ["-c", _EXPORT, weights, str(made), wanted], folder, PATIENCE_SECONDS)
    except TookTooLong:
        raise ModelMissing(
            f"fetching {weights} took longer than {PATIENCE_SECONDS:.0f} seconds; try again later"
        ) from None
    except WorkFailed as error:
        raise ModelMissing(
            f"{weights} could not be fetched ({error}); is this machine on the internet? Otherwise copy an export "
            "into the folder that VBRAIN_WEIGHTS names"
        ) from None
