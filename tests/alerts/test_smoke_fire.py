"""The judge of smoke and fire: sure within seconds, and not convinced by what is brief, weak or wandering."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.smoke_fire import MOST_PLACES, SmokeFireJudge
from configs.words import CameraId, IncidentKind, Instant, ObjectClass
from detectors.words import Detections, Sighting

CAMERA = CameraId("straw-yard")
FLAME = (0.40, 0.50, 0.50, 0.65)


def sighting(at: float, *found: tuple[ObjectClass, float, tuple[float, float, float, float]]) -> Sighting:
    boxes = np.array([box for _, _, box in found], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score, _ in found], np.float32)
    return Sighting(CAMERA, Instant(at), at, Detections(boxes, scores, tuple(c for c, _, _ in found), 16 / 9))


def alerts_of(judge: SmokeFireJudge, scores: list[float | None], step: float = 0.5, box=FLAME):
    drafts = []
    for index, score in enumerate(scores):
        found = [] if score is None else [(ObjectClass.FIRE, score, box)]
        drafts += judge.update(sighting(index * step, *found))
    return drafts


def test_a_steady_fire_alerts_within_three_seconds_and_once():
    drafts = alerts_of(SmokeFireJudge(CAMERA), [0.7] * 40)
    assert len(drafts) == 1
    draft = drafts[0]
    assert draft.kind is IncidentKind.FIRE
    assert draft.raised_at <= 3.0
    assert draft.first_seen_at == 0.0
    assert "明火" in draft.reason.zh and "Fire" in draft.reason.en


@pytest.mark.parametrize(
    ("why", "scores"),
    [
        ("one strong look", [0.95] + [None] * 20),
        ("weak looks for ever", [0.2] * 60),
        ("a lamp that is seen one time in four", [0.6, None, None, None] * 20),
        ("two strong looks", [0.95, 0.95] + [None] * 20),
    ],
)
def test_no_alert_for(why: str, scores: list[float | None]):
    assert alerts_of(SmokeFireJudge(CAMERA), scores) == [], why


def test_what_wanders_through_the_picture_is_no_fire():
    judge = SmokeFireJudge(CAMERA)
    drafts = []
    for index in range(20):
        left = 0.05 + 0.3 * (index % 3)
        drafts += judge.update(sighting(index * 0.5, (ObjectClass.FIRE, 0.8, (left, 0.5, left + 0.05, 0.6))))
        drafts += judge.update(sighting(index * 0.5 + 0.25))
    assert drafts == []


def test_looks_within_a_moment_count_as_one():
    assert alerts_of(SmokeFireJudge(CAMERA), [0.9] * 12, step=0.02) == []


def test_a_fire_that_comes_back_after_it_was_out_alerts_again():
    drafts = alerts_of(SmokeFireJudge(CAMERA), [0.7] * 10 + [None] * 80 + [0.7] * 10)
    assert len(drafts) == 2


def test_two_fires_at_two_places_are_two_alerts():
    judge = SmokeFireJudge(CAMERA)
    far = (0.8, 0.1, 0.9, 0.2)
    drafts = []
    for index in range(10):
        drafts += judge.update(sighting(index * 0.5, (ObjectClass.FIRE, 0.8, FLAME), (ObjectClass.FIRE, 0.8, far)))
    assert len(drafts) == 2


def test_a_growing_fire_is_most_severe():
    judge = SmokeFireJudge(CAMERA)
    drafts = []
    for index in range(10):
        grown = 0.02 * index
        drafts += judge.update(sighting(index * 0.5, (ObjectClass.FIRE, 0.7, (0.4, 0.5 - grown, 0.45 + grown, 0.6))))
    assert drafts[0].severity == 4


def test_suspicion_asks_for_more_looks_until_it_is_settled():
    judge = SmokeFireJudge(CAMERA)
    judge.update(sighting(0.0, (ObjectClass.FIRE, 0.6, FLAME)))
    assert judge.is_suspicious
    for index in range(1, 12):
        judge.update(sighting(index * 0.5))
    assert not judge.is_suspicious


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.sampled_from([ObjectClass.FIRE, ObjectClass.SMOKE]),
                st.floats(0.01, 0.999),
                st.floats(0, 0.9),
                st.floats(0, 0.9),
            ),
            max_size=30,
        ),
        max_size=30,
    )
)
def test_memory_is_bounded_and_confidence_is_a_probability(looks):
    judge = SmokeFireJudge(CAMERA)
    for index, look in enumerate(looks):
        found = [(c, s, (x, y, x + 0.05, y + 0.05)) for c, s, x, y in look]
        for draft in judge.update(sighting(index * 0.4, *found)):
            assert 0 <= draft.confidence <= 1
        assert len(judge._suspicions) <= MOST_PLACES
