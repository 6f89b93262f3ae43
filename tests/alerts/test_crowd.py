"""Crowds: counted over seconds, alerted once, cleared with a margin."""

import pytest

from alerts.crowd import CrowdJudge
from configs.site import Name, Zone
from configs.words import CameraId, IncidentKind, Instant

SQUARE = Zone(id="square", name=Name(zh="广场", en="Square"), polygon=[(0, 0), (1, 0), (1, 1), (0, 1)], crowd_at=6)


def alerts_of(counts: list[int], step: float = 0.5, persists: float = 5.0):
    judge = CrowdJudge(CameraId("museum"), [SQUARE], persists)
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


def test_a_second_gathering_alerts_again():
    assert len(alerts_of([9] * 30 + [0] * 30 + [9] * 30)) == 2


def test_a_zone_that_was_not_counted_changes_nothing():
    judge = CrowdJudge(CameraId("museum"), [SQUARE], 5.0)
    judge.update({"square": 9}, Instant(0))
    assert judge.update({}, Instant(100)) == []
