"""Who is told, how often, and what becomes of a message on its way."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from alerts.incidents import raise_alert
from alerts.notify import webhook
from alerts.notify.channels import Browser, Parcel, send_apprise, send_push, send_webhook, vapid_pem, vapid_public
from alerts.notify.courier import LEASE, Courier
from alerts.notify.webhook import PassingFailure, PermanentFailure, checked_address, is_public, verify
from alerts.tick import tick
from configs.kinds import load_kinds
from configs.site import Place
from configs.village import DEFAULT_VILLAGE, Channel, ChannelKind, Notifications, NotifyRule, Village, load_village
from configs.words import IncidentKind
from models.base import new_id
from models.governance import Delivery, PushSubscription
from models.session import Database
from tests.alerts.people import NOON, act, add_users, draft
from tests.support.receiver import Receiver, receiving

SECOND = timedelta(seconds=1)
KINDS = load_kinds()
PLACE = Place(x=0.45, y=0.45)
NIGHT = datetime(2026, 5, 4, 15, 0, tzinfo=UTC)  # 23:00 in the village


def with_rules(*rules: dict[str, Any], quiet: bool = False, most_attempts: int = 12) -> Village:
    channels = [
        Channel(id="chat", kind=ChannelKind.APPRISE, url="json://x", language="en"),  # type: ignore[arg-type]
        Channel(id="off", kind=ChannelKind.APPRISE),
        Channel(id="phones", kind=ChannelKind.PUSH),
    ]
    usual: dict[str, Any] = {"on": ["opened"], "channels": ["chat"]}
    spans = [{"start": "22:00", "end": "06:30"}] if quiet else []
    told = Notifications.model_validate(
        {"channels": channels, "quiet": {"hours": spans}, "most_attempts": most_attempts,
         "rules": [NotifyRule.model_validate({"id": f"r{n}"} | usual | r) for n, r in enumerate(rules or ({},))]}
    )  # fmt: skip
    return load_village(DEFAULT_VILLAGE, {}).model_copy(update={"notifications": told})


class Post:
    """Takes parcels, or refuses as many as it is told to."""

    def __init__(self) -> None:
        self.taken: list[Parcel] = []
        self.refuse: list[Exception] = []

    def __call__(self, channel: Channel, parcel: Parcel, now: datetime) -> None:
        if self.refuse:
            raise self.refuse.pop(0)
        self.taken.append(parcel)

    @property
    def titles(self) -> list[str]:
        return [p.content["title"]["en"] for p in self.taken]


def courier(database: Database, place: Village, post: Post) -> Courier:
    return Courier(database, place, KINDS, dict.fromkeys(ChannelKind, post))


def fire(database: Database, place: Village, at: datetime = NOON, kind: IncidentKind = IncidentKind.FIRE,
         where: Place = PLACE, camera: str = "a", severity: int = 3) -> str:  # fmt: skip
    one = draft(kind, at.timestamp(), camera, severity)
    with database.session() as session:
        return raise_alert(session, new_id(), one, where, rules=(place, KINDS)).incident.id


def states(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Delivery.state).order_by(Delivery.created_at, Delivery.id)))


def test_a_fire_is_told_once_with_what_it_is(database: Database) -> None:
    place, post = with_rules(), Post()
    incident_id = fire(database, place)
    one = courier(database, place, post)
    for _ in range(3):
        one.deliver_due(NOON)
    assert post.titles == ["New: Fire"]
    assert post.taken[0].content["incident_id"] == incident_id and post.taken[0].content["body"]["zh"] == "因为"


@pytest.mark.parametrize(
    ("why", "rule", "told"),
    [
        ("any", {}, True),
        ("of another kind", {"kinds": ["crowd"]}, False),
        ("of an area", {"areas": ["centre"]}, True),
        ("of another area", {"areas": ["east"]}, False),
        ("too mild", {"min_severity": 4}, False),
        ("out of hours", {"hours": [{"start": "20:00", "end": "21:00"}]}, False),
        ("of another step", {"on": ["close"]}, False),
        ("through a channel that is off", {"channels": ["off"]}, False),
    ],
)
def test_rules(sqlite_database: Database, why: str, rule: dict[str, Any], told: bool) -> None:
    place, post = with_rules(rule), Post()
    fire(sqlite_database, place)
    courier(sqlite_database, place, post).deliver_due(NOON)
    assert bool(post.taken) is told, why


def test_cooldown_groups_one_visit_but_never_a_new_kind_an_escalation_or_something_graver(database: Database) -> None:
    place, post = with_rules({"on": ["opened", "escalated"], "cooldown_seconds": 600}), Post()
    one = courier(database, place, post)
    crowd, near = IncidentKind.CROWD, Place(x=0.6, y=0.6)
    fire(database, place, NOON, crowd, PLACE, "a", 2)
    fire(database, place, NOON, crowd, near, "b", 2)
    one.deliver_due(NOON)
    assert len(post.taken) == 1 and post.taken[0].more == 1 and states(database).count("grouped") == 1
    fire(database, place, NOON, crowd, Place(x=0.32, y=0.65), "c", 4)
    one.deliver_due(NOON + SECOND)
    fire(database, place, NOON, IncidentKind.SMOKE, PLACE, "a", 2)
    one.deliver_due(NOON + 2 * SECOND)
    assert post.titles == ["New: Crowd", "New: Crowd", "New: Smoke"]
    tick(database, NOON + 200 * SECOND, (place, KINDS))
    one.deliver_due(NOON + 200 * SECOND)
    assert sum(t.startswith("Late: Crowd") for t in post.titles) == 3


def test_smoke_that_becomes_fire_is_told_again(database: Database) -> None:
    place, post = with_rules({"cooldown_seconds": 600}), Post()
    first = fire(database, place, NOON, IncidentKind.SMOKE)
    one = courier(database, place, post)
    one.deliver_due(NOON)
    assert fire(database, place, NOON + SECOND, IncidentKind.FIRE) == first
    one.deliver_due(NOON + SECOND)
    assert post.titles == ["New: Smoke", "Graver: Fire"]


def test_quiet_hours_let_fire_through_and_the_rest_waits_for_the_morning(database: Database) -> None:
    place, post = with_rules({}, quiet=True), Post()
    fire(database, place, NIGHT, IncidentKind.FACILITY)
    fire(database, place, NIGHT, IncidentKind.FIRE)
    one = courier(database, place, post)
    one.deliver_due(NIGHT)
    assert post.titles == ["New: Fire"]
    one.deliver_due(NIGHT + timedelta(hours=7, minutes=29))
    assert len(post.taken) == 1
    one.deliver_due(NIGHT + timedelta(hours=7, minutes=31))
    assert post.titles[1] == "New: Public facilities"


def test_a_digest_is_one_message(database: Database) -> None:
    place, post = with_rules({"digest_at": ["18:00"]}), Post()
    for number in range(3):
        fire(database, place, NOON, IncidentKind.FACILITY, Place(x=0.4 + number / 10, y=0.4), f"c{number}")
    one = courier(database, place, post)
    one.deliver_due(NOON)
    assert not post.taken
    one.deliver_due(NOON + timedelta(hours=9))
    assert post.titles == ["Digest: 3 messages"] and len(post.taken[0].content["items"]) == 3
    assert states(database) == ["sent"] * 3


def test_passing_failures_are_tried_again_ever_later_and_permanent_ones_are_not(database: Database) -> None:
    place, post = with_rules(most_attempts=3), Post()
    post.refuse = [PassingFailure("busy"), PassingFailure("busy", retry_after=100.0)]
    fire(database, place)
    one = courier(database, place, post)
    assert one.deliver_due(NOON).put_off == 1 and one.deliver_due(NOON + 4 * SECOND).put_off == 0
    assert one.deliver_due(NOON + 6 * SECOND).put_off == 1
    assert one.deliver_due(NOON + 60 * SECOND).sent == 0 and one.deliver_due(NOON + 110 * SECOND).sent == 1
    fire(database, place, kind=IncidentKind.CROWD)
    post.refuse = [PermanentFailure("the address is wrong")]
    assert one.deliver_due(NOON + 200 * SECOND).failed == 1
    assert one.deliver_due(NOON + timedelta(days=1)).sent == 0
    fire(database, place, kind=IncidentKind.DISPUTE)
    post.refuse = [PassingFailure("busy")] * 9
    for minute in range(10):
        one.deliver_due(NOON + timedelta(days=2, minutes=minute))
    assert len(post.refuse) == 6 and states(database).count("failed") == 2


def test_a_courier_that_died_while_sending_leaves_it_to_the_next_with_the_same_id(database: Database) -> None:
    place, post = with_rules(), Post()
    fire(database, place)
    dead = courier(database, place, post)
    with database.session() as session:
        dead._planner.plan(session, NOON)
    with database.session() as session:
        [job] = dead._lease(session, NOON)
    other = courier(database, place, post)
    assert other.deliver_due(NOON + SECOND).sent == 0
    assert other.deliver_due(NOON + LEASE + SECOND).sent == 1 and post.taken[0].id == job.parcel.id


def test_push_goes_to_the_people_meant_and_not_to_browsers_that_are_gone(database: Database) -> None:
    people = add_users(database)
    place = with_rules({"on": ["assigned"], "channels": ["phones"], "to_assigned": True})
    with database.session() as session:
        for name in ("grid1", "grid2"):
            session.add(
                PushSubscription(user_id=people[name], endpoint=f"https://push.example/{name}", endpoint_hash=name,
                                 p256dh="k", auth="a")
            )  # fmt: skip
    incident_id, post = fire(database, place), Post()
    act(database, people, "operator", incident_id, "dispatch", assignees=[people["grid1"]], now=NOON)
    one = courier(database, place, post)
    one.deliver_due(NOON)
    assert [p.browser.endpoint for p in post.taken if p.browser] == ["https://push.example/grid1"]
    act(database, people, "operator", incident_id, "reassign", assignees=[people["grid2"]], now=NOON)
    post.refuse = [PermanentFailure("gone")]
    one.deliver_due(NOON)
    with database.reading() as session:
        gone = session.scalars(select(PushSubscription.user_id).where(PushSubscription.gone_at.is_not(None))).all()
    assert gone == [people["grid2"]]


def test_the_push_key_is_made_once(database: Database) -> None:
    with database.session() as session:
        first = vapid_pem(session)
    with database.session() as session:
        assert vapid_pem(session) == first and len(vapid_public(first)) == 87


def test_the_test_button_says_how_it_went(database: Database) -> None:
    place, post = with_rules(), Post()
    post.refuse = [PassingFailure("busy")]
    one = courier(database, place, post)
    assert (one.test("chat", NOON).state, one.test("chat", NOON).state) == ("failed", "sent")
    with pytest.raises(KeyError):
        one.test("nowhere", NOON)


# Webhooks -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[Receiver]]]:
    with receiving() as found:
        yield found


def hook(url: str, allow_private: bool = True) -> Channel:
    fields = {"id": "hook", "kind": "webhook", "url": url, "secret": "s3cret", "allow_private": allow_private}
    return Channel.model_validate(fields)


def test_a_webhook_is_signed_so_that_the_receiver_can_tell(receiver: tuple[str, type[Receiver]]) -> None:
    url, handler = receiver
    content = {"title": {"zh": "火", "en": "Fire"}, "body": {"zh": "", "en": ""}}
    send_webhook(hook(url), Parcel("id-1", content), NOON)
    headers, body = handler.got[0]
    assert json.loads(body)["id"] == "id-1" and json.loads(body)["title"]["zh"] == "火"
    assert verify("s3cret", headers, body, NOON + 10 * SECOND) == "id-1"
    assert verify("other", headers, body, NOON) is None and verify("s3cret", headers, body + b" ", NOON) is None
    assert verify("s3cret", headers, body, NOON + 301 * SECOND) is None
    assert verify("s3cret", headers | {"X-Village-Id": "id-2"}, body, NOON) is None


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [(200, {}, None), (503, {}, PassingFailure), (429, {"Retry-After": "7"}, PassingFailure),
     (404, {}, PermanentFailure), (302, {"Location": "http://169.254.169.254/"}, PermanentFailure)],
)  # fmt: skip
def test_answers(
    receiver: tuple[str, type[Receiver]], status: int, headers: dict[str, str], kind: type[Exception] | None
) -> None:
    url, handler = receiver
    handler.answers.append((status, headers))
    if kind is None:
        send_webhook(hook(url), Parcel("1", {}), NOON)
        return
    with pytest.raises(kind) as failed:
        send_webhook(hook(url), Parcel("1", {}), NOON)
    assert getattr(failed.value, "retry_after", None) == (7.0 if status == 429 else None)
    assert len(handler.got) == 1


@pytest.mark.parametrize(
    ("address", "public"),
    [("8.8.8.8", True), ("127.0.0.1", False), ("10.0.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False),
     ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False), ("::1", False), ("fe80::1%eth0", False),
     ("fd00::1", False), ("::ffff:10.0.0.1", False), ("64:ff9b::a00:1", False), ("2002:a00:1::", False),
     ("2606:4700:4700::1111", True)],
)  # fmt: skip
def test_private_addresses_are_told_apart(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_webhook_never_reaches_inside(receiver: tuple[str, type[Receiver]]) -> None:
    url, handler = receiver
    with pytest.raises(PermanentFailure, match="private"):
        send_webhook(hook(url, allow_private=False), Parcel("1", {}), NOON)
    for bad in ("ftp://example.com/", "http://user:pw@example.com/", "http:///x", "http://[::1/"):
        with pytest.raises(PermanentFailure):
            checked_address(bad, True)
    mixed = lambda host, port: ["8.8.8.8", "10.0.0.1"]  # noqa: E731 - a name with a public and a private address
    with pytest.raises(PermanentFailure):
        checked_address("http://example.com/", False, mixed)
    assert not handler.got


def test_the_address_that_was_checked_is_the_one_that_is_used(receiver: tuple[str, type[Receiver]]) -> None:
    """A name that is resolved a second time could lead elsewhere by then."""
    url, handler = receiver
    resolved: list[str] = []

    def once(host: str, port: int) -> list[str]:
        resolved.append(host)
        return ["127.0.0.1"]

    port = url.split(":")[2].split("/")[0]
    webhook.post(f"http://no-such-name.invalid:{port}/hook", "s", "1", {}, NOON, True, once)
    assert resolved == ["no-such-name.invalid"] and handler.got[0][0]["Host"] == f"no-such-name.invalid:{port}"


def test_apprise_really_sends(receiver: tuple[str, type[Receiver]]) -> None:
    url, handler = receiver
    where = url.removeprefix("http://").split("/")[0]
    channel = Channel.model_validate({"id": "c", "kind": "apprise", "url": f"json://{where}/x", "language": "zh"})
    content = {"title": {"zh": "【新事件】火情", "en": ""}, "body": {"zh": "有火", "en": ""}}
    send_apprise(channel, Parcel("1", content, more=2), NOON)
    said = json.loads(handler.got[0][1])
    assert said["title"] == "【新事件】火情" and "另有 2 起" in said["message"]
    handler.answers.append((500, {}))
    with pytest.raises(PassingFailure):
        send_apprise(channel, Parcel("1", content), NOON)
    with pytest.raises(PermanentFailure, match="does not know"):
        send_apprise(channel.model_copy(update={"url": type(channel.url)("nonsense")}), Parcel("1", content), NOON)


def test_a_call_is_not_pushed_when_it_rings_no_more() -> None:
    channel = Channel.model_validate({"id": "phones", "kind": "push"})
    content = {"event": "call", "title": {"zh": "来电", "en": "Call"}, "body": {"zh": "接", "en": "Answer"}}
    late = content | {"until": (NOON - timedelta(seconds=1)).isoformat()}
    browser = Browser("https://push.example/1", "key", "auth")
    with pytest.raises(PermanentFailure, match="too late"):
        send_push(channel, Parcel("1", late, browser=browser, vapid_key="key"), NOON)
