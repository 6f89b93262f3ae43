"""Crowds: counted over seconds, each level told once, cleared with a margin; what is said is what is known."""

import pytest

from alerts.crowd import CrowdJudge
from configs.areas import Name, Zone
from configs.words import CameraId, IncidentKind, Instant, ZoneId

NAME = Name(zh="广场", en="Square")
SQUARE = Zone(id="square", name=NAME, polygon=[(0, 0), (1, 0), (1, 1), (0, 1)], crowd_at=6)
TWO_LEVELS = SQUARE.model_copy(update={"crowd_dangerous_at": 12})


def alerts_of(
    counts: list[int],
    step: float = 0.5,
    persists: float = 5.0,
    zone: Zone = SQUARE,
    square_metres: float | None = None,
):
    areas = {} if square_metres is None else {ZoneId("square"): square_metres}
    judge = CrowdJudge(CameraId("museum"), [zone], persists, areas)
    return [d for i, n in enumerate(counts) for d in judge.update({"square": n}, Instant(i * step))]


def test_a_crowd_that_stays_alerts_once():
    drafts = alerts_of([2] * 10 + [9] * 60)
    assert len(drafts) == 1
    assert drafts[0].kind is IncidentKind.CROWD
    assert drafts[0].numbers["limit"] == 6
    assert "广场" in drafts[0].reason.zh


@pytest.mark.parametrize(
    ("why", "counts"),
    [
        ("a group that walks through", [2] * 10 + [9] * 6 + [2] * 40),
        ("one person short", [5] * 100),
        ("a detector that doubles everybody for one look", [4] * 20 + [12] + [4] * 40),
    ],
)
def test_no_alert_for(why: str, counts: list[int]):
    assert alerts_of(counts) == [], why


def test_a_count_around_the_limit_does_not_alert_again_and_again():
    assert len(alerts_of([9] * 30 + [5, 6, 7, 6, 5, 7] * 30)) == 1


def test_no_alert_speaks_of_fewer_people_than_its_limit():
    drafts = alerts_of([6] * 9 + [5] * 8 + [7] * 10)
    assert len(drafts) == 1 and drafts[0].numbers["people"] >= 6


def test_a_second_gathering_alerts_again():
    assert len(alerts_of([9] * 30 + [0] * 30 + [9] * 30)) == 2


def test_people_hidden_for_some_seconds_are_not_a_second_gathering():
    assert len(alerts_of([9] * 30 + [0] * 12 + [9] * 30)) == 1


def test_a_zone_that_was_not_counted_changes_nothing():
    judge = CrowdJudge(CameraId("museum"), [SQUARE], 5.0)
    judge.update({"square": 9}, Instant(0))
    assert judge.update({}, Instant(100)) == []


def test_time_that_nobody_watched_does_not_make_a_crowd():
    judge = CrowdJudge(CameraId("museum"), [SQUARE], 5.0)
    assert not judge.update({"square": 9}, Instant(0))
    assert not judge.update({"square": 9}, Instant(100))
    assert judge.is_suspicious
    assert judge.update({"square": 9}, Instant(105))


def test_the_second_level_is_told_once_more_and_is_graver():
    drafts = alerts_of([2] * 10 + [8] * 30 + [20] * 60, zone=TWO_LEVELS)
    assert [(d.numbers["level"], d.numbers["limit"], d.severity) for d in drafts] == [
        ("filling", 6, 2),
        ("dangerous", 12, 3),
    ]
    assert "危险" in drafts[1].reason.zh and "dangerously" in drafts[1].reason.en


def test_a_crowd_that_is_dangerous_at_once_is_one_alert():
    drafts = alerts_of([20] * 100, zone=TWO_LEVELS)
    assert [d.numbers["level"] for d in drafts] == ["dangerous"]


def test_what_falls_below_the_second_level_only_is_not_told_as_filling_again():
    drafts = alerts_of([20] * 60 + [8] * 60, zone=TWO_LEVELS)
    assert [d.numbers["level"] for d in drafts] == ["dangerous"]


def test_a_danger_that_comes_back_is_told_again_but_not_for_wavering():
    wavering = alerts_of([20] * 40 + [11, 12, 13, 10] * 30, zone=TWO_LEVELS)
    again = alerts_of([20] * 40 + [7] * 40 + [20] * 40, zone=TWO_LEVELS)
    assert [d.numbers["level"] for d in wavering] == ["dangerous"]
    assert [d.numbers["level"] for d in again] == ["dangerous", "dangerous"]


def test_density_is_said_only_where_the_ground_is_known():
    [known] = alerts_of([9] * 60, square_metres=30.0)
    [unknown] = alerts_of([9] * 60)
    assert known.numbers["people_per_square_metre"] == 0.3
    assert "每平方米 0.3 人" in known.reason.zh and "0.3 per square metre" in known.reason.en
    assert "people_per_square_metre" not in unknown.numbers and "平方米" not in unknown.reason.zh


def test_people_who_stand_as_close_as_in_a_crush_are_the_gravest():
    [draft] = alerts_of([9] * 60, square_metres=2.0)
    assert draft.severity == 4


@pytest.mark.parametrize(
    ("counts", "least", "most", "zh", "en"),
    [
        # One more every five seconds, up to eleven.
        ([n for n in range(12) for _ in range(10)], 9, 15, "每分钟增加", "more each minute"),
        ([5] * 160 + [7] * 60, 0, 6, "", ""),
        ([9] * 60, None, None, "", ""),  # there when watching begins: nothing is known yet
        ([30 - n for n in range(20) for _ in range(5)], -26, -16, "每分钟减少", "fewer each minute"),
    ],
)
def test_growth_is_the_change_over_the_last_minute(counts, least, most, zh, en):
    [draft] = alerts_of(counts, persists=12.0 if least is not None and least < -20 else 5.0)
    growth = draft.numbers.get("growth_per_minute")
    assert growth is None if least is None else least <= growth <= most
    assert zh in draft.reason.zh and en in draft.reason.en
    assert least is not None or "每分钟" not in draft.reason.zh
