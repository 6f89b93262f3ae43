"""A shard with a real camera: what it records is written down, and an alert gets its clip."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sqlalchemy import select

from alerts.evidence import EvidenceStore
from alerts.words import AlertDraft, Reason
from configs.site import Site
from configs.words import CameraId, IncidentKind, Instant, StreamRole
from ingest.words import Frame
from models.recordings import Recording
from models.session import Database
from models.tables import Evidence
from runtime.camera_watch import Seen
from runtime.demo.clip import Clip, Loop
from runtime.demo.rtsp_server import RtspServer
from runtime.demo.thread import ThreadedServer
from runtime.engines import Engines
from runtime.recording_check import audit
from runtime.shard import Shard
from tests.ingest.test_recorder import shown_times
from tests.support.clips import make_clip


def site_of(server: ThreadedServer) -> Site:
    name = {"zh": "村口", "en": "gate"}
    rolls = {"pre_roll_seconds": 1, "post_roll_seconds": 1}
    camera = {
        "id": "gate", "name": name, "place": {"x": 0, "y": 0}, "group": "all",
        "streams": {"sub": server.url("sub"), "main": server.url("main")},
        "recording": {"mode": "continuous", **rolls},
    }  # fmt: skip
    return Site.model_validate({"site": {"name": name}, "groups": [{"id": "all", "name": name}], "cameras": [camera]})


def until(happened: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.05)


def test_a_shard_records_its_camera_and_gives_an_alert_its_clip(sqlite_database: Database, tmp_path: Path) -> None:
    sub = Loop(Clip.open(make_clip(tmp_path / "sub.mp4")))
    main = Loop(Clip.open(make_clip(tmp_path / "main.mp4", size=(320, 192))))
    with ThreadedServer(RtspServer({"sub": sub, "main": main})) as server:
        site = site_of(server)
        store, evidence = tmp_path / "recordings", tmp_path / "evidence"
        shard = Shard(
            site, site.cameras, Engines({}, {}), sqlite_database, EvidenceStore(evidence), f"ipc://{tmp_path}/s", store,
            tmp_path / "feedback",
        )  # fmt: skip
        gate = CameraId("gate")
        shard.start()
        try:
            post = shard._posts[gate]

            def seconds_held() -> float:
                shard._report(1.0)
                held = post.camera.recent(StreamRole.MAIN, 60.0)
                return held[-1].captured_at - held[0].captured_at if held else 0.0

            until(lambda: seconds_held() > 3)
            now = Instant(time.time())
            draft = AlertDraft(IncidentKind.FIRE, gate, now, now, 0.9, 3, Reason("火", "fire"))
            blank = np.zeros((2, 2, 3), np.uint8)
            frame = Frame(gate, StreamRole.SUB, lambda: blank, blank[..., 0], 0.0, now, (2, 2))
            shard._raise(post, Seen(drafts=(draft,)), frame)
            until(lambda: shard._archive.clips_attached == 1)
        finally:
            shard.stop()
    with sqlite_database.reading() as session:
        recordings = list(session.scalars(select(Recording)))
        clips = list(session.scalars(select(Evidence).where(Evidence.media_type == "video/mp4")))
        pictures = list(session.scalars(select(Evidence).where(Evidence.media_type == "image/jpeg")))
    assert recordings and {row.role for row in recordings} == {"main"} and {row.width for row in recordings} == {320}
    (clip,) = clips
    assert pictures[0].alert_id == clip.alert_id
    times = shown_times(evidence / clip.path)
    assert 1.5 <= times[-1] <= 4.0, "a second before, a second after, and the rest of the group before"
    assert not audit(sqlite_database, store, evidence, repair=False, hashes=True).findings
