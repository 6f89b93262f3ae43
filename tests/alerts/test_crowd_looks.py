"""Closer looks at a crowd: when they are due, and how they better the count."""

import pytest

from alerts.crowd_looks import EVERY_SECONDS, CrowdLooks, people_in
from configs.areas import Name, Zone
from configs.words import Instant, ObjectClass
from detectors.words import Tracks
from tests.support.walks import detections, people, standing, tracks

LEFT = Zone(id="left", name=Name(zh="左", en="Left"), polygon=[(0, 0), (0.5, 0), (0.5, 1), (0, 1)], crowd_at=5)


def group(count: int, at: float = 0.0, tall: float = 0.1) -> Tracks:
    return tracks(at, [(i, standing(0.05 + 0.08 * i, 0.5, tall)) for i in range(count)])


@pytest.mark.parametrize(
    ("why", "count", "tall", "due"),
    [
        ("small and near the limit", 4, 0.1, True),
        ("small and many", 5, 0.1, True),
        ("small but few", 2, 0.1, False),
        ("large: the first look shows them well", 4, 0.5, False),
    ],
)
def test_a_closer_look_is_due_for(why: str, count: int, tall: float, due: bool):
    assert CrowdLooks([LEFT]).is_due(group(count, tall=tall), {"left": count}) is due, why


def test_it_is_due_once_in_some_seconds():
    looks = CrowdLooks([LEFT])
    due = [at for at in range(20) if looks.is_due(group(5, float(at)), {"left": 5})]
    assert due == [0, 5, 10, 15] and EVERY_SECONDS == 5


def test_a_zone_without_a_limit_asks_for_none():
    free = LEFT.model_copy(update={"crowd_at": None})
    assert not CrowdLooks([free]).is_due(group(5), {"left": 5})


def test_what_only_the_closer_look_saw_is_added_and_moves_with_the_tracks():
    looks = CrowdLooks([LEFT])
    assert looks.better({"left": 4, "right": 9}, Instant(0)) == {"left": 4, "right": 9}
    looks.take(people(*(standing(0.03 + 0.06 * i, 0.5, 0.1) for i in range(7))), Instant(0.2))
    assert looks.better({"left": 4, "right": 9}, Instant(0.5)) == {"left": 7, "right": 9}
    assert looks.better({"left": 2}, Instant(1.0)) == {"left": 5}
    assert looks.better({"left": 2}, Instant(60.0)) == {"left": 2}, "long after"


def test_a_closer_look_that_sees_fewer_takes_nobody_away():
    looks = CrowdLooks([LEFT])
    looks.better({"left": 6}, Instant(0))
    looks.take(people(standing(0.1, 0.5)), Instant(0.1))
    assert looks.better({"left": 6}, Instant(0.5)) == {"left": 6}


def test_people_are_in_the_zone_by_their_feet():
    found = detections(
        [
            (ObjectClass.PERSON, standing(0.2, 0.5), 0.9),
            (ObjectClass.PERSON, standing(0.7, 0.5), 0.8),
            (ObjectClass.CAR, standing(0.2, 0.6), 0.7),
        ]
    )
    assert people_in(LEFT, found) == 1
    assert people_in(LEFT.model_copy(update={"ignore": [ObjectClass.PERSON]}), found) == 0
