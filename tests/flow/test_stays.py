"""How long people stayed: visits add up by day, from whoever writes them."""

from datetime import UTC, date, datetime, timedelta

from configs.words import CameraId, Instant, ObjectClass, ZoneId
from detectors.words import TrackId
from flow.report_scope import scope_of
from flow.stays import add_stays, read_stays, stays_of
from flow.words import Visit
from models.session import Database
from tests.flow.counted import SHANGHAI, plan, village

EVENING = datetime(2026, 10, 1, 15, 59, tzinfo=UTC)  # a minute before midnight in Shanghai


def visit(start: datetime, seconds: float, kind: ObjectClass = ObjectClass.PERSON) -> Visit:
    entered = Instant(start.timestamp())
    left = Instant(entered + seconds)
    return Visit(CameraId("square"), ZoneId("yard"), TrackId(1), kind, entered, left)


def test_visits_add_up_on_the_day_they_began(database: Database) -> None:
    batches = [
        [visit(EVENING, 600), visit(EVENING, 60)],  # over midnight: still the first
        [visit(EVENING, 120), visit(EVENING + timedelta(minutes=2), 30), visit(EVENING, 9000, ObjectClass.CAR)],
    ]
    for batch in batches:
        with database.session() as session:
            add_stays(session.connection(), stays_of(batch, SHANGHAI))
    scope = scope_of(village(), plan())
    with database.reading() as session:
        first = read_stays(session.connection(), scope, date(2026, 10, 1), date(2026, 10, 1))
        both = read_stays(session.connection(), scope, date(2026, 10, 1), date(2026, 10, 2))
        none = read_stays(session.connection(), scope, date(2026, 9, 1), date(2026, 9, 30))
    assert first is not None and both is not None and none is None
    assert [(s.visits, s.mean_seconds, s.longest_seconds) for s in first] == [(3, 260.0, 600.0)]
    assert [(s.visits, s.mean_seconds) for s in both] == [(4, 202.5)]


def test_nothing_to_add_is_nothing(database: Database) -> None:
    with database.session() as session:
        add_stays(session.connection(), stays_of([], SHANGHAI))
