"""A phone in a real shard: its point comes and goes with what is handed over, also to a shard begun anew."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sqlalchemy import select

from alerts.evidence import EvidenceStore
from alerts.words import AlertDraft, Reason
from configs.phones import phone_points
from configs.site import Site
from configs.words import CameraId, IncidentKind, Instant, StreamRole
from ingest.words import Frame
from live.subscriber import ShardLink
from live.wire import STATE, PhoneUnit, StateMessage
from models.recordings import Recording
from models.session import Database
from models.tables import Alert
from runtime.camera_watch import Seen
from runtime.engines import Engines
from runtime.phones import SILENT_SECONDS, Carried, Phones
from runtime.shard import Shard
from tests.api.conftest import small_site, until
from tests.live.pictures import encode

PHONE = CameraId("phone-1")


@contextmanager
def shard_of(site: Site, database: Database, folder: Path) -> Iterator[Shard]:
    shard = Shard(
        site, phone_points(site), Engines({}, {}), database, EvidenceStore(folder / "evidence"), f"ipc://{folder}/s",
        folder / "recordings", folder / "feedback",
    )  # fmt: skip
    shard.start()
    stop = threading.Event()
    reporter = threading.Thread(target=shard.run, args=(stop,))
    reporter.start()
    try:
        yield shard
    finally:
        stop.set()
        reporter.join()
        shard.stop()


def test_it_is_shown_and_recorded_while_it_broadcasts_and_its_alerts_say_whose_it_is(
    sqlite_database: Database, tmp_path: Path
) -> None:
    site = small_site()
    filmed = encode(frames=20, gop=10, profile="baseline")
    states: dict[str, StateMessage] = {}

    async def main() -> None:
        link = ShardLink((f"ipc://{tmp_path}/s",))
        link.on_state = lambda message: states.__setitem__(message.camera_id, message)
        link.subscribe(STATE)
        link.start()
        number = 0

        async def film_until(
            happened: Callable[[], object],
            broadcast: str = "a",
            spot: tuple[float, float] | None = (0.25, 0.75),
        ) -> None:
            nonlocal number
            async with asyncio.timeout(30):
                while not happened():
                    packet = filmed[number % len(filmed)]
                    unit = PhoneUnit(PHONE, broadcast, "王芳", spot, packet.data, packet.is_keyframe, number / 10)
                    link.hand_over(unit)
                    number += 1
                    await asyncio.sleep(0.03)

        def state() -> str:
            return states[PHONE].state if PHONE in states else ""

        with shard_of(site, sqlite_database, tmp_path) as shard:
            assert not link.hand_over(PhoneUnit(PHONE, "a", "王芳", None, b"", False, 0.0)), "nobody takes it yet"
            await until(lambda: {PHONE, "phone-2"} <= states.keys())
            assert state() == "disabled", "no phone, no camera"
            assert not [t.name for t in threading.enumerate() if t.name.startswith("ingest-phone")]
            await film_until(lambda: state() == "online")
            post = shard._posts[PHONE]
            watch = post.watch
            assert post.place is not None and (post.place.x, post.place.y) == (0.25, 0.75)
            now = Instant(time.time())
            draft = AlertDraft(IncidentKind.FIRE, PHONE, now, now, 0.9, 3, Reason("火", "fire"))
            blank = np.zeros((2, 2, 3), np.uint8)
            frame = Frame(PHONE, StreamRole.SUB, lambda: blank, blank[..., 0], 0.0, now, (2, 2))
            shard._raise(post, Seen(drafts=(draft,)), frame)
            await film_until(lambda: states[PHONE].recorded_bytes > 20_000)
            await film_until(lambda: post.place is None, spot=None)

            await film_until(lambda: post.watch is not watch, broadcast="b")
            link.hand_over(PhoneUnit(PHONE, "a", "", None, b"", False, 0.0, is_over=True))
            await film_until(lambda: state() == "online", broadcast="b")
            link.hand_over(PhoneUnit(PHONE, "b", "", None, b"", False, 0.0, is_over=True))
            await until(lambda: state() == "disabled")

        states.clear()
        with shard_of(site, sqlite_database, tmp_path):
            await film_until(lambda: state() == "online", broadcast="c")
        await link.stop()

    asyncio.run(main())
    with sqlite_database.reading() as session:
        alert = session.scalars(select(Alert)).one()
        recordings = list(session.scalars(select(Recording)))
    assert (alert.reason_zh, alert.reason_en) == ("王芳的手机：火", "王芳's phone: fire")
    assert (alert.camera_id, alert.place_x, alert.place_y) == (PHONE, 0.25, 0.75)
    assert recordings and {row.camera_id for row in recordings} == {PHONE}
    assert not [t.name for t in threading.enumerate() if t.name.startswith(("ingest-phone", "phone line"))]


def test_who_falls_silent_is_let_go_and_what_is_not_ours_is_counted() -> None:
    now, told = [0.0], []
    phones = Phones(
        [PHONE], lambda camera_id, carried: told.append(carried), lambda *_: None, told.append, clock=lambda: now[0]
    )
    phones.hear(PhoneUnit(PHONE, "a", "Wang", None, b"k", True, 0.0))
    phones.hear(PhoneUnit("phone-9", "a", "Wang", None, b"k", True, 0.0))
    assert (told, phones.unknown) == ([Carried("Wang", None)], 1)
    now[0] = SILENT_SECONDS
    phones.tick()
    assert len(told) == 1
    now[0] += 0.1
    phones.tick()
    phones.tick()
    assert told[1:] == [PHONE]
