"""The same picture through any engine gives the same boxes: COCO's network by torch, ONNX Runtime and OpenVINO.

The network is read back out of the shared int8 export, saved as a checkpoint and exported by our own command, so that
torch, both exporters and all three engines are the real ones.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.catalogue import Catalogue, ModelFile, Task
from detectors.engine import Engine, Picture, open_engine
from detectors.export import export
from detectors.words import Detections

torch = pytest.importorskip("torch", reason="torch: needs the `train` extra: pip install 'village-brain[train]'")
pytest.importorskip("ultralytics", reason="ultralytics: needs the `train` extra")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SIZE = (416, 256)
CONFIDENCE = 0.3
#: By precision, how far apart edges (0…1 of the picture) and scores may lie: as `detectors/engine.py` promises.
FLOAT32, BFLOAT16 = (0.005, 0.01), (0.02, 0.03)
TOLERANCES = {"fp32": FLOAT32, "fp16": BFLOAT16, "bf16": BFLOAT16}
MADE = (("torch", "fp32"), ("onnx", "fp32"), ("openvino", "fp32"), ("openvino", "fp16"), ("openvino", "bf16"))


@pytest.fixture(scope="module")
def made(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], ModelFile]:
    from ultralytics.nn.tasks import DetectionModel

    from detectors.train import network, seed_weights

    folder = tmp_path_factory.mktemp("parity")
    seeded = DetectionModel(network.ARCHITECTURE, nc=80, verbose=False)
    seed_weights.load_into(seeded, Catalogue.load().find(Task.PEOPLE_VEHICLES, (640, 640)).path)
    network.save(seeded, folder / "seed.pt", family=network.COCO)
    catalogue = Catalogue.load(folders=[folder / "models"])
    for form, precision in MADE:
        export(
            "coco-yolo11n",
            catalogue,
            form=form,
            size=SIZE,
            precision=precision,
            checkpoint=folder / "seed.pt",
            into=folder / "models",
            say=lambda _: None,
        )
    found = catalogue.all(Task.PEOPLE_VEHICLES, ("openvino", "onnx", "torch"))
    assert all(file.size == SIZE for file in found)
    return {(file.format, file.precision or ""): file for file in found}


@pytest.fixture(scope="module")
def pictures(shared_data: Path) -> list[Picture]:
    """Frames of the campus and of the road, whole and of odd shapes."""
    shown: list[Picture] = []
    for clip, shapes in (("pets09-s2l1-view1.avi", ((576, 768), (432, 768))), ("road-8-vehicles.mp4", ((352, 640),))):
        video = cv2.VideoCapture(str(shared_data / "clips" / clip))
        for _ in range(6):
            for _ in range(60):
                video.grab()
            picture = np.asarray(video.retrieve()[1], np.uint8)
            shown += [np.ascontiguousarray(picture[:h, :w]) for h, w in shapes]
    return shown


@pytest.fixture(scope="module")
def by_torch(made: dict[tuple[str, str], ModelFile], pictures: list[Picture]) -> list[Detections]:
    engine = open_engine(made["torch", "fp32"], confidence=CONFIDENCE / 2)
    seen = [engine.detect(picture) for picture in pictures]
    engine.close()
    return seen


@pytest.fixture(params=MADE[1:], ids="-".join)
def which(request: pytest.FixtureRequest) -> tuple[str, str]:
    form, precision = request.param
    return form, precision


@pytest.fixture
def engine(which: tuple[str, str], made: dict[tuple[str, str], ModelFile]) -> Iterator[Engine]:
    opened = open_engine(made[which], confidence=CONFIDENCE / 2)
    yield opened
    opened.close()


@pytest.mark.shared_data
def test_every_engine_gives_the_boxes_of_torch(
    engine: Engine, which: tuple[str, str], pictures: list[Picture], by_torch: list[Detections]
) -> None:
    strong, (edges, scores) = 0, TOLERANCES[which[1]]
    for picture, wanted in zip(pictures, by_torch, strict=True):
        found = engine.detect(picture)
        for first, second in ((wanted, found), (found, wanted)):
            for n in np.flatnonzero(first.scores >= CONFIDENCE + scores):
                strong += 1
                same_class = np.array([c is first.classes[n] for c in second.classes])
                away = np.abs(second.boxes - first.boxes[n]).max(axis=1)
                other = np.abs(second.scores - first.scores[n])
                assert (same_class & (away <= edges) & (other <= scores)).any(), (
                    f"{engine.name}: nothing like {first.classes[n]} at {first.boxes[n]} ({first.scores[n]:.3f}); "
                    f"nearest {away.min(initial=1):.4f} away"
                )
    assert strong > 100
