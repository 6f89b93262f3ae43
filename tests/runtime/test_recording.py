"""The archive: files before rows, clips that join their alerts, retention that spares evidence, and the audit."""

import os
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from alerts.evidence import EvidenceStore
from alerts.incidents import raise_alert
from alerts.words import AlertDraft, Reason
from configs.site import Hours, MonitoringPoint, Name, Place, Settings, Streams
from configs.site import Recording as Wanted
from configs.words import CameraId, IncidentKind, Instant, StreamRole
from ingest.camera import Camera
from ingest.recorder import RecordingState
from ingest.words import FrameWish, Packet
from models.base import new_id
from models.recordings import Recording
from models.session import Database
from models.tables import Alert, Evidence, Incident
from runtime import recording_rows
from runtime.recording import Archive, within
from runtime.recording_check import Fault, audit
from runtime.recording_rows import Limits, sweep
from tests.ingest.test_recorder import packets_of, shifted, shown_times
from tests.support.clips import make_clip

NAME = Name(zh="村口", en="gate")
SUB = StreamRole.SUB
NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)


def point(**recording: object) -> MonitoringPoint:
    streams = Streams.model_validate({"sub": "rtsp://127.0.0.1:9/sub"})
    wanted = Wanted.model_validate(recording)
    return MonitoringPoint(id="gate", name=NAME, place=Place(x=0, y=0), group="all", streams=streams, recording=wanted)


@pytest.fixture(scope="module")
def packets(tmp_path_factory: pytest.TempPathFactory) -> list[Packet]:
    return packets_of(make_clip(tmp_path_factory.mktemp("clip") / "a.mp4"), start=NOW.timestamp())


class Post:
    """An archive of one camera that never connects: packets are put into its ring by hand."""

    def __init__(self, folder: Path, database: Database, now: float | None = None, **recording: object) -> None:
        self.store, self.evidence = folder / "recordings", folder / "evidence"
        self.now = NOW.timestamp() if now is None else now
        self.told: list[tuple[str, str]] = []
        nothing = lambda _: None  # noqa: E731
        self.camera = Camera(
            CameraId("gate"), "rtsp://127.0.0.1:9/sub", None, "tcp", ring_seconds=10,
            on_packet=nothing, on_frame=nothing, on_health=nothing,
        )  # fmt: skip
        self.camera.set_wish(FrameWish(2, 2, 0.0))
        self.archive = Archive(
            self.store, database, EvidenceStore(self.evidence), Settings(name=NAME),
            lambda kind, incident: self.told.append((kind, incident)), wall=lambda: self.now,
        )  # fmt: skip
        self.archive.add(point(**recording), self.camera)
        self.archive.start()

    def feed(self, packets: list[Packet]) -> None:
        for packet in packets:
            self.camera._stream(SUB).ring.append(packet)
            self.now = packet.captured_at
            self.archive.packet(packet)


def draft(at: float) -> AlertDraft:
    return AlertDraft(
        IncidentKind.FIRE, CameraId("gate"), Instant(at - 1), Instant(at), 0.9, 3, Reason("因为", "because")
    )


def recorded(database: Database) -> list[Recording]:
    with database.reading() as session:
        return list(session.scalars(select(Recording).order_by(Recording.started_at)))


def add_row(database: Database, store: Path, started: datetime, size: int = 1000, camera: str = "gate") -> Path:
    recording_id = new_id()
    path = f"{camera}/sub/{started:%Y-%m-%d}/{started:%Y%m%dT%H%M%S}.000Z-continuous-{recording_id}.mp4"
    (store / path).parent.mkdir(parents=True, exist_ok=True)
    (store / path).write_bytes(bytes(size))
    with database.session() as session:
        session.add(
            Recording(
                id=recording_id, camera_id=camera, role="sub", reason="continuous", started_at=started,
                ended_at=started + timedelta(minutes=1), path=path, size_bytes=size, sha256="0" * 64, codec="h264",
                width=2, height=2,
            )
        )  # fmt: skip
    return store / path


def test_what_is_recorded_is_written_down_once_it_is_durable(
    database: Database, tmp_path: Path, packets: list[Packet]
) -> None:
    post = Post(tmp_path, database, mode="continuous")
    post.archive.tick(CameraId("gate"), False)
    post.feed(packets)
    post.archive.stop(10)
    (row,) = recorded(database)
    assert (row.camera_id, row.role, row.reason, row.codec, row.width) == ("gate", "sub", "continuous", "h264", 160)
    assert row.started_at == NOW and row.ended_at - row.started_at == timedelta(seconds=2)
    assert len(shown_times(post.store / row.path)) == 40
    assert not audit(database, post.store, post.evidence, repair=False, hashes=True).findings


def test_an_alert_gets_a_clip_with_what_was_before_and_after(
    database: Database, tmp_path: Path, packets: list[Packet]
) -> None:
    post = Post(tmp_path, database, mode="off", pre_roll_seconds=2, post_roll_seconds=3)
    for n in range(4):
        post.feed(shifted(packets, n * 2.0))
    at = post.now
    alert_id = new_id()
    post.archive.alert(alert_id, draft(at))
    for n in range(4, 7):
        post.feed(shifted(packets, n * 2.0))
    with database.session() as session:  # the scribe was slow: the clip waits for its alert
        incident_id = raise_alert(session, alert_id, draft(at), None).incident.id
    post.archive.stop(20)
    with database.reading() as session:
        (evidence,) = session.scalars(select(Evidence))
        assert (evidence.alert_id, evidence.media_type) == (alert_id, "video/mp4")
        began = evidence.captured_at.timestamp()
    times = shown_times(post.evidence / evidence.path)
    assert at - 4 <= began <= at - 3, "pre-roll counts from when it was first seen"
    assert began + times[-1] == pytest.approx(at + 3, abs=0.1)
    assert post.told == [("incident.changed", incident_id)]
    assert recorded(database) == [], "recording is off; the evidence is kept all the same"
    assert post.archive.health(CameraId("gate")).state is RecordingState.OFF


def test_motion_is_recorded_with_its_rolls_and_stillness_is_not(
    database: Database, tmp_path: Path, packets: list[Packet]
) -> None:
    post = Post(tmp_path, database, mode="motion", pre_roll_seconds=2, post_roll_seconds=60)
    post.archive.tick(CameraId("gate"), False)
    for n in range(3):
        post.feed(shifted(packets, n * 2.0))
    post.archive.tick(CameraId("gate"), True)
    post.feed(shifted(packets, 6.0))
    post.archive.stop(10)
    (row,) = recorded(database)
    assert row.reason == "motion"
    assert timedelta(seconds=3.4) <= row.started_at - NOW <= timedelta(seconds=4.1)


def test_hours_hold_over_midnight_in_local_time() -> None:
    zone = Settings(name=NAME).zone_info
    night = [Hours.model_validate({"start": "22:00", "end": "06:00"})]
    for local, expected in (("21:59", False), ("22:00", True), ("03:00", True), ("06:00", False)):
        moment = datetime.fromisoformat(f"2026-05-10T{local}").replace(tzinfo=zone).timestamp()
        assert within(night, moment, zone) is expected


def test_outside_its_hours_nothing_is_recorded(database: Database, tmp_path: Path, packets: list[Packet]) -> None:
    hours = [{"start": "00:00", "end": "00:05"}]  # it is 20:00 in Shanghai
    post = Post(tmp_path, database, mode="continuous", hours=hours)
    post.archive.tick(CameraId("gate"), True)
    post.feed(packets)
    post.archive.stop(10)
    assert recorded(database) == []


def limits(**given: object) -> Limits:
    usual: dict[str, object] = {"keep_days": {"gate": 7.0}, "most_bytes": 10**12, "free_bytes": 0}
    return Limits(**usual | given)  # type: ignore[arg-type]


def test_old_recordings_go_and_those_of_an_open_incident_stay(database: Database, tmp_path: Path) -> None:
    old, needed, young = NOW - timedelta(days=9), NOW - timedelta(days=8), NOW - timedelta(days=6)
    files = [add_row(database, tmp_path, at) for at in (old, needed, young)]
    with database.session() as session:
        raised = raise_alert(session, new_id(), draft(needed.timestamp() + 30), None)
        incident_id = raised.incident.id
    assert sweep(database, tmp_path, limits(), NOW) == 1
    assert [f.exists() for f in files] == [False, True, True]
    with database.session() as session:
        session.get_one(Incident, incident_id).state = "closed"
    sweep(database, tmp_path, limits(), NOW)
    assert [f.exists() for f in files] == [False, False, True]
    assert len(recorded(database)) == 1


def test_too_many_bytes_delete_the_oldest_of_all_cameras(database: Database, tmp_path: Path) -> None:
    files = [
        add_row(database, tmp_path, NOW - timedelta(hours=h), camera=("pond" if h % 2 else "gate"))
        for h in range(5, 0, -1)
    ]
    sweep(database, tmp_path, limits(most_bytes=2500), NOW)
    assert [f.exists() for f in files] == [False, False, False, True, True]


def test_a_disk_without_room_deletes_the_oldest(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [add_row(database, tmp_path, NOW - timedelta(hours=h)) for h in (3, 2, 1)]
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(recording_rows.shutil, "disk_usage", lambda _: type(usage)(usage.total, usage.used, 4000))
    sweep(database, tmp_path, limits(free_bytes=5500), NOW)
    assert [f.exists() for f in files] == [False, False, True]


def test_the_audit_finds_each_fault_and_puts_it_in_order(
    database: Database, tmp_path: Path, packets: list[Packet]
) -> None:
    post = Post(tmp_path, database, mode="continuous")
    post.archive.tick(CameraId("gate"), False)
    for n in (0, 40, 80, 120, 160):
        post.feed(shifted(packets, float(n)))
    post.archive.stop(10)
    rows = recorded(database)
    assert len(rows) == 5
    missing, truncated, altered, orphan, fine = rows
    (post.store / missing.path).unlink()
    os.truncate(post.store / truncated.path, 5000)
    data = bytearray((post.store / altered.path).read_bytes())
    data[-20] ^= 0xFF
    (post.store / altered.path).write_bytes(data)
    with database.session() as session:
        session.delete(session.get_one(Recording, orphan.id))
    unfinished = post.store / fine.path.replace(fine.id, "f" * 32)
    shutil.copy(post.store / fine.path, unfinished.with_name(unfinished.name + ".part"))
    os.truncate(unfinished.with_name(unfinished.name + ".part"), fine.size_bytes - 3)
    (post.store / "notes.txt").write_text("mine")

    found = audit(database, post.store, None, repair=False, hashes=True)
    assert found.counts == {
        Fault.MISSING: 1, Fault.TRUNCATED: 1, Fault.ALTERED: 1, Fault.ORPHAN: 1, Fault.UNFINISHED: 1, Fault.FOREIGN: 1,
    }  # fmt: skip
    assert recorded(database) != [] and found.repaired == 0, "looking changes nothing"
    assert audit(database, post.store, None, repair=True, hashes=True).repaired == 5
    after = audit(database, post.store, None, repair=False, hashes=True)
    assert after.counts == {Fault.FOREIGN: 1}
    states = {row.id: row.state for row in recorded(database)}
    assert states.pop("f" * 32) == "kept" and len(shown_times(unfinished)) == 30
    assert states == {missing.id: "lost", truncated.id: "lost", altered.id: "lost", orphan.id: "kept", fine.id: "kept"}
    again = next(row for row in recorded(database) if row.id == orphan.id)
    assert (again.sha256, again.size_bytes, again.started_at) == (orphan.sha256, orphan.size_bytes, orphan.started_at)
    assert (post.store / "notes.txt").exists()


def test_deleting_that_was_interrupted_is_finished(database: Database, tmp_path: Path) -> None:
    file = add_row(database, tmp_path, NOW)
    with database.session() as session:
        session.scalars(select(Recording)).one().state = "deleting"
    audit(database, tmp_path, None, repair=True, cameras={"gate"}, only_unfinished=True)
    assert not file.exists() and recorded(database) == []


KILLED = """
import sys, itertools
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from models.session import open_database
from tests.runtime.test_recording import Post, packets_of, shifted, CameraId
import ingest.recorder
ingest.recorder._DRAIN_SECONDS = 0.01
packets = packets_of(Path(sys.argv[1]), start=1_700_000_000.0)
folder = Path(sys.argv[2])
post = Post(folder, open_database(sys.argv[4], folder), mode="continuous")
post.archive._recorder._segment_seconds = 3.0
post.archive.tick(CameraId("gate"), False)
for n in itertools.count():
    post.feed(shifted(packets, n * 2.0))
    post.archive._recorder._thread.join(0.02)
    print(n, flush=True)
"""


def test_kill_nine_at_any_moment_leaves_nothing_orphaned_after_a_check(database: Database, tmp_path: Path) -> None:
    rounds = random.randint(3, 20)
    clip = make_clip(tmp_path / "clip.mp4")
    address = database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", KILLED, str(clip), str(tmp_path), str(Path(__file__).parents[2]), address]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while int(process.stdout.readline()) < rounds:
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    store = tmp_path / "recordings"
    audit(database, store, None, repair=True, hashes=True)
    after = audit(database, store, None, repair=False, hashes=True)
    assert not after.findings and after.files == after.rows == len(recorded(database)) > 0
    kept = sum(len(shown_times(store / row.path)) for row in recorded(database))
    assert kept % 10 == 0 and kept >= (rounds - 3) * 40
    for one, following in zip(recorded(database), recorded(database)[1:], strict=False):
        assert abs((following.started_at - one.ended_at).total_seconds()) < 0.06, "no gap"


def test_a_clip_is_attached_once(database: Database, tmp_path: Path) -> None:
    from alerts.clips import attach_evidence

    file = replace(EvidenceStore(tmp_path).save(b"film", "video/mp4", ".mp4", Instant(1.0)))
    with database.session() as session:
        with pytest.raises(LookupError):
            attach_evidence(session, "none", file)
        alert = raise_alert(session, new_id(), draft(5.0), None).alert
        assert attach_evidence(session, alert.id, file) == alert.incident_id
        assert attach_evidence(session, alert.id, file) is None
    with database.reading() as session:
        assert len(session.scalars(select(Evidence)).all()) == 1
        assert len(session.scalars(select(Alert)).all()) == 1
