"""The fire model's look at a citizen's photo, on real weights."""

import cv2
import numpy as np
import pytest

from configs.words import IncidentKind
from detectors.catalogue import Catalogue, ModelError, Task
from runtime.photo_judge import FirePhotoJudge


def jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture)[1].tobytes()


@pytest.fixture(scope="module")
def judge() -> FirePhotoJudge:
    try:
        Catalogue.load().find(Task.SMOKE_FIRE)
    except ModelError as error:
        pytest.skip(str(error))
    return FirePhotoJudge()


@pytest.mark.shared_data
def test_a_photo_of_a_fire_is_called_a_fire(judge, shared_data):
    """Of the fire pictures, most: it is a suggestion."""
    folder = shared_data / "datasets" / "fire-only-extra" / "images"
    files = sorted(folder.iterdir())[:: max(1, len(list(folder.iterdir())) // 40)]
    said = [judge(jpeg(cv2.imread(str(file)))) for file in files]
    fires = [s for s in said if s is not None and s.kind is IncidentKind.FIRE]
    assert len(fires) >= 0.4 * len(files), f"{len(fires)} of {len(files)}"


@pytest.mark.shared_data
def test_a_photo_of_a_street_suggests_nothing(judge, shared_data):
    video = cv2.VideoCapture(str(shared_data / "clips" / "pets09-s2l1-view1.avi"))
    said = []
    for _ in range(5):
        video.set(cv2.CAP_PROP_POS_FRAMES, 100 * (len(said) + 1))
        said.append(judge(jpeg(video.read()[1])))
    assert said == [None] * 5


def test_what_is_no_picture_suggests_nothing(judge):
    assert judge(b"not a picture") is None
