"""Recordings over HTTP: who may look, what a timeline says, playback in parts, and clips cut at key frames."""

import io
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import av
import httpx
import pytest
from sqlalchemy import func, select

from api.routes.recordings import LOOKING_BACK
from configs.words import CameraId, Role, StreamRole
from ingest.recorder import Recorder
from ingest.segment import FinishedSegment, release, seal
from live.wire import AttentionFigures, StateMessage
from models.session import Database
from models.tables import AuditEntry
from runtime.recording_rows import write_down
from tests.api.conftest import Service, StartService, wait_until
from tests.ingest.test_recorder import packets_of, shifted
from tests.support.clips import make_clip

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "a.mp4")


@pytest.fixture
def service(start_service: StartService, sqlite_database: Database, clip: Path) -> Service:
    """The gate was recorded from noon for 8 s in segments of 3 s, and from 12:01 for 2 s."""
    running = start_service(sqlite_database)
    store = running.settings.data_dir / "recordings"
    done: list[FinishedSegment] = []
    recorder = Recorder(store, done.append, segment_seconds=3.0)
    recorder.add(CameraId("gate"), lambda role, seconds: [])
    recorder.want(CameraId("gate"), StreamRole.SUB, float("inf"), 0, "continuous")
    packets = packets_of(clip, start=NOON.timestamp())
    recorder._tracks[CameraId("gate")].taking = True
    for offset in (0.0, 2.0, 4.0, 6.0, 60.0):
        for packet in shifted(packets, offset):
            recorder.packet(packet)
    recorder.start()
    recorder.stop(20)
    for segment in done:
        seal(store, segment)
        with sqlite_database.session() as session:
            write_down(session, segment)
        release(segment)
    return running


def between(seconds: float, until: float) -> dict[str, str]:
    begin, end = (NOON + timedelta(seconds=s) for s in (seconds, until))
    return {"camera_id": "gate", "from": begin.isoformat(), "to": end.isoformat()}


def pictures(data: bytes) -> list[float]:
    with av.open(io.BytesIO(data)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


def test_the_timeline_tells_what_there_is(service: Service) -> None:
    with closing(service.client("operator")) as client:
        body = client.get("/api/recordings", params=between(-60, 3600)).json()
        assert [(s["started_at"], s["ended_at"]) for s in body["spans"]] == [
            ("2026-05-01T12:00:00Z", "2026-05-01T12:00:08Z"),
            ("2026-05-01T12:01:00Z", "2026-05-01T12:01:02Z"),
        ]
        assert len(body["items"]) == 4 and not body["truncated"]
        assert client.get("/api/recordings", params=between(20, 50)).json()["items"] == []
        few = client.get("/api/recordings", params={**between(-60, 3600), "limit": 1}).json()
        assert len(few["items"]) == 1 and few["truncated"]


def test_a_recording_is_played_in_parts_and_looked_at_once(service: Service, sqlite_database: Database) -> None:
    with closing(service.client("operator")) as client:
        item = client.get("/api/recordings", params=between(0, 1)).json()["items"][0]
        whole = client.get(item["url"])
        assert whole.headers["content-type"] == "video/mp4" and len(pictures(whole.content)) == 60
        part = client.get(item["url"], headers={"Range": "bytes=100-199"})
        assert part.status_code == 206 and part.content == whole.content[100:200]
    with sqlite_database.reading() as session:
        looked = session.scalar(select(func.count()).where(AuditEntry.action == "recording.view"))
        assert looked == 1, "a player's many requests are one look"


def test_a_clip_spans_segments_and_begins_at_a_key_frame(service: Service, sqlite_database: Database) -> None:
    with closing(service.client("enforcement_officer")) as client:
        answer = client.get("/api/recordings/clip.mp4", params=between(1.2, 6.1))
        assert answer.status_code == 200, answer.text
        times = pictures(answer.content)
        assert answer.headers["clip-from"].startswith("2026-05-01T12:00:01")
        assert answer.headers["clip-to"].startswith("2026-05-01T12:00:06.5")
        assert len(times) == 110
        assert max(b - a for a, b in pairwise(times)) < 0.08, "no gap at the seams"
        part = client.get("/api/recordings/clip.mp4", params=between(1.2, 6.1), headers={"Range": "bytes=0-9"})
        assert part.status_code == 206 and part.content == answer.content[:10]
    cached = list((service.settings.data_dir / "cache" / "clips").iterdir())
    assert len(cached) == 1, "cut once"
    with sqlite_database.reading() as session:
        assert session.scalar(select(func.count()).where(AuditEntry.action == "recording.export")) == 1


def test_a_gap_is_closed_in_a_clip(service: Service) -> None:
    with closing(service.client("operator")) as client:
        times = pictures(client.get("/api/recordings/clip.mp4", params=between(7, 62)).content)
        assert len(times) == 60 and times[-1] < 3.1


@pytest.mark.parametrize(
    ("params", "status"),
    [
        (between(20, 50), 404),
        (between(0, 3600), 422),
        (between(10, 0), 422),
        ({**between(0, 5), "camera_id": "nowhere"}, 404),
        ({"camera_id": "gate", "from": "2026-05-01T12:00:00", "to": "2026-05-01T12:00:05"}, 422),
    ],
)
def test_what_cannot_be_cut_is_said(service: Service, params: dict[str, str], status: int) -> None:
    with closing(service.client("operator")) as client:
        answer = client.get("/api/recordings/clip.mp4", params=params)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


def test_only_who_may_look_back_gets_in(service: Service) -> None:
    paths = ("/api/recordings", "/api/recordings/clip.mp4", "/api/recordings/none/video")
    for role in Role:
        with closing(service.client(role.value)) as client:
            for path in paths:
                answer: httpx.Response = client.get(path, params=between(20, 30))
                assert (answer.status_code == 403) is (role not in LOOKING_BACK), (role, path)


def test_the_figures_of_ingest_and_recording_are_exposed(
    start_service: StartService, sqlite_database: Database
) -> None:
    running = start_service(sqlite_database)
    message = StateMessage(
        camera_id="gate", role=StreamRole.SUB, state="online", since=1.0, cause="online", reason="fine",
        gop_seconds=2.0, packets=70, ring_bytes=1234, decode_seconds=1.5, failures={"refused": 3},
        recording="disk_full", recorded_bytes=99, recorded_segments=2, recording_dropped=7,
        attention=AttentionFigures(50, 8, 4, 0.1, {"smoke_fire": 12}, {"smoke_fire": 1.9}, rests=True),
    )  # fmt: skip
    with closing(running.client("administrator")) as client:
        # The shard of the tests reports states of its own in between.
        def told(path: str) -> str:
            running.shard.publisher.publish_state(message)
            return client.get(path).text

        text = ""

        def is_told() -> bool:
            nonlocal text
            text = told("/metrics")
            return 'vbrain_stream_ring_bytes{camera="gate",stream="sub"} 1234.0' in text

        wait_until(is_told, 60)
        for line in (
            'vbrain_stream_gop_seconds{camera="gate",stream="sub"} 2.0',
            'vbrain_stream_ring_bytes{camera="gate",stream="sub"} 1234.0',
            'vbrain_stream_decode_seconds_total{camera="gate",stream="sub"} 1.5',
            'vbrain_stream_failures_total{camera="gate",cause="refused",stream="sub"} 3.0',
            'vbrain_recording_ok{camera="gate"} 0.0',
            'vbrain_recording_packets_dropped_total{camera="gate"} 7.0',
            'vbrain_attention_shed_total{camera="gate"} 8.0',
            'vbrain_attention_looks_total{camera="gate",task="smoke_fire"} 12.0',
            'vbrain_attention_longest_gap_seconds{camera="gate",task="smoke_fire"} 1.9',
            'vbrain_attention_rests{camera="gate"} 1.0',
        ):
            assert line in text
        said = '"recording":{"state":"disk_full","written_bytes":99,"dropped":7}'
        wait_until(lambda: said in told("/api/cameras/gate"), 60)
