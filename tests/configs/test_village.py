"""village.yaml: the one that comes along is right, and mistakes are told together with their lines."""

from pathlib import Path

import pytest

from configs.errors import ConfigError
from configs.village import DEFAULT_VILLAGE, load_village
from configs.words import IncidentKind

VILLAGE = load_village(DEFAULT_VILLAGE, {})


def test_the_village_that_comes_along() -> None:
    assert VILLAGE.plan.on_plan(28.9903, 118.7512) == pytest.approx((0.46, 0.4), abs=0.01)
    assert VILLAGE.plan.on_plan(30.0, 118.7512) is None
    assert VILLAGE.plan.metres((0.46, 0.4), (0.44, 0.36)) == pytest.approx(72.1, abs=0.1)
    assert VILLAGE.joining_for(IncidentKind.SMOKE).sure_metres == 120
    assert VILLAGE.joining_for(IncidentKind.OTHER).sure_metres == 15
    assert VILLAGE.escalation_for(IncidentKind.DISPUTE)[0].after_seconds == 0
    assert not any(c.url.get_secret_value() for c in VILLAGE.notifications.channels)


def test_keys_come_from_the_environment_and_are_never_shown() -> None:
    found = load_village(DEFAULT_VILLAGE, {"VBRAIN_WEBHOOK_SECRET": "s3cret", "VBRAIN_WECHAT_TOKEN": "t0ken"})
    assert "s3cret" not in repr(found) and "t0ken" not in repr(found)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "village.yaml"
    text = DEFAULT_VILLAGE.read_text(encoding="utf-8")
    text = text.replace("areas: [centre],", "areas: [center],").replace("channels: [township]", "channels: [townshop]")
    path.write_text(text.replace("most_attempts: 12", "most_atempts: 12"), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_village(path, {})
    said = str(refused.value)
    assert "3 mistakes" in said and "roster[0].areas[0]" in said and "most_atempts" in said and "channels" in said
