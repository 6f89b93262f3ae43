"""What a camera asks of the models follows its hours; smoke and fire have hours of their own."""

from datetime import UTC, datetime

import pytest

from configs.load import parse_model
from configs.site import Site
from detectors.catalogue import Task
from runtime.asks import tasks_at
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
