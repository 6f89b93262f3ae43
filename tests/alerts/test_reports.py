"""Citizens' reports: they become incidents, join what cameras saw, and can be followed to the end."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from alerts import followup
from alerts.evidence import EvidenceStore
from alerts.pace import Pace, network_of
from alerts.reports import Given, Media, ReportError, Suggestion, Taken, submit, take_media
from configs.site import Place
from configs.village import DEFAULT_VILLAGE, load_village
from configs.words import IncidentKind
from models.citizens import Report, Reporter
from models.credit import CreditAccount
from models.session import Database
from models.tables import Evidence, Incident, OutboxMessage
from tests.alerts.media import jpeg, mp4
from tests.alerts.people import NOON, act, add_photo, add_users, draft, raised, read

VILLAGE = load_village(DEFAULT_VILLAGE, {})
MUSEUM = (28.9903, 118.7512)
SECOND = timedelta(seconds=1)


def report(database: Database, at: float = 0, **given: object) -> Taken:
    with database.session() as session:
        return submit(session, Given(**{"sentence": "稻草着火了"} | given), NOON + at * SECOND)  # type: ignore[arg-type]


def test_a_report_is_an_incident_with_all_that_belongs_to_it(database: Database, tmp_path: Path) -> None:
    media = take_media([jpeg(1, MUSEUM), mp4()], VILLAGE.reports, EvidenceStore(tmp_path), None, NOON)
    taken = report(
        database, kind=IncidentKind.FIRE, media=media, phone="13800000000", reporter=("phone", "13800000000")
    )
    with database.reading() as session:
        incident = session.get_one(Incident, taken.raised.incident.id)
        assert (incident.kind, incident.source, incident.state) == ("fire", "citizen", "new")
        assert incident.place_x == pytest.approx(0.46, abs=0.01) and incident.area_id == "centre"
        kept = session.scalars(select(Evidence).order_by(Evidence.media_type)).all()
        assert [e.media_type for e in kept] == ["image/jpeg", "video/mp4"] and kept[0].phash
        row = session.scalars(select(Report)).one()
        assert taken.code not in (row.code_hash, row.sentence) and row.place_from == "exif"
        assert "13800000000" not in session.scalars(select(Reporter.key_hash)).one()
        assert session.scalars(select(OutboxMessage.topic)).all() == ["incident.opened"]


def test_the_same_fire_seen_by_a_camera_and_by_a_phone_is_one_incident(database: Database) -> None:
    seen = raised(database, draft(at=NOON.timestamp()), Place(x=0.45, y=0.45))
    taken = report(database, 60, kind=IncidentKind.FIRE, spot=(0.46, 0.46))
    assert taken.raised.incident.id == seen and not taken.raised.opened


@pytest.mark.parametrize(
    ("ticked", "seen", "becomes"),
    [
        (None, None, "other"),
        (IncidentKind.FACILITY, None, "facility"),
        (IncidentKind.OTHER, Suggestion(IncidentKind.FIRE, 0.8), "fire"),
        (IncidentKind.SMOKE, Suggestion(IncidentKind.FIRE, 0.8), "smoke"),
        (IncidentKind.ENVIRONMENT, Suggestion(IncidentKind.FIRE, 0.4), "environment"),
        (None, Suggestion(IncidentKind.SMOKE, 0.4), "smoke"),
    ],
)
def test_the_model_suggests_and_a_sure_fire_is_one(
    sqlite_database: Database, ticked: IncidentKind | None, seen: Suggestion | None, becomes: str
) -> None:
    taken = report(sqlite_database, kind=ticked, media=Media(suggestion=seen))
    assert taken.raised.incident.kind == becomes


def test_the_judge_looks_at_the_clean_photo(tmp_path: Path) -> None:
    looked: list[bytes] = []

    def judge(data: bytes) -> Suggestion | None:
        looked.append(data)
        return Suggestion(IncidentKind.FIRE, 0.7) if len(looked) == 2 else None

    media = take_media([jpeg(1), jpeg(2)], VILLAGE.reports, EvidenceStore(tmp_path), judge, NOON)
    assert media.suggestion == Suggestion(IncidentKind.FIRE, 0.7) and all(b"Wang" not in d for d in looked)


def test_a_photo_sent_twice_is_noted_but_not_dropped(database: Database, tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    first = report(database, media=take_media([jpeg(3)], VILLAGE.reports, store, None, NOON))
    again = report(database, 30, media=take_media([jpeg(3, quality=50)], VILLAGE.reports, store, None, NOON))
    other = report(database, 60, media=take_media([jpeg(4)], VILLAGE.reports, store, None, NOON))
    assert again.report.similar_to == first.report.id and other.report.similar_to is None


def test_a_report_that_says_nothing_is_refused_with_a_sentence(sqlite_database: Database) -> None:
    with pytest.raises(ReportError, match="sentence or add a photo"):
        report(sqlite_database, sentence="  ")


def test_who_was_wrong_ranks_lower_and_is_still_heard(database: Database) -> None:
    people = add_users(database)
    me = ("device", "phone-1")
    for number in range(3):
        taken = report(database, number * 10_000, reporter=me)
        act(database, people, "operator", taken.raised.incident.id, "false_alarm")
    last = report(database, 50_000, reporter=me)
    assert last.raised.opened and last.raised.alert.confidence < 0.3
    assert report(database, 60_000).raised.alert.confidence == 0.5


def test_the_way_to_closed_its_points_and_the_rating(database: Database) -> None:
    people = add_users(database)
    taken = report(database, kind=IncidentKind.FIRE, reporter=("phone", "1"), spot=(0.45, 0.45))
    fire = taken.raised.incident.id
    act(database, people, "operator", fire, "dispatch", now=NOON + 30 * SECOND, assignees=[people["grid1"]])
    act(database, people, "grid1", fire, "accept", now=NOON + 40 * SECOND)
    act(database, people, "grid1", fire, "arrive", now=NOON + 200 * SECOND, place=(0.45, 0.45))
    add_photo(database, fire, people["grid1"], NOON + 600 * SECOND)
    act(database, people, "grid1", fire, "resolve", "out", now=NOON + 700 * SECOND)
    with pytest.raises(ReportError, match="once it is closed"), database.session() as session:
        followup.rate(session, followup.find(session, taken.code), 5, "")
    act(database, people, "operator", fire, "close", now=NOON + 720 * SECOND)
    with database.session() as session:
        mine = followup.find(session, taken.code.lower().replace("-", " "), lock=True)
        steps = [name for name, _ in followup.steps_of(followup.incident_of(session, mine), mine)]
        assert steps == ["received", "confirmed", "dispatched", "accepted", "on_site", "resolved", "closed"]
        followup.rate(session, mine, 5, "很快")
    with pytest.raises(ReportError, match="already"), database.session() as session:
        followup.rate(session, followup.find(session, taken.code), 1, "")
    with database.reading() as session:
        points = {a.id.split(":")[0]: a.balance for a in session.scalars(select(CreditAccount))}
    assert points == {"reporter": 50, "user": 10}  # a true report, of a fire; on time, well rated
    act(database, people, "operator", fire, "reopen")
    with database.reading() as session:
        assert session.scalars(select(Reporter)).one().verified == 1


def test_adding_and_withdrawing_are_on_the_timeline_and_a_withdrawn_fire_goes_on(database: Database) -> None:
    taken = report(database, kind=IncidentKind.FIRE)
    with database.session() as session:
        followup.add(session, followup.find(session, taken.code), "烟更大了", (), "10.0.0.1")
        followup.withdraw(session, followup.find(session, taken.code), "10.0.0.1")
    incident = read(database, taken.raised.incident.id)
    assert incident.state == "new"
    with database.reading() as session:
        kept = session.get_one(Incident, incident.id)
        assert [c.action for c in kept.changes] == ["opened", "report_added", "report_withdrawn"]
        assert kept.changes[1].note == "烟更大了"
    with pytest.raises(ReportError, match="withdrawn"), database.session() as session:
        followup.add(session, followup.find(session, taken.code), "more", (), None)
    with pytest.raises(ReportError, match="no such code"), database.session() as session:
        followup.find(session, "AAAA-AAAA-AAAA-AAAA")


def test_a_report_that_fails_half_way_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.session() as session:
        submit(session, Given(sentence="a"))
        raise RuntimeError("the process dies here")
    with database.reading() as session:
        for table in (Incident, Report, OutboxMessage):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_devices_and_networks_are_slowed_down_and_memory_is_bounded() -> None:
    now = [0.0]
    pace = Pace(60, most_keys=3, clock=lambda: now[0])
    assert [pace.wait_seconds({"a": 2, "net": 9}) > 0 for _ in range(3)] == [False, False, True]
    assert pace.wait_seconds({"b": 2, "net": 9}) == 0
    now[0] = 61
    assert pace.wait_seconds({"a": 2}) == 0
    for number in range(10):
        pace.wait_seconds({f"x{number}": 1})
    assert len(pace._done) == 3
    assert network_of("10.1.2.3") == network_of("10.1.2.250") == network_of("::ffff:10.1.2.9") != network_of("10.1.3.1")
    assert network_of("2001:db8:1::5") == network_of("2001:db8:1:ffff::9") and network_of("x") == "unknown"
