"""Alerts whose shard was killed before their clips were whole: the clip comes from what was recorded, or it is said why
there is none."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.incidents import raise_alert
from configs.words import CameraId
from ingest.words import Packet
from models.base import new_id
from models.session import Database
from models.tables import Alert, Evidence, IncidentChange
from tests.ingest.test_recorder import shifted, shown_times
from tests.runtime.test_recording import NOW, Post, draft, packets_of, recorded
from tests.support.clips import make_clip

GATE = CameraId("gate")
#: Eight seconds of pictures, then an alert, then two more seconds; then it waits to be killed.
DOOMED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from models.base import new_id
from models.session import open_database
from alerts.incidents import raise_alert
from tests.runtime.test_recording import NOW, Post, packets_of, shifted, CameraId, draft
folder, database = Path(sys.argv[2]), open_database(sys.argv[4], Path(sys.argv[2]))
packets = packets_of(Path(sys.argv[1]), start=NOW.timestamp())
post = Post(folder, database, mode=sys.argv[5], pre_roll_seconds=2, post_roll_seconds=6)
post.archive.tick(CameraId("gate"), False)
for n in range(4):
    post.feed(shifted(packets, n * 2.0))
alert_id = new_id()
with database.session() as session:
    raise_alert(session, alert_id, draft(post.now), None)
post.archive.alert(alert_id, draft(post.now))
post.feed(shifted(packets, 8.0))
while len([t for t in post.archive._recorder._tracks.values() if t.queue]):
    post.archive._recorder._thread.join(0.05)
print(post.now, flush=True)
sys.stdin.read()
"""


def killed(database: Database, folder: Path, mode: str) -> float:
    """The moment up to which the archive that was killed had got pictures."""
    clip = make_clip(folder / "clip.mp4")
    address = database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", DOOMED, str(clip), str(folder), str(Path(__file__).parents[2]), address, mode]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    at = float(process.stdout.readline())
    process.kill()
    process.communicate(timeout=10)
    return at


def again(database: Database, folder: Path, mode: str, now: float) -> Post:
    """The archive that is started after it."""
    post = Post(folder, database, now=now, mode=mode, pre_roll_seconds=2, post_roll_seconds=6)
    post.archive.tick(GATE, False)
    return post


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive's own thread looks after what is late more often than it usually does."""
    monkeypatch.setattr("runtime.recording._LATE_SECONDS", 0.05)


def until(post: Post, happened: Callable[[], object]) -> None:
    for _ in range(400):
        if happened():
            return
        post.archive._thread.join(0.05)
    raise AssertionError("it did not happen")


def has_looked(post: Post) -> bool:
    return post.archive._late is not None and post.archive._late._waiting == []


def clips(database: Database) -> list[Evidence]:
    with database.reading() as session:
        return list(session.scalars(select(Evidence)))


def said(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        changes = session.scalars(select(IncidentChange).where(IncidentChange.action.startswith("clip_")))
        return [(change.action, change.note or "") for change in changes]


def test_what_was_recorded_becomes_the_clip_and_what_it_lacks_is_said(database: Database, tmp_path: Path) -> None:
    at = killed(database, tmp_path, "events")
    post = again(database, tmp_path, "events", at + 60)
    until(post, lambda: said(database))
    post.archive.stop(10)
    (evidence,) = clips(database)
    with database.reading() as session:
        alert = session.scalars(select(Alert)).one()
    assert evidence.alert_id == alert.id
    times = shown_times(post.evidence / evidence.path)
    assert 4.0 <= times[-1] <= 5.6, "three seconds before it was raised, two after, from a key frame on"
    ((action, note),) = said(database)
    assert action == "clip_partial" and "4 of its 9 seconds" in note
    assert ("incident.changed", alert.incident_id) in post.told


def test_that_nothing_was_recorded_is_said_once(database: Database, tmp_path: Path) -> None:
    """What a kill leaves of an alert where nothing is recorded: its row."""
    with database.session() as session:
        raise_alert(session, new_id(), draft(NOW.timestamp()), None)
    for later in (60.0, 120.0):
        post = again(database, tmp_path, "off", NOW.timestamp() + later)
        until(post, partial(has_looked, post))
        post.archive.stop(10)
    ((action, note),) = said(database)
    assert action == "clip_missing" and "没有视频片段" in note and "there is no clip" in note
    assert clips(database) == []


def test_a_shard_that_is_back_in_time_records_the_rest_of_the_clip(database: Database, tmp_path: Path) -> None:
    at = killed(database, tmp_path, "continuous")
    packets: list[Packet] = packets_of(tmp_path / "clip.mp4", start=NOW.timestamp())
    post = again(database, tmp_path, "continuous", at + 1)
    until(post, lambda: post.archive._late is not None and post.archive._late._waiting)
    assert clips(database) == [], "the rest may still come"
    for n in range(4):
        post.feed(shifted(packets, 11.0 + n * 2.0))
    post.archive._recorder.unwant(GATE)
    post.feed(shifted(packets, 19.0)[:1])
    until(post, lambda: len(recorded(database)) == 2)
    assert clips(database) == []
    post.now = at + 120
    until(post, lambda: clips(database))
    post.archive.stop(10)
    (evidence,) = clips(database)
    assert 7.0 <= shown_times(post.evidence / evidence.path)[-1] <= 9.0
    assert said(database) == [], "a second is missing in the middle: that is whole enough"
