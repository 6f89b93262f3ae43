"""Minute rows: what was observed, and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.site import Line, MonitoringPoint, Name, Place, Streams, Zone
from configs.words import Instant, LineId, ObjectClass, Watch, ZoneId
from detectors.words import TrackId
from flow.camera_flow import CameraFlow, watched_classes
from flow.minutes import LONGEST_STEP_SECONDS, MOST_MINUTES, MinuteSums
from flow.words import Crossing, Direction
from tests.support.walks import CAMERA, standing, tracks

PERSON, CAR = ObjectClass.PERSON, ObjectClass.CAR
LINE, ZONE = LineId("gate"), ZoneId("square")


def sums() -> MinuteSums:
    return MinuteSums(CAMERA, "run", {LINE: (PERSON,)}, {ZONE: (PERSON,)})


def crossing(at: float, direction: Direction = "in") -> Crossing:
    return Crossing(CAMERA, LINE, TrackId(1), PERSON, direction, Instant(at), (0.5, 0.5))


def look(minutes: MinuteSums, at: float, people: int = 0, *crossings: Crossing) -> None:
    minutes.look(Instant(at), {ZONE: {PERSON: people}}, list(crossings))


def camera(watch: list[Watch]) -> MonitoringPoint:
    return MonitoringPoint(
        id="gate",
        name=Name(zh="门", en="Gate"),
        place=Place(x=0.5, y=0.5),
        group="centre",
        streams=Streams.model_validate({"sub": "rtsp://camera/sub"}),
        watch=watch,
        lines=[Line(id="gate", name=Name(zh="门", en="Gate"), start=(0.5, 0.1), end=(0.5, 0.9))],
        zones=[Zone(id="square", name=Name(zh="场", en="Square"), polygon=[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)])],
    )


def test_a_watched_minute_in_which_nothing_happened_is_a_row_of_zero() -> None:
    minutes = sums()
    for second in range(0, 66, 1):
        look(minutes, second)
    rows = minutes.finished(Instant(66))
    assert [(r.minute, r.crossed_in, r.crossed_out, r.observed_seconds) for r in rows.crossings] == [(0, 0, 0, 60)]
    assert [(r.least, r.mean, r.most, r.observed_seconds) for r in rows.occupancy] == [(0, 0, 0, 60)]


def test_a_camera_that_was_not_watching_gives_no_row() -> None:
    minutes = sums()
    assert not minutes.finished(Instant(1000))
    look(minutes, 30)
    look(minutes, 400)
    assert not minutes.finished(Instant(1000))


def test_a_gap_takes_its_seconds_away() -> None:
    minutes = sums()
    for second in [*range(0, 20), *range(40, 61)]:
        look(minutes, second)
    (row,) = minutes.finished(Instant(100)).crossings
    assert row.observed_seconds == pytest.approx(19 + 20)


def test_the_mean_is_weighted_by_time_and_minutes_are_split_where_they_end() -> None:
    minutes = sums()
    for at, people in [(58.0, 4), (60.5, 2), (61.0, 0), (62.0, 0)]:
        look(minutes, at, people)
    first, second = minutes.finished(Instant(200)).occupancy
    assert (first.minute, first.mean, first.observed_seconds) == (0, 4, 2)
    assert (second.minute, second.least, second.most, second.observed_seconds) == (60, 0, 4, 2)
    assert second.mean == pytest.approx((4 * 0.5 + 2 * 0.5) / 2)


def test_a_crossing_counts_in_the_minute_of_its_passage() -> None:
    minutes = sums()
    for second in range(0, 130):
        look(minutes, second, 0, *([crossing(59.5), crossing(60.5, "out")] if second == 61 else []))
    rows = minutes.finished(Instant(200)).crossings
    assert [(r.minute, r.crossed_in, r.crossed_out) for r in rows[:2]] == [(0, 1, 0), (60, 0, 1)]


def test_what_comes_to_light_after_its_minute_was_given_counts_in_the_open_one() -> None:
    minutes = sums()
    for second in range(0, 70):
        look(minutes, second)
    given_first = minutes.finished(Instant(70))
    look(minutes, 71, 0, crossing(30))
    rest = minutes.finished(Instant(200))
    assert [r.crossed_in for r in (*given_first.crossings, *rest.crossings)] == [0, 1]
    assert {r.minute for r in rest.crossings} == {60}


@given(st.lists(st.tuples(st.floats(0.05, 20), st.integers(0, 3), st.booleans()), min_size=1, max_size=150))
@settings(deadline=None, max_examples=50)
def test_nothing_is_lost_or_doubled_however_often_minutes_are_taken(looks: list[tuple[float, int, bool]]) -> None:
    minutes, at, rows, watched, crossed = sums(), 0.0, [], 0.0, 0
    look(minutes, at)
    for step, crossings, take in looks:
        at += step
        watched += step if step <= LONGEST_STEP_SECONDS else 0
        crossed += crossings
        look(minutes, at, 0, *[crossing(at - 0.02) for _ in range(crossings)])
        if take:
            rows += minutes.finished(Instant(at)).crossings
    rows += minutes.finished(Instant(at + 1000)).crossings
    assert sum(r.crossed_in for r in rows) == crossed
    assert sum(r.observed_seconds for r in rows) == pytest.approx(watched)
    assert len({r.minute for r in rows}) == len(rows)


def test_minutes_that_nobody_takes_are_bounded_and_the_loss_is_counted() -> None:
    minutes = sums()
    for second in range(0, (MOST_MINUTES + 20) * 60, 2):
        look(minutes, second)
    assert len(minutes.so_far().crossings) == MOST_MINUTES
    assert minutes.minutes_lost == 20


def test_a_camera_counts_fills_its_zone_and_gives_rows() -> None:
    flow = CameraFlow(camera([Watch.PEOPLE_FLOW]))
    crossings = []
    for second in range(70):
        crossings += flow.update(tracks(second, [(1, standing(0.8 - 0.01 * second, 0.3))]))
    assert [c.direction for c in crossings] == ["in"]
    assert flow.counts == {"gate": (1, 0)}
    assert flow.occupancy == {"square": {}}
    rows = flow.due_minutes(Instant(70))
    assert [(r.line_id, r.crossed_in, r.observed_seconds) for r in rows.crossings] == [("gate", 1, 60)]
    assert [(r.zone_id, r.object_class, r.least, r.most) for r in rows.occupancy] == [("square", PERSON, 0, 1)]
    assert not flow.due_minutes(Instant(70))
    assert [r.minute for r in flow.minutes_so_far().crossings] == [60]
    assert len(flow.take_visits()) == 1 and not flow.take_visits()


@pytest.mark.parametrize(
    ("watch", "people", "vehicles"),
    [([], True, True), ([Watch.CROWD], True, False), ([Watch.STOPPED_VEHICLE], False, True)],
)
def test_zones_have_rows_for_what_the_camera_watches(watch: list[Watch], people: bool, vehicles: bool) -> None:
    classes = watched_classes(camera(watch))
    assert (PERSON in classes, CAR in classes) == (people, vehicles)
