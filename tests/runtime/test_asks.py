"""What a camera asks of the models follows its hours; smoke and fire have hours of their own."""

from datetime import UTC, datetime

import pytest

from configs.areas import Zone
from configs.load import parse_model
from configs.site import Site
from detectors.catalogue import Task
from runtime.asks import tasks_at, tasks_of
from tests.configs.test_load import GOOD


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 5, 1, 21, 59, tzinfo=UTC), {Task.SMOKE_FIRE}),
        (datetime(2026, 5, 1, 22, 0, tzinfo=UTC), {Task.SMOKE_FIRE, Task.PEOPLE_VEHICLES}),
        (datetime(2026, 5, 2, 3, 0, tzinfo=UTC), {Task.SMOKE_FIRE, Task.PEOPLE_VEHICLES}),
        (datetime(2026, 5, 2, 6, 0, tzinfo=UTC), {Task.SMOKE_FIRE}),
    ],
)
def test_outside_its_hours_a_camera_is_watched_for_smoke_and_fire_alone(at: datetime, expected: set[Task]) -> None:
    site = parse_model(GOOD, Site, "cameras.yaml", {"CAMERA_PASSWORD": "x"})
    camera = site.cameras[0].model_copy(
        update={
            "schedule": site.cameras[0].schedule.model_validate({"active": [{"start": "22:00", "end": "06:00"}]}),
        }
    )
    assert tasks_at(camera, at) == expected


@pytest.mark.parametrize("forbids", [{"no_parking_after_seconds": 60}, {"no_vehicles": True}])
def test_what_a_zone_forbids_is_looked_for_without_a_word_in_watch(forbids: dict[str, object]) -> None:
    site = parse_model(GOOD, Site, "cameras.yaml", {"CAMERA_PASSWORD": "x"})
    zone = Zone.model_validate(
        {
            "id": "yard",
            "name": {"zh": "院", "en": "yard"},
            "polygon": [[0, 0], [1, 0], [1, 1]],
            **forbids,
        }
    )
    camera = site.cameras[0].model_copy(update={"watch": [], "lines": [], "zones": [zone]})
    assert tasks_of(camera) == {Task.PEOPLE_VEHICLES}
    assert tasks_of(camera.model_copy(update={"zones": []})) == set()
