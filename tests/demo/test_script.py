"""The script of the day: what is true when, and that a timeline never breaks."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from configs.words import IncidentKind
from runtime.demo.clip import Clip, Loop
from runtime.demo.clips import ClipFiles
from runtime.demo.script import Day, Scripted, Span, events, load_day, sources


def test_a_fire_starts_at_a_known_second_on_a_known_camera() -> None:
    first = events()[0]
    assert (first.camera, first.kind, first.start_s, first.end_s) == ("straw-yard", IncidentKind.FIRE, 40, 160)


def test_the_day_repeats() -> None:
    fires = [e.start_s for e in events(until_s=1_300) if e.camera == "straw-yard"]
    assert fires == [40, 640, 1_240]


def test_every_change_is_a_key_frame_and_calm_returns(clip: Clip, dark_clip: Clip) -> None:
    burning = Clip("burning", "h264", 320, 180, 10.0, clip.parameter_sets, clip.units)
    source = Scripted(clip, (Span(40, 95, (dark_clip, burning)),), period=200, starts_at=17)
    shown = [source.at(picture) for picture in range(620)]
    for earlier, later in pairwise(shown):
        continues = later[0] is earlier[0] and later[1] == earlier[1] + 1
        assert continues or later[0].units[later[1]].is_keyframe
    assert shown[0][0].units[shown[0][1]].is_keyframe
    assert shown[40] == (dark_clip, 0)
    assert shown[70][0] is burning
    assert shown[94][0] is burning
    assert shown[95] == (clip, 0)
    assert shown[240] == (dark_clip, 0)


def test_a_loop_starts_at_a_key_frame(clip: Clip) -> None:
    shown, index = Loop(clip, phase=22).at(0)
    assert shown.units[index].is_keyframe


@pytest.mark.parametrize(
    ("happening", "says"),
    [
        ({"camera": "b", "at": 1, "until": 2}, "not among the cameras"),
        ({"camera": "a", "at": 5, "until": 5}, "must end after it starts"),
        ({"camera": "a", "at": 5, "until": 90}, "before the day repeats"),
        ({"camera": "a", "at": 15, "until": 30}, "overlap"),
    ],
)
def test_a_script_that_cannot_be_played_is_refused(happening: dict[str, object], says: str) -> None:
    good = {"camera": "a", "kind": "fire", "at": 10, "until": 20, "scenes": ["x"]}
    with pytest.raises(ValidationError, match=says):
        Day.model_validate(
            {"repeats_every": 60, "cameras": {"a": {"scene": "x"}}, "happenings": [good, good | happening]}
        )


def test_each_file_is_read_once_for_all_cameras(clip_file: Path) -> None:
    opened: list[Path] = []

    def read(path: Path) -> Clip:
        opened.append(path)
        return Clip.open(path)

    day = load_day()
    files = {name: ClipFiles(name, clip_file, clip_file) for name in day.scenes()}
    made = sources(day, files, read)
    assert len(made) == 74
    assert opened == [clip_file]
