"""Footage from disk carries the times it was filmed at."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.footage import FootageError, read_footage


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Five pictures that play at ten a second."""
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (64, 48))
    for n in range(5):
        writer.write(np.full((48, 64, 3), 40 * n, np.uint8))
    writer.release()
    return path


def times(path: Path, rate: float | None = None) -> list[float]:
    return [round(picture.seconds, 3) for picture in read_footage(path, rate)]


def test_a_video_plays_at_its_own_times_unless_told_otherwise(clip: Path) -> None:
    assert times(clip) == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert times(clip, 4.0) == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_a_folder_plays_at_one_a_second_unless_told_otherwise(tmp_path: Path) -> None:
    for n in range(3):
        cv2.imwrite(str(tmp_path / f"{n}.png"), np.zeros((8, 8, 3), np.uint8))
    assert times(tmp_path) == [0.0, 1.0, 2.0]
    assert times(tmp_path, 2.0) == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_no_pictures_a_second_is_refused(clip: Path, rate: float) -> None:
    with pytest.raises(FootageError, match="above 0"):
        next(read_footage(clip, rate))
