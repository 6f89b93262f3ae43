"""Where models are made: a process of its own for the work, and where what was made is put.

Promises: torch never stays in our memory, and ultralytics may install nothing; what is put into a model's folder is
complete, with its sums, and takes the place of nothing but what has its name. Not here: what is made, and the words for
what went wrong (`fetch.py`, `export.py`).
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from detectors.catalogue import SUMS_FILE, ModelError


class TookTooLong(Exception):
    """The work was broken off."""


class WorkFailed(Exception):
    """The work ended badly; the message is the last thing it said."""


def work(python: str, arguments: Sequence[str], folder: Path, seconds: float, **environment: str) -> None:
    """Run a Python in `folder` until it ends. Raises TookTooLong, WorkFailed, and ModelError when it cannot start."""
    around: Mapping[str, str] = {
        **os.environ,
        "YOLO_AUTOINSTALL": "false",
        "YOLO_CONFIG_DIR": str(folder),
        "YOLO_VERBOSE": "false",
        **environment,
    }
    try:
        subprocess.run(
            [python, *arguments], cwd=folder, env=around, check=True, capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise TookTooLong from None
    except subprocess.CalledProcessError as error:
        lines = [line.strip() for line in (error.stderr or "").splitlines() if line.strip()]
        raise WorkFailed(lines[-1][:200] if lines else f"exit status {error.returncode}") from None
    except OSError as error:
        raise ModelError(f"{python} cannot be started: {error.strerror}") from None


def put(item: Path, folder: Path) -> Path:
    """Move a file or a folder that was made into `folder`, with its sums; where it is now."""
    target = folder / item.name
    if item.is_dir():
        note_sums(item, [f for f in item.iterdir() if f.is_file()])
        if target.exists():
            shutil.rmtree(target)
        item.rename(target)
        return target
    # The old sum goes first: a file without one is whole, one with another's is damaged.
    note_sums(folder, [], without=item.name)
    item.replace(target)
    note_sums(folder, [target])
    return target


def note_sums(folder: Path, files: list[Path], without: str = "") -> None:
    """Add the sums of `files` to those of `folder`, in the form of `sha256sum`."""
    sums = folder / SUMS_FILE
    kept = sums.read_text("utf-8").splitlines() if sums.is_file() else []
    renewed = {file.name for file in files} | {without}
    lines = [line for line in kept if line.partition("  ")[2].lstrip("*") not in renewed]
    lines += [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in sorted(files)]
    unfinished = sums.with_suffix(".new")
    unfinished.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    unfinished.replace(sums)
