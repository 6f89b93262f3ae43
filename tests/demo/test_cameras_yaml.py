"""configs/cameras.yaml: valid, complete as a reference, and true to what the demo shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from configs.site import Site
from configs.words import StreamRole
from runtime.demo.scenes import CROWD_MOMENTS, CROWD_PICTURES
from runtime.demo.script import load_day

PATH = Path(__file__).parents[2] / "configs" / "cameras.yaml"
TEXT = PATH.read_text(encoding="utf-8")
GROUND_TRUTH = PATH.parents[2] / "shared" / "data" / "clips" / "pets09-s2l1-gt.txt"


@pytest.fixture(scope="module")
def site() -> Site:
    defaulted = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", TEXT)
    return Site.model_validate(YAML(typ="safe", pure=True).load(defaulted))


def test_37_points_in_the_order_of_the_demo(site: Site) -> None:
    assert len(site.cameras) == 37
    assert [camera.id for camera in site.cameras] == list(load_day().cameras)
    assert 5 <= len(site.groups) <= 7
    assert {camera.group for camera in site.cameras} == {group.id for group in site.groups}


def test_every_camera_points_at_the_demo_server(site: Site) -> None:
    for camera in site.cameras:
        for role in StreamRole:
            url = getattr(camera.streams, role)
            assert url.get_secret_value() == f"rtsp://127.0.0.1:8554/{camera.id}/{role}"


def test_names_and_places_differ(site: Site) -> None:
    for of in ("zh", "en"):
        assert len({getattr(camera.name, of) for camera in site.cameras}) == 37
    assert len({(camera.place.x, camera.place.y) for camera in site.cameras}) == 37


def fields(model: type[BaseModel]) -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        found.add(name)
        pending: list[Any] = [field.annotation]
        while pending:
            kind = pending.pop()
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found |= fields(kind)
            pending += get_args(kind)
    return found


def test_every_key_is_shown_and_explained() -> None:
    assert TEXT.startswith("# yaml-language-server: $schema=cameras.schema.json\n")
    reference = TEXT[: TEXT.index("- id: art-museum-door")]
    shown = set(re.findall(r"(?:^|[\s{,-])(\w+):(?=\s)", re.sub(r"#.*", "", reference), re.MULTILINE))
    assert fields(Site) - shown == set()


@pytest.mark.shared_data
@pytest.mark.skipif(not GROUND_TRUTH.exists(), reason="needs the development footage in ../shared/data")
def test_the_crowd_threshold_lies_between_a_usual_day_and_the_gathering(site: Site) -> None:
    zone = site.camera("art-museum-square").zones[0]
    assert zone.crowd_at is not None
    left, top, right, bottom = zone.polygon[0][0], zone.polygon[0][1], zone.polygon[2][0], zone.polygon[2][1]
    counts = np.zeros(795, int)
    for line in GROUND_TRUTH.read_text().splitlines():
        frame, _, x, y, width, height = map(float, line.split(",")[:6])
        foot = (x + width / 2) / 768, (y + height) / 576
        counts[int(frame) - 1] += left <= foot[0] <= right and top <= foot[1] <= bottom
    gathered = sum(counts[first : first + CROWD_PICTURES] for first in CROWD_MOMENTS)
    assert counts.max() <= zone.crowd_at
    assert gathered.min() > zone.crowd_at * 2
