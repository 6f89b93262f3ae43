"""The clips: what a camera would send, made with and without footage, and a fire that looks like one."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import PictureType

import runtime.demo.clips as clips
from runtime.demo.clip import Clip, ClipError
from runtime.demo.encode import GOP, ClipWriter
from runtime.demo.plume import Spot, lay, simulate
from runtime.demo.scenes import recipes
from runtime.demo.script import load_day
from runtime.demo.village import drawn_cast
from tests.demo.conftest import moving_bars


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, clips.ClipFiles]:
    """Two drawn scenes, on a machine that has neither footage nor photographs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clips, "find_photographs", lambda cache: None)
        cache = tmp_path_factory.mktemp("cache")
        return clips.make_clips(cache, use_footage=False, only=frozenset({"lane", "orchard"}))


@pytest.mark.parametrize("name", ["lane", "orchard"])
def test_clips_are_baseline_without_b_frames(made: dict[str, clips.ClipFiles], name: str) -> None:
    for path in {made[name].sub, made[name].main}:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            context = stream.codec_context
            assert (context.name, context.profile, context.has_b_frames) == ("h264", "Constrained Baseline", False)
            assert stream.average_rate == 10
            frames = list(container.decode(stream))
        kinds = [PictureType(frame.pict_type) for frame in frames]
        assert set(kinds) == {PictureType.I, PictureType.P}
        assert [index for index, frame in enumerate(frames) if frame.key_frame] == list(range(0, len(frames), GOP))
        assert Clip.open(path).fps == 10


def test_sizes_of_main_and_sub(made: dict[str, clips.ClipFiles]) -> None:
    assert made["lane"].main == made["lane"].sub
    orchard = Clip.open(made["orchard"].sub), Clip.open(made["orchard"].main)
    assert [(clip.width, clip.height) for clip in orchard] == [(640, 360), (960, 540)]


def test_somebody_moves(made: dict[str, clips.ClipFiles]) -> None:
    with av.open(str(made["lane"].sub)) as container:
        grey = [frame.to_ndarray(format="gray").astype(int) for frame in container.decode(video=0)]
    moved = np.abs(grey[40] - grey[0]) > 40
    assert 0.001 < moved.mean() < 0.3


def test_what_is_made_is_not_made_again(made: dict[str, clips.ClipFiles], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "find_photographs", lambda cache: None)
    said: list[str] = []
    cache = made["lane"].sub.parents[1]
    again = clips.make_clips(
        cache, lambda done, total, name: said.append(name), use_footage=False, only=frozenset({"lane"})
    )
    assert again["lane"] == made["lane"]
    assert said == []


def test_a_clip_half_made_does_not_count(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), ClipWriter(tmp_path / "a.mp4", (320, 180), 300) as writer:
        writer.write(moving_bars(1, (320, 180))[0])
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("with_footage", [False, True])
def test_the_day_shows_only_scenes_that_can_be_made(tmp_path: Path, with_footage: bool) -> None:
    names = ("pets09-s2l1-view1.avi", "road-8-vehicles.mp4", "house-fire.mp4", "person-bicycle-car.gif")
    for name in names if with_footage else ():
        (tmp_path / name).touch()
    known = {recipe.name for recipe in recipes(tmp_path, drawn_cast())}
    shown = load_day().scenes()
    assert shown <= known
    assert len(shown) >= 12


def test_one_camera_has_one_size(tmp_path: Path) -> None:
    """A camera's scenes must agree in size, or its stream would change it in the middle."""
    for name in ("", "pets09-s2l1-view1.avi", "road-8-vehicles.mp4", "house-fire.mp4"):
        (tmp_path / name).touch()
        by_name = {recipe.name: recipe for recipe in recipes(tmp_path, drawn_cast())}
        day = load_day()
        for camera, part in day.cameras.items():
            for scene in (scene for happening in day.of(camera) for scene in happening.scenes):
                assert (by_name[scene].sub, by_name[scene].main) == (by_name[part.scene].sub, by_name[part.scene].main)


def test_b_frames_are_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "b.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.options = {"bf": "2", "preset": "fast"}
        for picture in moving_bars(20, (320, 180)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    with pytest.raises(ClipError, match="B-frames"):
        Clip.open(path)
    with pytest.raises(ClipError, match="cannot be read"):
        Clip.open(tmp_path / "missing.mp4")


def test_fire_is_warm_flickers_and_its_smoke_rises_and_drifts() -> None:
    plume = simulate(40, seed=1, width=64, height=96)
    grey = np.full((240, 320, 3), 110, np.uint8)
    burning = [lay(grey, plume, frame, Spot((150, 230), 150)) for frame in range(40)]
    flame = []
    for picture in burning:
        blue, green, red = cv2.split(picture.astype(int))
        flame.append((red > 180) & (red > green) & (green > blue))
    areas = np.array([mask.sum() for mask in flame])
    assert areas.min() > 150
    assert np.abs(np.diff(areas)).mean() > 0.02 * areas.mean()
    assert max((picture.min(axis=2) > 150).sum() for picture in burning) > 10  # a nearly white core
    # Smoke: above the flame, light grey, and with the wind to the right of the fire's foot.
    above = np.mean([np.abs(picture[:150].astype(int) - 110).max(axis=2) for picture in burning], axis=0)
    assert above.max() > 8
    assert (above * np.arange(320)).sum() / above.sum() > 150
    assert (grey == 110).all()


def test_a_fire_grows_from_a_wisp() -> None:
    heat = simulate(60, seed=2, width=64, height=96, grows=50).heat.astype(int).sum(axis=(1, 2))
    assert heat[2:8].mean() < 0.4 * heat[-10:].mean()


def test_a_burning_loop_closes() -> None:
    plume = simulate(60, seed=3, width=48, height=64).closing_loop(20, 10)
    jump = np.abs(plume.heat[59].astype(int) - plume.heat[19]).mean()
    assert jump < 1.0
