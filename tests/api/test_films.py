"""Live feeds over one HTTP response: whole MP4 from the first byte on, the last group at once, bounded, closed."""

import asyncio
import io

import av
import httpx
from sqlalchemy import select

from api.routes.films import FilmResponse
from api.settings import LiveSettings
from configs.words import CameraId, StreamRole
from live.feed import Feed
from live.film import Film, film_header
from live.films import FilmDesk
from live.fitness import Unfit
from live.playable import How, Served
from live.seats import Seats
from live.wire import PacketMessage
from models.session import Database
from models.tables import AuditEntry
from tests.api.conftest import StartService, until
from tests.api.test_whep import run
from tests.live.pictures import encode


def message(packet: object, number: int) -> PacketMessage:
    p = packet
    return PacketMessage(
        p.camera_id, p.role, p.data, p.is_keyframe, p.stream_time, p.captured_at, p.codec,  # type: ignore[attr-defined]
        p.width, p.height, False, number,  # type: ignore[attr-defined]
    )  # fmt: skip


def test_a_film_is_an_mp4_with_the_streams_own_times() -> None:
    packets = encode(frames=30, gop=10)
    feed = Feed(CameraId("gate"), StreamRole.SUB)
    for number, packet in enumerate(packets[:15], start=1):
        feed.take(message(packet, number))
    keyframe = feed.group[0]
    film = Film(feed, keyframe, film_header(keyframe.data))
    film.start()
    viewer = film.out.join(100)
    for number, packet in enumerate(packets[15:], start=16):
        feed.take(message(packet, number))
    data = film.header + b"".join(m.data for m in viewer.waiting)
    with av.open(io.BytesIO(data)) as container:
        frames = [round(frame.time, 3) for frame in container.decode(video=0)]
    assert frames == [round(0.1 * n, 3) for n in range(20)]
    assert film.content_type.startswith('video/mp4; codecs="avc1.42')


def test_loss_goes_on_at_a_key_frame_and_another_beginning_ends_the_film() -> None:
    packets = encode(frames=30, gop=10)
    feed = Feed(CameraId("gate"), StreamRole.SUB)
    feed.take(message(packets[0], 1))
    film = Film(feed, feed.group[0], film_header(packets[0].data))
    film.start()
    viewer = film.out.join(100)
    for number in (1, 2, 5, 6, 10, 11):
        feed.take(message(packets[number], number + 1))
    assert [round(m.stream_time * 10) for m in viewer.waiting] == [0, 1, 2, 10, 11]
    assert viewer.frames_dropped >= 2
    other = encode(frames=1, size=(640, 384))[0]
    feed.take(message(other, 13))
    assert film.out.is_closed


def test_a_reader_that_takes_nothing_is_let_go() -> None:
    async def scenario() -> None:
        packets = encode(frames=10, gop=10)
        feed = Feed(CameraId("gate"), StreamRole.SUB)
        feed.take(message(packets[0], 1))

        class Always:
            async def hold(self, camera_id: CameraId, role: StreamRole) -> Served:
                return Served(feed, feed.group[0], How.AS_IS)

            def release(self, served: Served) -> None:
                pass

        seats = Seats(1, 1)
        desk = FilmDesk(Always(), seats)  # type: ignore[arg-type]
        reader = await desk.open(CameraId("gate"), StreamRole.SUB)
        never = asyncio.Event()

        async def stuck(event: object) -> None:
            if event["type"] == "http.response.body":  # type: ignore[index]
                await never.wait()

        async def receive() -> dict[str, str]:
            await never.wait()
            return {}

        await FilmResponse(desk, reader, {}, 0.05)({"type": "http"}, receive, stuck)
        assert len(desk) == 0 and desk.totals.dead == 1 and not feed.viewers
        desk.close(await desk.open(CameraId("gate"), StreamRole.SUB))

    asyncio.run(scenario())


def test_a_film_of_the_stream_that_stood_in_ends_when_the_one_asked_for_is_back() -> None:
    async def scenario() -> None:
        packets = encode(frames=10, gop=10)
        sub, main = Feed(CameraId("gate"), StreamRole.SUB), Feed(CameraId("gate"), StreamRole.MAIN)
        sub.take(message(packets[0], 1))

        class StandsIn:
            async def hold(self, camera_id: CameraId, role: StreamRole) -> Served:
                return Served(sub, sub.group[0], How.OTHER_STREAM, Unfit.NO_PICTURE, awaited=main)

            def release(self, served: Served) -> None:
                pass

        desk = FilmDesk(StandsIn(), Seats(1, 1))  # type: ignore[arg-type]
        reader = await desk.open(CameraId("gate"), StreamRole.MAIN)
        assert await reader.read() is not None
        main.take(message(packets[0], 1))
        sub.take(message(packets[1], 2))
        assert await reader.read() is None
        desk.close(reader)

    asyncio.run(scenario())


def test_it_plays_over_http_with_the_limits_and_the_audit_of_webrtc(
    start_service: StartService, sqlite_database: Database
) -> None:
    service = start_service(sqlite_database, LiveSettings(viewers_per_camera=1, idle_seconds=0.2))

    async def scenario(client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "/api/cameras/gate/live.mp4", params={"role": "main"}) as answer:
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith('video/mp4; codecs="avc1.42')
            assert answer.headers["x-live-serving"] == "as_is"
            assert len(answer.headers["x-media-zero"].split()) == 2
            data = b""
            chunks = answer.aiter_bytes()  # when it is forgotten, the connection closes
            async for chunk in chunks:
                data += chunk
                if data.count(b"moof") >= 15:
                    break
            with av.open(io.BytesIO(data)) as container:
                frames = [frame.time for frame in container.decode(video=0)]
            assert len(frames) >= 12 and frames == sorted(frames)
            again = await client.get("/api/cameras/gate/live.mp4")
            assert again.status_code == 503 and again.json()["type"] == "/problems/too-many-viewers"
            streams = (await client.get("/api/cameras/gate")).json()["streams"]
            assert {s["role"]: s["viewers"] for s in streams} == {"sub": 0, "main": 1}
        await until(lambda: (CameraId("gate"), StreamRole.MAIN) in service.shard.unsubscribed, seconds=30)
        assert (await client.get("/api/cameras/nowhere/live.mp4")).status_code == 404
        async with httpx.AsyncClient(base_url=service.url) as stranger:
            assert (await stranger.get("/api/cameras/gate/live.mp4")).status_code == 401

    run(service, scenario)
    with service.database.reading() as session:
        viewed = session.scalars(select(AuditEntry).where(AuditEntry.action == "feed.view")).all()
    assert [entry.subject for entry in viewed] == ["gate/main"]
