"""kinds.yaml: every kind has its rules, and mistakes in a village's own copy are told with their place."""

from pathlib import Path

import pytest

from configs.errors import ConfigError
from configs.kinds import DEFAULT_KINDS, FIELD_ROLES, load_kinds
from configs.words import IncidentKind, Role


def test_every_kind_has_rules_somebody_to_send_and_a_time_for_each_step() -> None:
    rules = load_kinds().by_kind
    assert set(rules) == set(IncidentKind)
    for kind in IncidentKind:
        assert set(rules[kind].roles) <= FIELD_ROLES
        assert all(seconds > 0 for seconds in rules[kind].targets.model_dump().values())
    assert rules[IncidentKind.FIRE].priority == 1


def test_a_reported_fire_is_meant_to_be_out_well_within_an_hour() -> None:
    targets = load_kinds().by_kind[IncidentKind.FIRE].targets
    assert targets.confirm + targets.dispatch + targets.accept + targets.arrive <= 12 * 60


def test_mistakes_are_told_together(tmp_path: Path) -> None:
    text = DEFAULT_KINDS.read_text(encoding="utf-8")
    text = text.replace("kind: smoke", "kind: fire").replace("priority: 4", "priority: 9")
    text = text.replace("confirm: 300, dispatch: 600", "confirms: 300, dispatch: 600").replace(
        "roles: [grid_worker]", "roles: [citizen]", 1
    )
    path = tmp_path / "kinds.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_kinds(path)
    assert sorted(p.key for p in caught.value.problems) == [
        "kinds",
        "kinds[1].kind",
        "kinds[4].roles",
        "kinds[6].targets.confirm",
        "kinds[6].targets.confirms",
        "kinds[7].priority",
    ]
    assert "smoke" in str(caught.value) and Role.CITIZEN.value in str(caught.value)
