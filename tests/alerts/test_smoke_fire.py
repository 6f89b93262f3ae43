"""The judge of smoke and fire: sure within seconds, and not convinced by what is brief, weak, lifeless or wandering."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.calibration import CAUTIOUS, MOST_AGAINST, MOST_FOR, Worth, load_calibration, yaml_text
from alerts.known_sources import KnownSource
from alerts.smoke_fire import MOST_PLACES, MOST_WATCHED, SmokeFireJudge
from alerts.suspicion import Observed
from configs.words import CameraId, IncidentKind, Instant, ObjectClass
from detectors.behaviour import Behaviour
from detectors.words import Detections, Sighting

CAMERA = CameraId("straw-yard")
FLAME = (0.40, 0.50, 0.50, 0.65)
BURNING = Behaviour(3.0, 10.0, 9.0, 12.0, 0.85, 0.05, 0.05, 0.4, 0.3, 0.2)
LAMP = Behaviour(3.0, 10.0, 0.2, 0.3, 0.5, 0.0, 0.0, 0.1, 0.6, 0.1)
PLUME = Behaviour(3.0, 10.0, 0.5, 8.0, 0.85, 0.06, 0.10, 0.7, 0.0, 0.9)
FOG = Behaviour(3.0, 10.0, 0.2, 0.8, 0.5, 0.0, 0.0, 0.8, 0.0, 0.9)
LOOK = tuple([0.5, 0.5] + [0.0] * 34)
OTHER_LOOK = tuple([0.0] * 34 + [0.5, 0.5])


def judge_of(sensitivity="normal") -> SmokeFireJudge:
    return SmokeFireJudge(CAMERA, sensitivity, CAUTIOUS)


def sighting(at: float, *found: tuple[ObjectClass, float, tuple[float, float, float, float]]) -> Sighting:
    boxes = np.array([box for _, _, box in found], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score, _ in found], np.float32)
    return Sighting(CAMERA, Instant(at), at, Detections(boxes, scores, tuple(c for c, _, _ in found), 16 / 9))


def alerts_of(judge, scores, step=0.5, box=FLAME, cls=ObjectClass.FIRE, observed=None):
    drafts = []
    for index, score in enumerate(scores):
        found = [] if score is None else [(cls, score, box)]
        seen = dict.fromkeys(judge.places, observed) if observed else {}
        drafts += judge.update(sighting(index * step, *found), seen)
    return drafts


def test_a_steady_fire_alerts_within_three_seconds_and_once():
    drafts = alerts_of(judge_of(), [0.7] * 40)
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
    assert alerts_of(judge_of(), scores) == [], why


def test_what_flickers_convinces_sooner_and_on_weaker_scores():
    behaving = alerts_of(judge_of(), [0.36] * 40, observed=Observed(BURNING))
    assert len(behaving) == 1
    assert behaving[0].raised_at < alerts_of(judge_of(), [0.45] * 40)[0].raised_at


@pytest.mark.parametrize("sensitivity", ["low", "normal", "high"])
def test_a_lamp_that_the_model_is_sure_of_stays_a_lamp_for_an_hour(sensitivity):
    assert alerts_of(judge_of(sensitivity), [0.9] * 7200, observed=Observed(LAMP)) == []


def test_smoke_that_spreads_is_told_from_fog():
    plume = alerts_of(judge_of(), [0.5] * 20, cls=ObjectClass.SMOKE, observed=Observed(PLUME))
    fog = alerts_of(judge_of(), [0.5] * 200, cls=ObjectClass.SMOKE, box=(0, 0.1, 1, 0.7), observed=Observed(FOG))
    assert [d.kind for d in plume] == [IncidentKind.SMOKE]
    assert fog == []


@pytest.mark.parametrize(
    ("cls", "score", "behaviour"),
    [
        (ObjectClass.FIRE, 0.35, Behaviour(3.5, 10.0, 0.4, 0.5, 0.54, 0.001, 0.0, 0.47, 0.92, 0.1)),
        (ObjectClass.FIRE, 0.26, Behaviour(3.5, 10.0, 0.4, 4.5, 0.79, -0.03, 0.0, 0.25, 0.69, 0.1)),
        (ObjectClass.SMOKE, 0.27, Behaviour(3.2, 10.0, 0.0, 0.0, 0.46, 0.061, 0.0, 0.38, 0.0, 0.9)),
        (ObjectClass.SMOKE, 0.18, Behaviour(2.6, 10.0, 0.1, 3.0, 0.63, 0.025, 0.0, 0.25, 0.0, 0.9)),
    ],
    ids=["a sunset", "a sunset that somebody walks past", "the edge of a cloud", "a white wall before traffic"],
)
def test_what_never_changes_says_nothing_new_however_often_it_is_looked_at(cls, score, behaviour):
    """As measured in hours of ordinary footage, a closer look in its favour and the shipped calibration among it."""

    def run(observed: Behaviour) -> list:
        judge, drafts = SmokeFireJudge(CAMERA, "normal", load_calibration()), []
        for index in range(1200):
            now = Instant(index * 0.25)
            seen = dict.fromkeys(judge.places, Observed(observed))
            drafts += judge.update(sighting(now, (cls, score, FLAME)), seen)
            for key in judge.second_looks(now):
                judge.take_second_look(key, {cls: 0.4})
        return drafts

    assert run(behaviour) == []
    alive = BURNING if cls is ObjectClass.FIRE else PLUME
    assert run(alive)[0].raised_at < 6.0


def test_the_sentence_names_the_strongest_reasons_with_numbers():
    (draft,) = alerts_of(judge_of(), [0.7] * 8, observed=Observed(BURNING))
    assert "flickers by 9.0 grey levels" in draft.reason.en and "闪动 9.0 级" in draft.reason.zh
    assert "70%" in draft.reason.en and "70%" in draft.reason.zh
    assert draft.numbers["behaviour"]["flicker"] == 9.0
    assert sum(draft.numbers["evidence"].values()) == pytest.approx(draft.numbers["log_odds"], abs=0.06)


def test_higher_sensitivity_is_sooner():
    at = [alerts_of(judge_of(s), [0.7] * 40, step=0.25)[0].raised_at for s in ("high", "normal", "low")]
    assert at == sorted(at) and at[0] < at[2]


def test_a_closer_look_counts_for_and_against():
    def run(score: float) -> list:
        judge, drafts = judge_of(), []
        for index in range(20):
            now = Instant(index * 0.25)
            drafts += judge.update(sighting(now, (ObjectClass.FIRE, 0.36, FLAME)))
            for key in judge.second_looks(now):
                judge.take_second_look(key, {ObjectClass.FIRE: score} if score else {})
        return drafts

    assert run(0.0) == []
    (draft,) = run(0.9)
    assert "a closer look at the main stream scores 90%" in draft.reason.en


def test_closer_looks_are_asked_for_once_in_a_while_and_an_answer_too_late_is_harmless():
    judge = judge_of()
    asked = 0
    for index in range(40):
        judge.update(sighting(index * 0.1, (ObjectClass.FIRE, 0.4, FLAME)))
        asked += len(judge.second_looks(Instant(index * 0.1)))
    assert 3 <= asked <= 5
    judge.take_second_look(999, {ObjectClass.FIRE: 0.9})


def test_a_known_look_alike_is_suppressed_here_but_not_fire():
    known = (KnownSource(ObjectClass.FIRE, FLAME, LOOK),)

    def run(look, box=FLAME, observed=BURNING, sources=known):
        judge = judge_of()
        judge.known = sources
        return alerts_of(judge, [0.9] * 30, box=box, observed=Observed(observed, look))

    assert run(LOOK) == []
    assert len(run(OTHER_LOOK)) == 1, "a fire at the same place looks different"
    assert len(run(LOOK, box=(0.7, 0.1, 0.8, 0.2))) == 1, "the same look elsewhere is judged as ever"
    assert len(run(LOOK, box=(0.2, 0.1, 0.8, 0.9))) == 1, "so is what has outgrown it"
    assert len(run(LOOK, sources=())) == 1


def test_smoke_and_fire_at_one_place_support_each_other():
    def first(*classes: ObjectClass) -> float:
        judge = judge_of()
        for index in range(60):
            if judge.update(sighting(index * 0.1, *((c, 0.42, FLAME) for c in classes))):
                return index * 0.1
        return 99.0

    assert first(ObjectClass.FIRE, ObjectClass.SMOKE) < first(ObjectClass.FIRE)


def test_a_place_that_flares_up_and_goes_quiet_again_and_again_is_believed_less():
    flare, quiet = [0.75] * 4, [None] * 16
    assert alerts_of(judge_of(), (flare + quiet) * 12, step=0.4) == []
    judge = judge_of()
    alerts_of(judge, (flare + quiet) * 3, step=0.4)
    burning = []
    for index in range(60):
        seen = {key: Observed(BURNING) for key in judge.places}
        burning += judge.update(sighting(100 + index * 0.4, (ObjectClass.FIRE, 0.75, FLAME)), seen)
    assert len(burning) == 1, "a true fire is still seen there"
    assert burning[0].numbers["evidence"]["cried_wolf"] < -1


def test_what_wanders_through_the_picture_is_no_fire():
    judge = judge_of()
    drafts = []
    for index in range(20):
        left = 0.05 + 0.3 * (index % 3)
        drafts += judge.update(sighting(index * 0.5, (ObjectClass.FIRE, 0.8, (left, 0.5, left + 0.05, 0.6))))
        drafts += judge.update(sighting(index * 0.5 + 0.25))
    assert drafts == []


def walking(sizes_a_second: float, seconds: float, step: float = 0.25, stops_after: float = 1e9):
    """Boxes of something that goes to the right, seen in every look with scores that convince where they hold still."""
    for index in range(int(seconds / step)):
        at = index * step
        x = 0.1 + sizes_a_second * 0.05 * min(at, stops_after)
        yield at, (x, 0.5, x + 0.05, 0.55)


@pytest.mark.parametrize("sizes_a_second", [1.5, 2.5, 4.0])
def test_a_scarf_that_walks_by_is_no_fire_even_where_nobody_saw_who_wears_it(sizes_a_second: float):
    judge = judge_of()
    for at, box in walking(sizes_a_second, 0.85 / 0.05 / sizes_a_second):
        assert not judge.update(sighting(at, (ObjectClass.FIRE, 0.6, box)))


def test_a_flame_that_leaps_within_its_place_or_spreads_from_it_is_one_fire():
    leaping, spreading = judge_of(), judge_of()
    found = []
    for index in range(16):
        at, side = index * 0.25, 0.02 * (-1) ** index
        leap = (0.40 + side, 0.50, 0.45 + side, 0.56)
        spread = (0.40 - 0.002 * index, 0.50 - 0.004 * index, 0.45 + 0.01 * index, 0.56)
        found += leaping.update(sighting(at, (ObjectClass.FIRE, 0.6, leap)))
        found += spreading.update(sighting(at, (ObjectClass.FIRE, 0.6, spread)))
    assert found and {draft.numbers["gone"] < 0.5 for draft in found} == {True}
    assert leaping.is_suspicious is spreading.is_suspicious is False, "both have alerted"


def test_a_burning_cart_that_comes_to_a_stop_is_a_fire():
    judge = judge_of()
    drafts = [
        draft
        for at, box in walking(2.0, 16.0, stops_after=4.0)
        for draft in judge.update(sighting(at, (ObjectClass.FIRE, 0.8, box)))
    ]
    assert drafts and 4.0 < drafts[0].raised_at < 12.0


def test_looks_within_a_moment_count_as_one():
    assert alerts_of(judge_of(), [0.9] * 12, step=0.02) == []


def test_a_fire_that_comes_back_after_it_was_out_alerts_again():
    drafts = alerts_of(judge_of(), [0.7] * 10 + [None] * 80 + [0.7] * 10)
    assert len(drafts) == 2


def test_two_fires_at_two_places_are_two_alerts():
    judge = judge_of()
    far = (0.8, 0.1, 0.9, 0.2)
    drafts = []
    for index in range(10):
        drafts += judge.update(sighting(index * 0.5, (ObjectClass.FIRE, 0.8, FLAME), (ObjectClass.FIRE, 0.8, far)))
    assert len(drafts) == 2


def test_severity_follows_growth_and_each_step_is_told_once():
    judge = judge_of()
    drafts = []
    for index in range(120):
        side = 0.05 + 0.001 * index
        drafts += judge.update(
            sighting(index * 0.25, (ObjectClass.SMOKE, 0.7, (0.5 - side, 0.5 - side, 0.5 + side, 0.5 + side)))
        )
    assert [d.severity for d in drafts] == [2, 3, 4]
    assert "has grown" in drafts[1].reason.en and "扩大" in drafts[1].reason.zh


def test_suspicion_asks_for_more_looks_until_it_is_settled():
    judge = judge_of()
    judge.update(sighting(0.0, (ObjectClass.FIRE, 0.6, FLAME)))
    assert judge.is_suspicious and list(judge.places.values()) == [pytest.approx(FLAME)]
    for index in range(1, 20):
        judge.update(sighting(index * 0.5))
    assert not judge.is_suspicious and not judge.places


def test_a_lamp_does_not_hold_the_cameras_attention_for_ever():
    judge = judge_of()
    alerts_of(judge, [0.9] * 60, observed=Observed(LAMP))
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
    judge = judge_of()
    for index, look in enumerate(looks):
        found = [(c, s, (x, y, x + 0.05, y + 0.05)) for c, s, x, y in look]
        for draft in judge.update(sighting(index * 0.4, *found), {1: Observed(BURNING)}):
            assert 0 <= draft.confidence <= 1
        assert len(judge._suspicions) <= MOST_PLACES
        assert len(judge.places) <= MOST_WATCHED


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_higher_score_is_never_worth_less_and_no_look_decides(a: float, b: float):
    worth = Worth(1.4, 0.9)
    low, high = sorted((a, b))
    assert MOST_AGAINST <= worth.of(low) <= worth.of(high) <= MOST_FOR


def test_calibration_is_read_from_beside_the_weights_and_its_absence_is_survived(tmp_path):
    file = tmp_path / "calibration.yaml"
    rows = {c: replace(w, offset=2.5, unseen=-0.4) for c, w in CAUTIOUS.items()}
    file.write_text(yaml_text(rows, "12 pictures"))
    assert load_calibration(file) == rows
    file.write_text("classes: [1, 2")
    assert load_calibration(file) == CAUTIOUS
    assert load_calibration(tmp_path / "none.yaml") == CAUTIOUS


def test_the_shipped_calibration_can_be_read():
    assert set(load_calibration()) == {ObjectClass.FIRE, ObjectClass.SMOKE}
