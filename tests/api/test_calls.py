"""Calls over HTTP and WebSockets: who may call whom, what rings, what reaches whom, what stays on record."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from pydantic import SecretStr
from sqlalchemy import select
from websockets.asyncio.client import ClientConnection

from alerts.assignments import ask
from alerts.notify.planner import Planner
from api.settings import LiveSettings
from configs.village import DEFAULT_VILLAGE, incident_kinds, load_village
from models.base import utc_now
from models.calls import Call, CallPerson, CallRecording
from models.governance import Delivery, PushSubscription
from models.session import Database
from models.tables import AuditEntry, Evidence, IncidentChange, User
from tests.api.conftest import PASSWORD, RunningServer, Service, StartService, until
from tests.api.test_incidents import raise_one

WEBM = b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm" + bytes(range(256))


class Page:
    """One page in a call: says and hears."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket, self.heard, self.me = socket, list[dict[str, Any]](), ""

    async def say(self, **message: object) -> None:
        await self.socket.send(json.dumps(message))

    async def until(self, kind: str, condition: Any = lambda message: True) -> dict[str, Any]:
        """The next message of that kind for which it holds."""
        async with asyncio.timeout(10):
            while True:
                message: dict[str, Any] = json.loads(await self.socket.recv())
                self.heard.append(message)
                if message["type"] == kind and condition(message):
                    return message

    async def call_until(self, condition: Any) -> dict[str, Any]:
        found: dict[str, Any] = (await self.until("call", lambda m: condition(m["call"])))["call"]
        return found

    async def closed(self) -> int:
        """The code that it is closed with."""
        async with asyncio.timeout(10):
            try:
                while True:
                    self.heard.append(json.loads(await self.socket.recv()))
            except websockets.ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else -1


def address(url: str, path: str) -> str:
    return f"ws{url.removeprefix('http')}/api/calls/{path}"


def cookie(client: httpx.AsyncClient) -> dict[str, str]:
    return {"Cookie": f"vbrain_session={client.cookies['vbrain_session']}"}


@asynccontextmanager
async def page(
    service: Service, client: httpx.AsyncClient | None, call: str, session: str = "page-1", token: str | None = None
) -> AsyncIterator[Page]:
    """A page that joins; welcomed."""
    path = f"line/{call}" if client else "guest-line"
    async with websockets.connect(address(service.url, path), additional_headers=cookie(client) if client else {}) as s:
        mine = Page(s)
        await mine.say(type="hello", session=session, device=f"device-{session}", token=token)
        welcome = await mine.until("welcome")
        mine.me = welcome["me"]
        yield mine


class People:
    """Clients of some roles, logged in."""

    def __init__(self, service: Service) -> None:
        self.service, self.clients, self.ids = service, dict[str, httpx.AsyncClient](), dict[str, str]()

    async def __aenter__(self) -> "People":
        for name in ("operator", "administrator", "grid_worker", "enforcement_officer", "viewer"):
            client = httpx.AsyncClient(base_url=self.service.url, timeout=20)
            answer = await client.post("/api/session", json={"username": name, "password": PASSWORD})
            assert answer.status_code == 200
            self.clients[name], self.ids[name] = client, answer.json()["user"]["id"]
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self.clients.values():
            await client.aclose()

    def __getitem__(self, name: str) -> httpx.AsyncClient:
        return self.clients[name]

    async def call(self, incident: str, *who: str, by: str = "operator", **more: object) -> httpx.Response:
        wish = {"users": [self.ids[w] for w in who], **more}
        return await self.clients[by].post(f"/api/incidents/{incident}/calls", json=wish)


def send_out(database: Database, incident: str, username: str) -> None:
    """The user is sent to the incident."""
    with database.session() as session:
        user = session.scalars(select(User).where(User.username == username)).one()
        ask(session, incident, [user.id], None, utc_now(), utc_now(), [])


def timeline(database: Database, incident: str) -> list[tuple[str, str | None]]:
    """What calls left on the timeline: the action, and who did it, or whom it concerns."""
    with database.reading() as session:
        rows = session.scalars(
            select(IncidentChange).where(IncidentChange.incident_id == incident).order_by(IncidentChange.id)
        ).all()
        names = {u.id: u.username for u in session.scalars(select(User))}
        return [
            (r.action, r.details.get("person") or names.get(r.actor_id or ""))
            for r in rows
            if r.action.startswith("call_")
        ]


def person(call: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(p for p in call["people"] if p["name"] == name)
    return found


def test_two_speak_and_all_of_it_is_on_the_timeline(start_service: StartService, database: Database) -> None:
    live = LiveSettings(ice_servers=("turn:turn.example.org",), turn_username="u", turn_password=SecretStr("secret"))
    service = start_service(database, live)
    incident = raise_one(database, "a1")

    async def scenario() -> None:
        async with People(service) as people:
            bell_at = websockets.connect(
                address(service.url, "bell"), additional_headers=cookie(people["grid_worker"])
            )  # fmt: skip
            async with bell_at as bell:
                assert json.loads(await bell.recv()) == {"reset": True, "calls": []}
                answer = await people.call(incident, "grid_worker", "enforcement_officer")
                assert answer.status_code == 201 and answer.json()["links"] == []
                call = answer.json()["call"]
                ringing = json.loads(await bell.recv())["calls"][0]
                while person(ringing, "grid_worker")["state"] != "ringing":
                    ringing = json.loads(await bell.recv())["calls"][0]
                assert (ringing["id"], ringing["kind"]) == (call["id"], "fire")
                assert person(ringing, "enforcement_officer")["state"] == "invited", "no page of theirs is open"
            assert (await people.call(incident, "viewer", by="administrator")).status_code == 409, "one at a time"
            async with page(service, people["operator"], call["id"]) as mine:
                welcome = mine.heard[0]
                assert welcome["ice_servers"] == [
                    {"urls": "turn:turn.example.org", "username": "u", "credential": "secret"}
                ]
                refused = await people["enforcement_officer"].post(f"/api/calls/{call['id']}/decline")
                assert refused.status_code == 204
                async with page(service, people["grid_worker"], call["id"]) as theirs:
                    await mine.call_until(lambda c: person(c, "grid_worker")["state"] == "joined")
                    offer = {"type": "offer", "sdp": "v=0"}
                    await mine.say(type="signal", to=theirs.me, description=offer)
                    signal = await theirs.until("signal")
                    assert signal == {"type": "signal", "from": mine.me, "session": "page-1", "description": offer}
                    await theirs.say(type="status", muted=True, camera_off=False, share=None)
                    await mine.call_until(lambda c: person(c, "grid_worker")["muted"])
                    share = {"camera_id": "gate", "stream": "abc"}
                    await mine.say(type="status", muted=False, camera_off=False, share=share)
                    shown = await theirs.call_until(lambda c: person(c, "operator")["share"])
                    assert person(shown, "operator")["share"]["name"]["zh"] == "监控gate"
                    await theirs.say(type="leave")
                    assert await theirs.closed() == 4000
                await mine.call_until(lambda c: person(c, "grid_worker")["state"] == "left")
                await mine.say(type="leave")
                assert await mine.closed() == 4000
            await until(lambda: ("call_ended", None) in timeline(database, incident))
            [seen] = (await people["viewer"].get(f"/api/incidents/{incident}/calls")).json()
            assert seen["ended_why"] == "nobody" and seen["id"] == call["id"]
            assert {p["name"]: p["state"] for p in seen["people"]} == {
                "operator": "left", "grid_worker": "left", "enforcement_officer": "declined",
            }  # fmt: skip
            scraped = (await people["administrator"].get("/metrics")).text
            assert "vbrain_call_signals_relayed_total 1.0" in scraped and "vbrain_calls 0.0" in scraped
            late = await people["grid_worker"].post(f"/api/calls/{call['id']}/decline")
            assert (late.status_code, late.json()["type"]) == (410, "/problems/call-over")

    asyncio.run(scenario())
    assert timeline(database, incident) == [
        ("call_asked", "operator"), ("call_declined", "enforcement_officer"), ("call_joined", "grid_worker"),
        ("call_left", "grid_worker"), ("call_left", "operator"), ("call_ended", None),
    ]  # fmt: skip
    shown = service.client("viewer").get(f"/api/incidents/{incident}").json()["timeline"]
    asked, ended = (next(c for c in shown if c["action"] == a) for a in ("call_asked", "call_ended"))
    assert asked["people"] == ["grid_worker", "enforcement_officer"] and ended["seconds"] is not None
    with database.reading() as session:
        audited = session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("call.%"))).all()
        assert sorted(audited) == ["call.join", "call.join", "call.start"]


def test_who_may_call_whom(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database)
    incident = raise_one(sqlite_database, "a1")

    async def scenario() -> None:
        async with People(service) as people:
            assert (await people.call(incident, "operator", by="viewer")).status_code == 403
            assert (await people.call(incident, "operator", by="grid_worker")).status_code == 403, "not sent to it"
            assert (await people.call("nowhere", "operator")).status_code == 404
            assert (await people.call(incident, "viewer")).status_code == 400, "viewers are not called"
            assert (await people.call(incident)).status_code == 400
            assert (await people.call(incident, "operator")).status_code == 400, "nobody calls themselves"
            send_out(sqlite_database, incident, "grid_worker")
            by = "grid_worker"
            assert (await people.call(incident, "enforcement_officer", by=by)).status_code == 403, "not of the crew"
            assert (await people.call(incident, by=by, households=[{"name": "李大妈"}])).status_code == 403
            answer = await people.call(incident, by=by, desk=True)
            assert answer.status_code == 201
            call = answer.json()["call"]
            assert {p["name"] for p in call["people"]} == {"grid_worker", "operator", "administrator"}
            stranger = websockets.connect(
                address(service.url, f"line/{call['id']}"), additional_headers=cookie(people["enforcement_officer"])
            )  # fmt: skip
            async with stranger as socket:
                outside = Page(socket)
                await outside.say(type="hello", session="s", device="d")
                assert await outside.closed() == 4004
            worker_joins = page(service, people["grid_worker"], call["id"])
            async with worker_joins, page(service, people["operator"], call["id"]) as desk:
                call = desk.heard[0]["call"]
                assert person(call, "administrator")["state"] == "called_off", "one of the desk is enough"
                worker = person(call, "grid_worker")["id"]
                url = f"/api/calls/{call['id']}"
                assert (await people["enforcement_officer"].post(f"{url}/end")).status_code == 403
                assert (await people["operator"].delete(f"{url}/people/{worker}")).status_code == 204
                await desk.call_until(lambda c: person(c, "grid_worker")["state"] == "left")
                more = {"users": [people.ids["enforcement_officer"]]}
                assert (await people["operator"].post(f"{url}/invitations", json=more)).status_code == 200
                assert (await people["administrator"].post(f"{url}/end")).status_code == 204
                assert await desk.closed() == 4000

    asyncio.run(scenario())


def test_a_household_joins_by_its_link_alone(start_service: StartService, database: Database) -> None:
    service = start_service(database)
    incident = raise_one(database, "a1")

    async def scenario() -> None:
        async with People(service) as people, httpx.AsyncClient(base_url=service.url) as stranger:
            asked = (await people.call(incident, households=[{"name": "李大妈"}])).json()
            [link] = asked["links"]
            path, _, token = link["link"].partition("#")
            assert path == "/call" and len(token) == 32 and token not in json.dumps(asked["call"])
            look = await stranger.post("/api/calls/guest", json={"token": token})
            assert look.json() == {
                "village": {"zh": "余东村", "en": "Yudong"}, "name": "李大妈", "by": "operator", "state": "waiting",
            }  # fmt: skip
            wrong = await stranger.post("/api/calls/guest", json={"token": "x" * 32})
            assert wrong.status_code == 410
            async with page(service, people["operator"], asked["call"]["id"]) as mine:
                async with page(service, None, "", token=token) as guest:
                    await mine.call_until(lambda c: person(c, "李大妈")["state"] == "joined")
                    async with websockets.connect(address(service.url, "guest-line")) as socket:
                        second = Page(socket)
                        await second.say(type="hello", session="other", device="other", token=token)
                        assert await second.closed() == 4006
                    # a household passes on no camera, whatever its page says
                    share = {"camera_id": "gate", "stream": "abc"}
                    await guest.say(type="status", muted=True, camera_off=True, share=share)
                    assert (await guest.until("refused"))["kind"] == "not-allowed"
                    await guest.say(type="record", wanted=True)
                    assert (await guest.until("refused"))["kind"] == "not-allowed"
                # another household is taken out: its link holds no more, while the call goes on
                url = f"/api/calls/{asked['call']['id']}"
                wish = {"households": [{"name": "王大爷"}]}
                [other] = (await people["operator"].post(f"{url}/invitations", json=wish)).json()["links"]
                token_of_other = other["link"].partition("#")[2]
                async with page(service, None, "", token=token_of_other) as guest:
                    assert (await people["operator"].delete(f"{url}/people/{other['person']}")).status_code == 204
                    assert await guest.closed() == 4002
                await until(lambda: ("call_left", "王大爷") in timeline(database, incident))
                assert (await stranger.post("/api/calls/guest", json={"token": token_of_other})).status_code == 410
                await people["operator"].post(f"{url}/end")
                await mine.closed()
            await until(lambda: ("call_ended", None) in timeline(database, incident))
            assert (await stranger.post("/api/calls/guest", json={"token": token})).status_code == 410

    asyncio.run(scenario())
    assert ("call_joined", "李大妈") in timeline(database, incident)
    with database.reading() as session:
        guests = session.scalars(select(CallPerson).where(CallPerson.user_id.is_(None))).all()
        assert [(g.link_hash, g.state) for g in guests] == [(None, "left")] * 2


def test_a_page_of_another_site_gets_no_line(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database)

    async def scenario() -> None:
        with pytest.raises(websockets.InvalidStatus):
            async with websockets.connect(address(service.url, "guest-line"), origin="https://evil.example"):  # type: ignore[arg-type]
                pass
        for path in ("bell", "line/whatever"):
            with pytest.raises(websockets.InvalidStatus):
                async with websockets.connect(address(service.url, path)):
                    pass

    asyncio.run(scenario())


def test_a_call_goes_on_while_the_service_is_away(start_service: StartService, database: Database) -> None:
    service = start_service(database)
    incident = raise_one(database, "a1")

    async def scenario() -> None:
        async with People(service) as people:
            call = (await people.call(incident, "grid_worker")).json()["call"]
            one = page(service, people["operator"], call["id"])
            async with one as mine, page(service, people["grid_worker"], call["id"]):
                await mine.call_until(lambda c: person(c, "grid_worker")["state"] == "joined")
                await until(lambda: ("call_joined", "grid_worker") in timeline(database, incident))
            # what another process of the service finds when it starts
            later = RunningServer(service.settings)
            await asyncio.to_thread(later.start)
            try:
                second = Service(later.url, database, service.shard, service.settings)
                async with page(second, people["operator"], call["id"], session="page-1") as mine:
                    seen = mine.heard[0]["call"]
                    assert person(seen, "operator")["state"] == "joined"
                    assert person(seen, "grid_worker")["state"] == "lost", "not heard of yet, and waited for"
                    assert person(seen, "operator")["seconds"] > 0
            finally:
                await asyncio.to_thread(later.stop)

    asyncio.run(scenario())


def test_a_call_that_ended_while_the_service_was_away_ended_when_it_was_last_seen(
    start_service: StartService, database: Database
) -> None:
    incident = raise_one(database, "a1")
    began, seen = datetime(2026, 5, 4, 2, 0, tzinfo=UTC), datetime(2026, 5, 4, 2, 5, tzinfo=UTC)
    with database.session() as session:
        user = User(username="somebody", display_name="somebody", password_hash="-", role="operator")
        session.add(user)
        session.flush()
        session.add(Call(id="c" * 32, incident_id=incident, started_by=user.id, started_at=began, seen_at=seen))
        session.flush()
        session.add(
            CallPerson(
                id="p" * 32, call_id="c" * 32, user_id=user.id, name="somebody", state="joined", rings_until=began,
                joined_at=began, present_since=began,
            )
        )  # fmt: skip
    start_service(database)
    asyncio.run(until(lambda: ("call_ended", None) in timeline(database, incident)))
    with database.reading() as session:
        call, person_row = session.get_one(Call, "c" * 32), session.get_one(CallPerson, "p" * 32)
        assert (call.ended_at, call.ended_why) == (seen, "lost")
        assert (person_row.state, person_row.seconds, person_row.left_at) == ("left", 300, seen)


def test_who_logs_out_has_left(start_service: StartService, sqlite_database: Database) -> None:
    service = start_service(sqlite_database)
    incident = raise_one(sqlite_database, "a1")

    async def scenario() -> None:
        async with People(service) as people:
            call = (await people.call(incident, "grid_worker")).json()["call"]["id"]
            async with page(service, people["operator"], call) as mine:
                async with page(service, people["grid_worker"], call) as theirs:
                    await people["grid_worker"].delete("/api/session")
                    assert await theirs.closed() == 4003
                left = await mine.call_until(lambda c: person(c, "grid_worker")["state"] == "left")
                assert left["ended_at"] is None

    asyncio.run(scenario())


def test_who_is_called_is_told_by_push_with_a_way_to_answer(
    start_service: StartService, sqlite_database: Database
) -> None:
    service = start_service(sqlite_database)
    incident = raise_one(sqlite_database, "a1")

    async def scenario() -> str:
        async with People(service) as people:
            with sqlite_database.session() as session:
                for name in ("grid_worker", "enforcement_officer"):
                    session.add(
                        PushSubscription(
                            user_id=people.ids[name], endpoint="https://push.example", endpoint_hash=name,
                            p256dh="-", auth="-",
                        )
                    )  # fmt: skip
            answer = await people.call(incident, "grid_worker", "operator", by="administrator")
            return str(answer.json()["call"]["id"])

    call = asyncio.run(scenario())
    with sqlite_database.session() as session:
        Planner(load_village(DEFAULT_VILLAGE, {}), incident_kinds()).plan(session, utc_now())
    with sqlite_database.reading() as session:
        [told] = session.scalars(select(Delivery).where(Delivery.event == "call")).all()
        assert told.content["link"] == f"/calls/{call}?incident={incident}"
        assert "administrator" in told.content["body"]["en"] and told.next_at <= utc_now()
        assert told.content["until"] > utc_now().isoformat()


# recordings -----------------------------------------------------------------------------------------------------------


def test_a_recording_that_all_agreed_to_becomes_evidence(
    start_service: StartService, database: Database, tmp_path: Path
) -> None:
    service = start_service(database)
    incident = raise_one(database, "a1")
    pieces = [WEBM, b"second", b"third"]

    async def scenario() -> str:
        async with People(service) as people:
            call = (await people.call(incident, "grid_worker")).json()["call"]["id"]
            operator = people["operator"]
            async with page(service, operator, call) as mine, page(service, people["grid_worker"], call) as theirs:
                assert (await operator.post(f"/api/calls/{call}/recordings")).status_code == 409
                await mine.say(type="record", wanted=True)
                await theirs.call_until(lambda c: c["recording"]["state"] == "asking")
                assert (await operator.post(f"/api/calls/{call}/recordings")).status_code == 409
                await theirs.say(type="agree", agrees=True)
                await mine.call_until(lambda c: c["recording"]["state"] == "on")
                assert (await people["grid_worker"].post(f"/api/calls/{call}/recordings")).status_code == 409
                recording = (await operator.post(f"/api/calls/{call}/recordings")).json()["id"]
                url = f"/api/calls/recordings/{recording}"
                bad = await operator.put(f"{url}/pieces/0", content=b"<html>not a film</html>")
                assert bad.status_code == 415
                for number, piece in enumerate(pieces):
                    for _ in range(2):  # an answer that got lost is asked for again
                        answer = await operator.put(f"{url}/pieces/{number}", content=piece)
                        assert answer.json() == {"pieces": number + 1}
                assert (await operator.put(f"{url}/pieces/7", content=b"x")).status_code == 409
                assert (await people["administrator"].put(f"{url}/pieces/3", content=b"x")).status_code == 404
                assert (await operator.put(f"{url}/pieces/3", content=b"x" * 900_001)).status_code == 413
                evidence = (await operator.post(f"{url}/finish")).json()
                assert (await operator.post(f"{url}/finish")).json() == evidence, "twice is no harm"
                film = await operator.get(evidence["url"])
                assert (film.content, film.headers["content-type"]) == (b"".join(pieces), "video/webm")
                assert evidence["sha256"] == hashlib.sha256(film.content).hexdigest()
                return str(evidence["id"])

    evidence_id = asyncio.run(scenario())
    detail = service.client("viewer").get(f"/api/incidents/{incident}").json()
    assert [p["id"] for p in detail["photos"]] == [evidence_id]
    told = [action for action, _ in timeline(database, incident)]
    for action in ("call_record_asked", "call_record_agreed", "call_record_on", "call_recorded"):
        assert action in told
    assert not list((tmp_path / "evidence" / "call-parts").iterdir())


def test_what_had_arrived_when_everything_died_is_evidence(start_service: StartService, database: Database) -> None:
    incident = raise_one(database, "a1")
    service = start_service(database)
    from alerts.call_recordings import SILENT, CallRecordings
    from alerts.evidence import EvidenceStore

    recordings = CallRecordings(EvidenceStore(service.settings.evidence_dir))
    long_ago = utc_now() - 2 * SILENT
    with database.session() as session:
        user = session.scalars(select(User).where(User.username == "operator")).one().id
        session.add(Call(id="c" * 32, incident_id=incident, started_by=user, ended_at=long_ago))
        session.flush()
        one = recordings.begin(session, "c" * 32, incident, user, long_ago)
        empty = recordings.begin(session, "c" * 32, incident, user, long_ago)
        recordings.add(session, one, user, 0, WEBM, long_ago)
    # a piece whose row was never committed lies behind what is known
    with pytest.raises(RuntimeError), database.session() as session:
        recordings.add(session, one, user, 1, b"half a piece", long_ago)
        raise RuntimeError("killed")
    assert recordings.finish_silent(database, utc_now()) == 2
    assert recordings.finish_silent(database, utc_now()) == 0
    with database.reading() as session:
        row = session.get_one(CallRecording, one)
        evidence = session.get_one(Evidence, row.evidence_id)
        assert session.get_one(CallRecording, empty).evidence_id is None
        file = service.settings.evidence_dir / evidence.path
        assert file.read_bytes() == WEBM and evidence.sha256 == hashlib.sha256(WEBM).hexdigest()
