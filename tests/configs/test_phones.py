"""Phones that are cameras for a while: as many as the service part says, watched, recorded, with ids of their own."""

import pytest

from configs.errors import ConfigError
from configs.load import parse_model
from configs.phones import GROUP, carried_by, phone_points
from configs.site import RecordingMode, Site
from configs.words import Watch
from tests.configs.test_load import GOOD


def read(service: str = "", yaml: str = GOOD) -> Site:
    return parse_model(yaml + service, Site, "cameras.yaml", {"CAMERA_PASSWORD": "hidden"})


def test_there_are_as_many_as_are_allowed_and_they_are_watched_and_recorded() -> None:
    assert [p.id for p in phone_points(read())] == ["phone-1", "phone-2"]
    assert phone_points(read("service: {phones: 0}\n")) == []
    (phone,) = phone_points(read("service: {phones: 1, phone_keep_days: 3}\n"))
    assert (phone.recording.mode, phone.recording.keep_days) == (RecordingMode.CONTINUOUS, 3)
    assert Watch.SMOKE_FIRE in phone.watch and len(phone.watch) > 1 and phone.group == GROUP
    named = carried_by(phone, "王芳" * 40)
    assert named.name.zh.endswith("的手机") and named.name.en.endswith("'s phone") and named.id == phone.id


def test_no_camera_in_the_file_takes_their_ids() -> None:
    identity = read().cameras[0].id
    with pytest.raises(ConfigError, match="kept for phones"):
        read(yaml=GOOD.replace(f"id: {identity}", "id: phone-7"))
