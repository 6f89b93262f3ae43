"""Calls: who is asked, who is in one, what reaches whom. Time is a number that the test turns."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.call_consent import Consent, RecordingState
from live.call_desk import _BURST, _QUEUE, CallDesk, Goodbye, Line
from live.call_messages import BadMessage, Hello, Leave, Record, Status, parse
from live.call_people import FINAL, MOST_PEOPLE, PENDING, PRESENT, CallLimits, CallRefused, Fact, Person, Presence
from live.calls import Room


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def person(name: str, **more: Any) -> Person:
    return Person(id=name, name=name, user_id=f"user-{name}", may_record=True, **more)


def guest(name: str) -> Person:
    return Person(id=name, name=name)


class Scene:
    """A room with a clock, and all the facts so far."""

    def __init__(self, *asked: Person) -> None:
        self.clock, self.facts = Clock(), list[Fact]()
        self.room = Room("call", "incident", "host", [], self.clock)
        self.room.start(person("host"))
        self.room.join("host", "page-host", "device-host")
        if asked:
            self.room.invite(asked)

    def join(self, name: str, session: str | None = None, device: str = "device") -> None:
        self.room.join(name, session or f"page-{name}", device)

    def pass_time(self, seconds: float, step: float = 1.0) -> None:
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.clock.now = min(until, self.clock.now + step)
            self.room.tick()

    def told(self) -> list[tuple[str, str | None]]:
        self.facts += self.room.take_facts()
        return [(f.kind, f.person.id if f.person else None) for f in self.facts]

    def state(self, name: str) -> Presence:
        return self.room.people[name].state


def test_a_call_is_answered_declined_missed_and_how_long_it_took_is_known() -> None:
    scene = Scene(person("ann"), person("bob"), person("eve"))
    scene.room.shown("ann")
    scene.join("ann")
    scene.room.decline("bob")
    scene.pass_time(39)
    assert scene.state("eve") is Presence.INVITED
    scene.pass_time(2)
    assert [scene.state(n) for n in ("ann", "bob", "eve")] == [Presence.JOINED, Presence.DECLINED, Presence.MISSED]
    scene.pass_time(60)
    scene.room.leave("ann")
    scene.room.leave("host")
    assert scene.told() == [
        ("ringing", "ann"), ("joined", "ann"), ("declined", "bob"), ("missed", "eve"), ("left", "ann"),
        ("left", "host"), ("ended", None),
    ]  # fmt: skip
    assert scene.facts[-1].details == {"seconds": 101, "why": "nobody"}
    assert scene.room.people["ann"].seconds == 101
    with pytest.raises(CallRefused, match="over"):
        scene.join("eve")


def test_who_drops_out_is_waited_for_comes_back_as_the_same_and_else_was_gone_since_then() -> None:
    scene = Scene(person("ann"), person("bob"))
    scene.join("ann")
    scene.join("bob")
    scene.pass_time(10)
    scene.room.drop("ann", "an older page")
    scene.room.drop("bob", "page-bob")
    scene.room.drop("ann", "page-ann")
    scene.pass_time(4)
    assert scene.state("ann") is Presence.JOINED, "a blink of the network is nobody's business"
    scene.pass_time(2)
    assert scene.state("ann") is Presence.LOST
    scene.join("ann")
    assert scene.state("ann") is Presence.JOINED and scene.room.people["ann"].attached == 2
    scene.pass_time(60)
    bob = scene.room.people["bob"]
    assert bob.state is Presence.LEFT and bob.seconds == 10
    scene.room.end("hung_up")
    assert scene.room.people["ann"].seconds == 76
    assert ("lost", "ann") in scene.told() and ("back", "ann") in scene.told()


def test_a_call_goes_on_over_a_restart_and_who_does_not_come_back_was_gone_when_last_seen() -> None:
    clock = Clock()
    people = [
        Person(id=n, name=n, user_id=n, state=Presence.JOINED, joined_at=clock.now - 500, present_since=clock.now - 500)
        for n in ("host", "ann")
    ]
    room = Room("call", "incident", "host", people, clock, started_at=clock.now - 500)
    room.resume(seen_at=clock.now - 200)  # the service was away for longer than anybody is waited for
    room.tick()
    assert len(room.present) == 2
    room.join("host", "page", "device")
    clock.now += 61
    room.tick()
    assert (room.people["ann"].state, room.people["ann"].seconds) == (Presence.LEFT, 300)
    room.leave("host")
    assert room.people["host"].seconds == 561


def test_six_are_the_most_and_nobody_is_asked_when_not_all_can_be() -> None:
    scene = Scene(*(person(f"p{n}") for n in range(5)))
    with pytest.raises(CallRefused, match="at most 6") as refused:
        scene.room.invite([person("seventh")])
    assert refused.value.kind == "call-full" and "seventh" not in scene.room.people
    scene.room.decline("p0")
    scene.room.invite([person("seventh")])
    with pytest.raises(CallRefused, match="limit"):
        scene.join("p0")


def test_who_is_taken_out_comes_back_only_when_asked_again() -> None:
    scene = Scene(person("ann"), person("bob"))
    scene.join("ann")
    scene.room.remove("ann")
    assert scene.state("ann") is Presence.LEFT
    with pytest.raises(CallRefused, match="taken out"):
        scene.join("ann")
    scene.room.invite([person("ann")])
    scene.join("ann")
    assert scene.state("ann") is Presence.JOINED


def test_one_of_a_group_is_enough() -> None:
    scene = Scene(person("ann", asked_as="desk"), person("bob", asked_as="desk"), person("eve"))
    scene.join("bob")
    assert (scene.state("ann"), scene.state("eve")) == (Presence.CALLED_OFF, Presence.INVITED)


def test_a_call_in_which_one_waits_alone_ends_by_itself() -> None:
    scene = Scene(person("ann"))
    scene.pass_time(41)
    assert not scene.room.is_over and scene.state("ann") is Presence.MISSED
    scene.pass_time(121)
    assert (scene.room.is_over, scene.room.ended_why) == (True, "alone")
    left = Scene(person("ann"))
    left.join("ann")
    left.room.leave("host")
    left.pass_time(14)
    assert not left.room.is_over
    left.pass_time(2)
    assert (left.room.ended_why, left.room.people["ann"].seconds) == ("alone", 15)
    nobody_came = Scene(person("ann"))
    nobody_came.room.drop("host", "page-host")
    nobody_came.pass_time(70)
    assert (nobody_came.room.ended_why, nobody_came.room.people["host"].seconds) == ("nobody", 0)


def test_a_households_link_lets_one_in_and_a_second_only_when_the_first_has_gone() -> None:
    scene = Scene(guest("home"))
    scene.join("home", device="phone")
    with pytest.raises(CallRefused) as refused:
        scene.join("home", session="other", device="somebody else's phone")
    assert refused.value.kind == "call-taken"
    scene.join("home", session="loaded again", device="phone")
    scene.room.drop("home", "loaded again")
    scene.join("home", session="other", device="the same person's computer")
    assert scene.room.people["home"].device == "the same person's computer"
    scene.room.set_status("home", parse_status(camera="gate"))
    assert scene.room.people["home"].share is None and scene.room.people["home"].muted


def parse_status(camera: str | None = None) -> Status:
    share = {"camera_id": camera, "stream": "s1"} if camera else None
    found = parse(json.dumps({"type": "status", "muted": True, "camera_off": False, "share": share}))
    assert isinstance(found, Status)
    return found


# consent --------------------------------------------------------------------------------------------------------------


def test_recording_waits_for_everybody_pauses_for_who_joins_and_ends_with_who_asked() -> None:
    scene = Scene(person("ann"), person("bob"))
    scene.join("ann")
    scene.room.ask_to_record("host")
    assert scene.room.consent.state is RecordingState.ASKING
    scene.room.answer_recording("ann", True)
    assert scene.room.consent.state is RecordingState.ON
    scene.join("bob")
    assert scene.room.consent.state is RecordingState.PAUSED
    scene.room.answer_recording("bob", False)
    assert scene.room.consent.state is RecordingState.PAUSED
    scene.room.leave("bob")
    assert scene.room.consent.state is RecordingState.ON
    scene.room.drop("host", "page-host")
    scene.pass_time(6)
    assert scene.room.consent.state is RecordingState.PAUSED, "who records cannot be told that somebody joins"
    scene.join("host")
    assert scene.room.consent.state is RecordingState.ON
    scene.room.leave("host")
    assert scene.room.consent.state is RecordingState.OFF
    kinds = [kind for kind, _ in scene.told() if kind.startswith("record")]
    assert kinds == [
        "record_asked", "record_agreed", "record_on", "record_paused", "record_refused", "record_on", "record_paused",
        "record_on", "record_off",
    ]  # fmt: skip


def test_a_no_before_it_began_is_a_no_and_only_the_desk_asks() -> None:
    scene = Scene(person("ann"), guest("home"))
    scene.join("ann")
    scene.join("home")
    with pytest.raises(CallRefused):
        scene.room.ask_to_record("home")
    scene.room.ask_to_record("host")
    with pytest.raises(CallRefused, match="already"):
        scene.room.ask_to_record("ann")
    scene.room.answer_recording("ann", True)
    scene.room.answer_recording("home", False)
    assert scene.room.consent == Consent()


def test_whoever_comes_again_is_asked_again() -> None:
    scene = Scene(person("ann"))
    scene.join("ann")
    scene.room.ask_to_record("host")
    scene.room.answer_recording("ann", True)
    scene.room.leave("ann")
    scene.join("ann", session="later")
    assert scene.room.consent.state is RecordingState.PAUSED


# any order ------------------------------------------------------------------------------------------------------------

_NAMES = ["host", *(f"p{n}" for n in range(7)), "home"]
_STEPS: list[Callable[[Scene, str], object]] = [
    lambda s, n: s.room.invite([guest(n) if n == "home" else person(n)]),
    lambda s, n: s.room.shown(n),
    lambda s, n: s.room.join(n, f"page-{n}", "device"),
    lambda s, n: s.room.join(n, f"loaded-again-{n}", "other-device"),
    lambda s, n: s.room.drop(n, s.room.people[n].session or ""),
    lambda s, n: s.room.leave(n),
    lambda s, n: s.room.decline(n),
    lambda s, n: s.room.remove(n),
    lambda s, n: s.room.ask_to_record(n),
    lambda s, n: s.room.answer_recording(n, True),
    lambda s, n: s.room.answer_recording(n, False),
    lambda s, n: s.pass_time(7, 1),
    lambda s, n: s.pass_time(70, 7),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_STEPS), st.sampled_from(_NAMES)), max_size=60))
def test_whatever_happens_in_whatever_order(steps: list[tuple[Callable[[Scene, str], object], str]]) -> None:
    scene = Scene()
    for step, name in steps:
        before = scene.room.version
        try:
            step(scene, name)
        except (CallRefused, KeyError):
            assert scene.room.version == before, "what is refused changes nothing"
        people = list(scene.room.people.values())
        assert sum(p.state in PRESENT or p.state in PENDING for p in people) <= MOST_PEOPLE
        assert (not scene.room.present) <= scene.room.is_over
        if scene.room.consent.state is RecordingState.ON:
            assert {p.id for p in scene.room.present} <= scene.room.consent.agreed
    scene.room.end("hung_up")
    assert all(p.state in FINAL and p.present_since is None for p in scene.room.people.values())
    facts = scene.room.take_facts()
    assert [f.kind for f in facts].count("ended") == 1 and facts[-1].kind == "ended"
    for p in scene.room.people.values():
        kinds = [f.kind for f in facts if f.person and f.person.id == p.id]
        stays = kinds.count("joined") + (p.id == "host")
        assert kinds.count("left") == stays and p.seconds >= 0
        assert p.seconds <= (scene.room.ended_at or 0) - scene.room.started_at + 0.001
    with pytest.raises(CallRefused):
        scene.room.join("host", "page", "device")


# pages ----------------------------------------------------------------------------------------------------------------


def view(room: Room) -> dict[str, object]:
    return {"id": room.id, "states": {p.id: p.state.value for p in room.people.values()}}


class Desk:
    """Two calls of two, with a line for each page."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.desk = CallDesk(view, clock=self.clock)
        self.lines: dict[str, Line] = {}
        for call in ("one", "two"):
            room = Room(call, f"incident-{call}", f"{call}-a", [], self.clock, CallLimits())
            room.start(person(f"{call}-a"))
            room.invite([person(f"{call}-b")])
            self.desk.open(room)
            for name in (f"{call}-a", f"{call}-b"):
                hello = Hello(f"page-{name}", "device")
                self.lines[name] = self.desk.join(call, name, hello, f"login-{name}", lambda camera: camera == "gate")
        for line in self.lines.values():
            heard(line)

    def say(self, name: str, **message: object) -> None:
        self.desk.hear(self.lines[name], parse(json.dumps(message)))


def heard(line: Line) -> list[dict[str, Any]]:
    found: list[Any] = []
    while not line.queue.empty():
        found.append(line.queue.get_nowait())
    return [{"goodbye": f.why} if isinstance(f, Goodbye) else f for f in found]


def test_a_signal_reaches_whom_it_is_for_stamped_by_us_and_nobody_in_another_call() -> None:
    desk = Desk()
    offer = {"type": "offer", "sdp": "v=0"}
    desk.say("one-a", type="signal", to="one-b", description=offer)
    assert heard(desk.lines["one-b"]) == [
        {"type": "signal", "from": "one-a", "session": "page-one-a", "description": offer}
    ]
    for to in ("two-b", "nobody", "one-a"):
        desk.say("one-a", type="signal", to=to, description=offer)
        assert [m["type"] for m in heard(desk.lines["one-a"])] == ["refused"]
    assert not any(heard(line) for name, line in desk.lines.items() if name != "one-a")
    assert (desk.desk.totals.relayed, desk.desk.totals.refused) == (1, 3)


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        '{"type":"signal","to":"one-b"}',
        '{"type":"signal","to":"one-b","from":"boss","candidate":{"candidate":"x"}}',
        '{"type":"signal","to":"one-b","description":{"type":"pranswer","sdp":""}}',
        json.dumps({"type": "signal", "to": "b", "description": {"type": "offer", "sdp": "x" * 50_001}}),
        '{"type":"shout","words":"hello"}',
        '{"type":"hello","session":"../..","device":"d"}',
    ],
)
def test_what_is_no_message_of_a_call_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        parse(text)


def test_the_newer_page_takes_the_place_of_the_older_and_going_of_the_older_harms_nobody() -> None:
    desk = Desk()
    older = desk.lines["one-b"]
    newer = desk.desk.join("one", "one-b", Hello("page-2", "device"))
    assert heard(older)[-1] == {"goodbye": "elsewhere"}
    desk.desk.hang(older)
    assert desk.desk.rooms["one"].people["one-b"].away_since is None
    desk.desk.hear(older, Leave())
    assert desk.desk.rooms["one"].people["one-b"].state is Presence.JOINED
    desk.desk.hang(newer)
    assert desk.desk.rooms["one"].people["one-b"].away_since is not None


def test_a_page_that_says_too_much_or_reads_nothing_is_let_go_and_keeps_its_place() -> None:
    desk = Desk()
    for _ in range(int(_BURST) + 1):
        desk.say("one-a", type="signal", to="one-b", candidate={"candidate": ""})
    assert heard(desk.lines["one-a"])[-1] == {"goodbye": "too_much"}
    assert heard(desk.lines["one-b"]) == [{"goodbye": "too_much"}], f"it left more than {_QUEUE} unread"
    assert desk.desk.totals.let_go == 2
    assert len(desk.desk.rooms["one"].present) == 2
    desk.lines["one-a"] = desk.desk.join("one", "one-a", Hello("page-one-a", "device"))
    assert heard(desk.lines["one-a"])[0]["type"] == "call"


def test_the_end_is_told_to_every_page_and_the_room_is_gone() -> None:
    desk = Desk()
    desk.desk.rooms["one"].end("hung_up")
    desk.desk.tick()
    for name in ("one-a", "one-b"):
        *_, seen, goodbye = heard(desk.lines[name])
        assert seen["call"]["states"][name] == "left" and goodbye == {"goodbye": "over"}
        assert asyncio.run(desk.lines[name].next()) == Goodbye(4000, "over")
    assert set(desk.desk.rooms) == {"two"}
    desk.desk.hear(desk.lines["one-a"], Record(True))
    with pytest.raises(CallRefused):
        desk.desk.join("one", "one-a", Hello("page", "device"))


def test_a_camera_is_shown_by_who_may_see_it() -> None:
    desk = Desk()
    share = {"camera_id": "gate", "stream": "s"}
    desk.say("one-a", type="status", muted=False, camera_off=False, share=share)
    assert desk.desk.rooms["one"].people["one-a"].share is not None
    desk.say("one-a", type="status", muted=False, camera_off=False, share={**share, "camera_id": "other"})
    assert heard(desk.lines["one-a"])[-1]["kind"] == "not-allowed"


def test_who_logs_out_is_in_no_call() -> None:
    desk = Desk()
    assert "login-one-a" in desk.desk.logins()
    asyncio.run(desk.desk.end_login("login-one-a"))
    assert desk.desk.rooms["one"].people["one-a"].state is Presence.LEFT
    assert heard(desk.lines["one-a"])[-1] == {"goodbye": "logged_out"}
    assert not heard(desk.lines["two-a"])


def test_a_signal_to_who_is_away_or_has_loaded_anew_is_counted_as_undelivered() -> None:
    desk = Desk()
    candidate = {"candidate": "x"}
    desk.say("one-a", type="signal", to="one-b", session="an-earlier-page", candidate=candidate)
    assert not heard(desk.lines["one-b"]) and desk.desk.totals.undelivered == 1
    desk.say("one-a", type="signal", to="one-b", session="page-one-b", candidate=candidate)
    assert len(heard(desk.lines["one-b"])) == 1
    desk.desk.hang(desk.lines["one-b"])
    desk.say("one-a", type="signal", to="one-b", candidate=candidate)
    assert desk.desk.totals.undelivered == 2
