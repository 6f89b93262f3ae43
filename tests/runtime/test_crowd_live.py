"""A shard, a real camera, real weights and a real crowd, too small for the sub stream: the main stream counts it."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from alerts.evidence import EvidenceStore
from configs.site import Site
from detectors.catalogue import Catalogue, Task
from detectors.engine import open_engine
from models.session import Database
from models.tables import Alert
from runtime.demo.clip import Clip, Loop
from runtime.demo.rtsp_server import RtspServer
from runtime.demo.thread import ThreadedServer
from runtime.engines import Engines
from runtime.shard import Shard
from tests.support.clips import make_clip

pytestmark = pytest.mark.shared_data
PICTURES = range(140, 240)


def site_of(server: ThreadedServer) -> Site:
    name = {"zh": "广场", "en": "square"}
    whole = [[0, 0], [1, 0], [1, 1], [0, 1]]
    camera = {
        "id": "square", "name": name, "place": {"x": 0, "y": 0}, "group": "all", "watch": ["crowd"],
        "streams": {"sub": server.url("sub"), "main": server.url("main")}, "recording": {"mode": "off"},
        "zones": [{"id": "whole", "name": name, "polygon": whole, "crowd_at": 5}],
    }  # fmt: skip
    settings = {"name": name, "crowd_persists_seconds": 2}
    return Site.model_validate({"site": settings, "groups": [{"id": "all", "name": name}], "cameras": [camera]})


def far_people(clip: Path) -> list[np.ndarray]:
    """The campus clip as the middle of a picture twice as wide and high."""
    video, shown = cv2.VideoCapture(str(clip)), []
    for number in range(PICTURES.stop):
        read, picture = video.read()
        assert read
        if number >= PICTURES.start:
            shown.append(np.full((1152, 1536, 3), 114, np.uint8))
            shown[-1][288:864, 384:1152] = picture
    video.release()
    return shown


def until(happened: Callable[[], object], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.1)


@pytest.mark.timeout(400)
def test_a_crowd_of_small_people_becomes_an_alert(sqlite_database: Database, shared_data: Path, tmp_path: Path) -> None:
    pictures = far_people(shared_data / "clips" / "pets09-s2l1-view1.avi")
    seconds = len(pictures) / 7
    main = make_clip(
        tmp_path / "main.mp4", size=(1536, 1152), fps=7, seconds=seconds, gop=7, scene=pictures.__getitem__
    )
    small = [np.asarray(cv2.resize(p, (384, 288), interpolation=cv2.INTER_AREA)) for p in pictures]
    sub = make_clip(tmp_path / "sub.mp4", size=(384, 288), fps=7, seconds=seconds, gop=7, scene=small.__getitem__)
    engine = open_engine(Catalogue.load(folders=[shared_data / "weights"]).find(Task.PEOPLE_VEHICLES, (416, 256)))
    server = ThreadedServer(RtspServer({"sub": Loop(Clip.open(sub)), "main": Loop(Clip.open(main))}))
    with server:
        site = site_of(server)
        shard = Shard(
            site, site.cameras, Engines({Task.PEOPLE_VEHICLES: engine}, {}), sqlite_database,
            EvidenceStore(tmp_path / "evidence"), f"ipc://{tmp_path}/s", tmp_path / "recordings", tmp_path / "feedback",
        )  # fmt: skip
        shard.start()
        try:
            until(lambda: shard._crowd_desk.looks)
            until(lambda: _alerts(sqlite_database))
        finally:
            shard.stop()
            engine.close()
    assert shard._crowd_desk.failed == 0
    alert = _alerts(sqlite_database)[0]
    assert alert.kind == "crowd" and alert.numbers["level"] == "filling" and 5 <= alert.numbers["people"] <= 9


def _alerts(database: Database) -> list[Alert]:
    with database.reading() as session:
        return list(session.scalars(select(Alert)))
