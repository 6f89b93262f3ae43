"""The engines on real weights and footage, and the same boxes through any of them."""

import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from configs.words import ObjectClass
from detectors.catalogue import Catalogue, ModelBroken, ModelFile, ModelMissing, Task
from detectors.engine import Engine, EngineClosed, Picture, open_engine
from detectors.evaluate import evaluate, overlaps, read_mot
from detectors.openvino_engine import open_openvino
from detectors.words import Detections

SMALL = (416, 256)


def model_at(path: Path, size: tuple[int, int] | None = None, form: str = "openvino", classes: int = 80) -> ModelFile:
    names: tuple[ObjectClass | None, ...] = (ObjectClass.PERSON, *[None] * (classes - 1))
    return ModelFile("test", Task.PEOPLE_VEHICLES, path, form, size, None, names, "MIT", "a test", None, "")


@pytest.fixture(scope="module")
def weights(shared_data: Path) -> Catalogue:
    return Catalogue.load(folders=[shared_data / "weights"])


@pytest.fixture(scope="module")
def engine(weights: Catalogue) -> Iterator[Engine]:
    opened = open_engine(weights.find(Task.PEOPLE_VEHICLES, SMALL))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def pets(shared_data: Path) -> list[tuple[Picture, NDArray[np.float32]]]:
    """Every tenth frame of the campus clip with the true boxes of persons."""
    truth = read_mot(shared_data / "clips" / "pets09-s2l1-gt.txt", (768, 576))
    video = cv2.VideoCapture(str(shared_data / "clips" / "pets09-s2l1-view1.avi"))
    frames, number = [], 0
    while (read := video.read())[0]:
        number += 1
        if number % 10 == 1:
            frames.append((np.asarray(read[1], np.uint8), truth[number]))
    return frames


def same(a: Detections, b: Detections, tolerance: float = 1e-4) -> bool:
    return a.classes == b.classes and bool(np.abs(a.boxes - b.boxes).max(initial=0) < tolerance)


@pytest.mark.shared_data
def test_persons_are_found_as_well_as_the_catalogue_states(
    engine: Engine, weights: Catalogue, pets: list[tuple[Picture, NDArray[np.float32]]]
) -> None:
    stated = weights.find(Task.PEOPLE_VEHICLES, SMALL).accuracy
    assert stated is not None
    result = evaluate(engine, pets, confidence=0.3, least_overlap=0.4)
    assert result.truths > 400
    assert result.precision >= stated.precision - 0.03
    assert result.recall >= stated.recall - 0.03


@pytest.mark.shared_data
def test_submitted_looks_give_the_boxes_of_detect_whatever_their_shapes(
    engine: Engine, pets: list[tuple[Picture, NDArray[np.float32]]]
) -> None:
    pictures = []
    for n, (picture, _) in enumerate(pets[:12]):  # shapes alternate, so that each request changes its letterbox
        pictures.append(
            picture if n % 3 == 0 else np.ascontiguousarray(picture[:432] if n % 3 == 1 else picture[:, 100:400])
        )
    expected = [engine.detect(picture) for picture in pictures]
    assert sum(map(len, expected)) > 30
    results: dict[int, Detections | Exception] = {}
    freed = threading.Semaphore(engine.parallel)
    for n, picture in enumerate(pictures):
        assert freed.acquire(timeout=30)

        def done(result: Detections | Exception, n: int = n) -> None:
            results[n] = result
            freed.release()

        assert engine.submit(picture, done)
    for _ in range(engine.parallel):
        assert freed.acquire(timeout=30)
    for n, wanted in enumerate(expected):
        result = results[n]
        assert isinstance(result, Detections)
        assert same(result, wanted)


@pytest.mark.shared_data
def test_boxes_are_right_side_up_and_in_the_pictures_own_frame(
    engine: Engine, pets: list[tuple[Picture, NDArray[np.float32]]]
) -> None:
    picture, truth = pets[20]
    wide = np.full((576, 1400, 3), 90, np.uint8)
    wide[:, 500 : 500 + 768] = picture
    moved = truth * np.array([768, 1, 768, 1], np.float32) + np.array([500, 0, 500, 0], np.float32)
    moved /= np.array([1400, 1, 1400, 1], np.float32)
    found = engine.detect(wide)
    assert found.aspect == pytest.approx(1400 / 576)
    assert (overlaps(moved, found.boxes).max(axis=1) > 0.4).mean() > 0.5


@pytest.mark.shared_data
def test_an_engine_with_no_free_request_says_so_and_a_closed_one_refuses(weights: Catalogue) -> None:
    opened = open_openvino(weights.find(Task.PEOPLE_VEHICLES, SMALL), threads=1)
    assert opened.parallel == 2
    picture = np.zeros((256, 416, 3), np.uint8)
    hold, ended = threading.Event(), queue.SimpleQueue[Detections | Exception]()

    def slow(result: Detections | Exception) -> None:
        ended.put(result)

    look = opened._look

    def held(shown: Picture) -> Detections:
        hold.wait(30)
        return look(shown)

    opened._look = held
    assert [opened.submit(picture, slow) for _ in range(3)] == [True, True, False]
    hold.set()
    assert all(isinstance(ended.get(timeout=30), Detections) for _ in range(2))
    opened.close()
    opened.close()
    with pytest.raises(EngineClosed):
        opened.submit(picture, slow)
    with pytest.raises(EngineClosed):
        opened.detect(picture)


@pytest.mark.shared_data
def test_a_picture_that_cannot_be_read_fails_that_look_alone(engine: Engine) -> None:
    ended: queue.SimpleQueue[Detections | Exception] = queue.SimpleQueue()
    assert engine.submit(np.zeros((0, 0, 3), np.uint8), ended.put)
    assert isinstance(ended.get(timeout=30), Exception)
    assert isinstance(engine.detect(np.zeros((90, 160, 3), np.uint8)), Detections)


@pytest.mark.parametrize("content", [b"", b"not a network at all", b"<net name='x' version='11'><layers/></net>"])
def test_a_file_that_is_no_network_is_broken_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.xml").write_bytes(content)
    (tmp_path / "net.bin").write_bytes(b"")
    with pytest.raises(ModelBroken) as caught:
        open_engine(model_at(tmp_path / "net.xml"))
    assert "\n" not in str(caught.value)
    assert "net.xml" in str(caught.value)


@pytest.mark.shared_data
def test_truncated_weights_are_broken(weights: Catalogue, tmp_path: Path) -> None:
    whole = weights.find(Task.PEOPLE_VEHICLES, SMALL).path
    (tmp_path / "net.xml").write_bytes(whole.read_bytes())
    (tmp_path / "net.bin").write_bytes(whole.with_suffix(".bin").read_bytes()[:100_000])
    with pytest.raises(ModelBroken):
        open_engine(model_at(tmp_path / "net.xml"))


@pytest.mark.shared_data
@pytest.mark.parametrize("size, classes, says", [((640, 640), 80, "is 416x256"), (SMALL, 3, "does not fit 3 classes")])
def test_a_network_that_is_not_what_the_catalogue_says_is_refused(
    weights: Catalogue, size: tuple[int, int], classes: int, says: str
) -> None:
    path = weights.find(Task.PEOPLE_VEHICLES, SMALL).path
    with pytest.raises(ModelBroken, match=says):
        open_engine(model_at(path, size, classes=classes))


def blob_finder(path: Path) -> Path:
    """A network in ONNX whose head says where red is: one anchor for each 32 px cell of a 128×96 input, its first class
    scored by how red the cell is, its second by how blue. Colour order, scale and letterbox show in what it finds."""
    onnx = pytest.importorskip("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    kernel = np.zeros((2, 3, 32, 32), np.float32)
    kernel[0, 0] = kernel[1, 2] = 1 / 1024  # the mean of the first (red) and of the last (blue) channel
    rows, columns = np.divmod(np.arange(12), 4)
    anchors = np.stack([columns * 32 + 16, rows * 32 + 16, np.full(12, 30), np.full(12, 30)]).astype(np.float32)[None]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["images", "kernel"], ["means"], strides=[32, 32]),
            helper.make_node("Reshape", ["means", "shape"], ["scores"]),
            helper.make_node("Concat", ["anchors", "scores"], ["output0"], axis=1),
        ],
        "blobs",
        [helper.make_tensor_value_info("images", 1, [1, 3, 96, 128])],
        [helper.make_tensor_value_info("output0", 1, [1, 6, 12])],
        [
            numpy_helper.from_array(kernel, "kernel"),
            numpy_helper.from_array(np.array([1, 2, 12]), "shape"),
            numpy_helper.from_array(anchors, "anchors"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize("form", ["openvino", "onnx"])
def test_colours_scale_and_place_reach_the_network_as_they_should(tmp_path: Path, form: str) -> None:
    if form == "onnx":
        pytest.importorskip("onnxruntime")
    opened = open_engine(model_at(blob_finder(tmp_path / "net.onnx"), (128, 96), form, classes=2), confidence=0.6)
    picture = np.zeros((48, 128, 3), np.uint8)  # fits with 24 grey rows above and below
    picture[8:40, 64:96] = (0, 0, 200)  # BGR red
    picture[8:40, 0:32] = (255, 0, 0)  # blue is no class of ours
    found = opened.detect(picture)
    opened.close()
    assert found.classes == (ObjectClass.PERSON,)
    assert found.scores[0] == pytest.approx(200 / 255, abs=0.01)
    assert found.boxes[0].tolist() == pytest.approx([65 / 128, 9 / 48, 95 / 128, 39 / 48], abs=0.01)


def test_onnx_runtime_and_openvino_give_the_same_boxes(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    path = blob_finder(tmp_path / "net.onnx")
    engines = [
        open_engine(model_at(path, (128, 96), form, classes=2), confidence=0.45) for form in ("openvino", "onnx")
    ]
    random = np.random.default_rng(5)
    for size in ((96, 128), (360, 640), (200, 90)):
        picture = cv2.resize(random.integers(0, 255, (6, 8, 3), np.uint8), size[::-1])
        first, second = (engine.detect(np.asarray(picture, np.uint8)) for engine in engines)
        assert len(first) > 0
        assert same(first, second, 1e-3)
        # a CPU that multiplies bfloat16 keeps 8 bits of a score
        assert np.abs(first.scores - second.scores).max() < 1e-2
    for engine in engines:
        engine.close()


def test_a_box_that_runs_openvino_never_asks_for_torch(tmp_path: Path) -> None:
    """Whether or not torch is installed: whoever asks for it, in the service or below, is named."""
    network = blob_finder(tmp_path / "net.onnx")
    code = f"""
import sys
class Watch:
    asked = []
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "ultralytics", "nncf"):
            self.asked.append(name)
sys.meta_path.insert(0, Watch())
import api.app, runtime.cli, runtime.shard, runtime.commands.models
from pathlib import Path
import numpy as np
from configs.words import ObjectClass
from detectors.catalogue import ModelFile, Task
from detectors.engine import open_engine
path, names = Path({str(network)!r}), (ObjectClass.PERSON, None)
engine = open_engine(ModelFile("n", Task.PEOPLE_VEHICLES, path, "openvino", (128, 96), None, names, "", "", None, ""))
engine.detect(np.zeros((48, 64, 3), np.uint8))
engine.close()
sys.exit(f"asked for: {{Watch.asked}}" if Watch.asked else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, form, says in (("onnxruntime", "onnx", "onnxruntime"), ("ultralytics", "torch", "ultralytics")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ModelMissing, match=says):
            open_engine(model_at(tmp_path / "net", form=form))
