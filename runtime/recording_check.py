"""The audit of what is on disk against what is written down, both ways, and its repair.

Promises: a file that a running process is writing is left alone; repairing loses nothing that can be played: what a
killed process left unfinished is cut to its last whole fragment and written down, a whole file without a row gets one,
a row without its file is marked lost, a damaged file's row too; a file that is not ours is only named. Safe beside a
running service. Not here: retention (`recording_rows.py`), printing (`commands/store.py`).
"""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import av
import av.error
from sqlalchemy import select, update

from configs.words import Instant
from ingest.boxes import wholeness
from ingest.segment import PART, FinishedSegment, is_being_written, name_of, sync_folder
from models.recordings import Recording, RecordingRowState
from models.session import Database
from models.tables import Evidence
from runtime.recording_rows import finish_deleting, write_down

_BLOCK = 1 << 20
_LOCK_SECONDS = 5.0
LOST_AND_FOUND = "lost+found"
#: Younger evidence without a row may be about to get one.
_EVIDENCE_SETTLES = timedelta(hours=1)


class Fault(StrEnum):
    """What an audit finds."""

    UNFINISHED = "unfinished"
    ORPHAN = "orphan"
    MISSING = "missing"
    TRUNCATED = "truncated"
    ALTERED = "altered"
    DELETING = "deleting"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be. `remedy`: what was done about it, or would be; empty: nothing can be."""

    fault: Fault
    path: str
    remedy: str


@dataclass(slots=True)
class Report:
    """What an audit looked at and found. `in_use`: files that a running process was writing."""

    files: int = 0
    rows: int = 0
    in_use: int = 0
    repaired: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def counts(self) -> Counter[Fault]:
        return Counter(f.fault for f in self.findings)


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    path: str
    size_bytes: int
    sha256: str
    state: str


def audit(
    database: Database,
    store: Path,
    evidence: Path | None,
    *,
    repair: bool,
    hashes: bool = False,
    cameras: Iterable[str] | None = None,
    only_unfinished: bool = False,
) -> Report:
    """Audits recordings (of `cameras`, else all) and, if given, the evidence folder. `hashes` reads every file;
    `only_unfinished` is the quick part that a start needs: what a killed process left. Raises OSError and the
    database's errors."""
    check = _Check(database, store, repair, hashes)
    wanted = None if cameras is None else set(cameras)
    rows = check.rows(wanted)
    for path in _files(store, wanted):
        check.file(path, rows)
    if not only_unfinished:
        for row in rows.values():
            check.row(row)
        if evidence is not None:
            check.evidence(evidence)
    if any(row.state == RecordingRowState.DELETING for row in rows.values()):
        check.deleting(rows, wanted)
    return check.report


def _files(store: Path, cameras: set[str] | None) -> Iterator[str]:
    if not store.is_dir():
        return
    for folder, _, names in os.walk(store):
        inside = Path(folder).relative_to(store)
        if cameras is not None and inside.parts and inside.parts[0] not in cameras:
            continue
        for name in names:
            yield str(inside / name)


class _Check:
    def __init__(self, database: Database, store: Path, repair: bool, hashes: bool) -> None:
        self._database, self._store, self._repair, self._hashes = database, store, repair, hashes
        self.report = Report()

    def rows(self, cameras: set[str] | None) -> dict[str, _Row]:
        """Every row, by its path."""
        columns = (Recording.id, Recording.path, Recording.size_bytes, Recording.sha256, Recording.state)
        query = select(*columns)
        if cameras is not None:
            query = query.where(Recording.camera_id.in_(cameras))
        with self._database.reading() as session:
            found = [_Row(*row) for row in session.execute(query)]
        self.report.rows = len(found)
        return {row.path: row for row in found}

    def file(self, path: str, rows: dict[str, _Row]) -> None:
        """A file: is there a row of it?"""
        self.report.files += 1
        if path in rows:
            return
        name = name_of(path)
        if name is None:
            self._found(Fault.FOREIGN, path, "")
            return
        full = self._store / path
        try:
            if is_being_written(full) or self._is_written_down(name.id) or _has_just_begun(full):
                self.report.in_use += 1
                return
            self._adopt(path, full, Fault.UNFINISHED if name.is_part else Fault.ORPHAN)
        except FileNotFoundError:  # it was finished or deleted meanwhile
            self.report.in_use += 1

    def row(self, row: _Row) -> None:
        """A row: is its file there, and as it was?"""
        if row.state != RecordingRowState.KEPT:
            return
        try:
            size = (self._store / row.path).stat().st_size
            if size != row.size_bytes:
                self._lose(row, Fault.TRUNCATED)
            elif self._hashes and _sha256(self._store / row.path) != row.sha256:
                self._lose(row, Fault.ALTERED)
        except FileNotFoundError:
            with self._database.reading() as session:
                still = session.get(Recording, row.id)
                if still is None or still.state != RecordingRowState.KEPT:
                    return  # it was deleted meanwhile
            self._lose(row, Fault.MISSING)

    def deleting(self, rows: dict[str, _Row], cameras: set[str] | None) -> None:
        """What was marked to be deleted and is still there."""
        for row in rows.values():
            if row.state == RecordingRowState.DELETING:
                self._found(Fault.DELETING, row.path, "deleted")
        if self._repair:
            self.report.repaired += finish_deleting(self._database, self._store, cameras)

    def evidence(self, folder: Path) -> None:
        """The same of evidence, whose rows are never changed: what is lost is named each time."""
        with self._database.reading() as session:
            rows = {
                path: (size, sha256)
                for path, size, sha256 in session.execute(select(Evidence.path, Evidence.size_bytes, Evidence.sha256))
            }
        self.report.rows += len(rows)
        for path, (size, sha256) in rows.items():
            full = folder / path
            if not full.is_file():
                self._found(Fault.MISSING, f"evidence/{path}", "")
            elif full.stat().st_size != size:
                self._found(Fault.TRUNCATED, f"evidence/{path}", "")
            elif self._hashes and _sha256(full) != sha256:
                self._found(Fault.ALTERED, f"evidence/{path}", "")
        settled = datetime.now(UTC) - _EVIDENCE_SETTLES
        for path in _files(folder, None):
            if path.startswith(f"{LOST_AND_FOUND}/"):
                continue
            self.report.files += 1
            full = folder / path
            if path not in rows and full.exists() and datetime.fromtimestamp(full.stat().st_mtime, UTC) < settled:
                self._found(Fault.ORPHAN, f"evidence/{path}", f"moved to evidence/{LOST_AND_FOUND}")
                if self._repair:
                    self._put_aside(folder, full)

    def _is_written_down(self, recording_id: str) -> bool:
        """Whether its row came after the rows were read."""
        with self._database.reading() as session:
            return session.get(Recording, recording_id) is not None

    def _adopt(self, path: str, full: Path, fault: Fault) -> None:
        """A file without a row: keep what of it is whole."""
        found = wholeness(full)
        if not found.fragments:
            self._found(fault, path, "deleted: it holds no whole fragment")
            if self._repair:
                full.unlink()
                sync_folder(full.parent)
                self.report.repaired += 1
            return
        lost = found.size_bytes - found.whole_bytes
        self._found(fault, path, "written down" + (f", {lost} bytes of its last fragment cut off" if lost else ""))
        if not self._repair:
            return
        final = full.with_name(full.name.removesuffix(PART))
        handle = os.open(full, os.O_RDWR)
        try:
            os.ftruncate(handle, found.whole_bytes)
            os.fsync(handle)
        finally:
            os.close(handle)
        full.rename(final)
        sync_folder(final.parent)
        segment = _described(str(Path(path).with_name(final.name)), final)
        if segment is None:
            return
        with self._database.session() as session:
            write_down(session, segment)
        self.report.repaired += 1

    def _lose(self, row: _Row, fault: Fault) -> None:
        self._found(fault, row.path, "its row is marked lost")
        if self._repair:
            with self._database.session() as session:
                lost = update(Recording).where(Recording.id == row.id).values(state=RecordingRowState.LOST.value)
                session.execute(lost)
            self.report.repaired += 1

    def _put_aside(self, folder: Path, full: Path) -> None:
        aside = folder / LOST_AND_FOUND
        aside.mkdir(exist_ok=True)
        full.rename(aside / full.name)
        sync_folder(aside)
        sync_folder(full.parent)
        self.report.repaired += 1

    def _found(self, fault: Fault, path: str, remedy: str) -> None:
        self.report.findings.append(Finding(fault, path, remedy))


def _described(path: str, full: Path) -> FinishedSegment | None:
    """A segment as its name and its content say; None when it cannot be read as video."""
    name = name_of(path)
    try:
        with av.open(str(full)) as container:
            stream = container.streams.video[0]
            context = stream.codec_context
            seconds = float(container.duration or 0) / av.time_base
            codec, width, height = context.codec.name, context.width, context.height
    except (av.error.FFmpegError, IndexError, ValueError):
        return None
    if name is None:
        return None
    ended_at = Instant(name.started_at + seconds)
    size = full.stat().st_size
    return FinishedSegment(
        name.id, name.camera_id, name.role, name.reason, path, name.started_at, ended_at, size, _sha256(full), codec,
        width, height, handle=-1,
    )  # fmt: skip


def _has_just_begun(path: Path) -> bool:
    """A file that was made a moment ago may not have got its lock yet."""
    status = path.stat()
    return status.st_size == 0 and time.time() - status.st_mtime < _LOCK_SECONDS


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
