"""The trained network, its masked loss, its seed weights and a short run. Needs the `train` extra."""

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the `train` extra: pip install 'village-brain[train]'")
pytest.importorskip("ultralytics")

from ultralytics.nn.tasks import DetectionModel  # noqa: E402

from detectors.train import export, loader, network, people, seed_weights, sources  # noqa: E402
from detectors.train.blend import blend  # noqa: E402
from detectors.train.classes import FAMILIES, NAMES, Family  # noqa: E402
from detectors.train.dataset import DatasetError  # noqa: E402
from detectors.train.distil import Distillation  # noqa: E402
from detectors.train.predict import openvino_predictor, torch_predictor  # noqa: E402
from detectors.train.runs import Progress, train  # noqa: E402
from detectors.train.sources import TrainingError, TrainOptions  # noqa: E402
from tests.train.test_dataset import make_set  # noqa: E402


@pytest.fixture(scope="module")
def coco_like(tmp_path_factory: pytest.TempPathFactory) -> tuple[DetectionModel, Path]:
    """A YOLO11n with lively random weights, and its export as an IR."""
    import openvino as ov

    torch.manual_seed(3)
    model = DetectionModel(network.ARCHITECTURE, verbose=False).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.8, 1.2)
                module.bias.normal_(0, 0.1)
    path = tmp_path_factory.mktemp("ir") / "yolo11n.xml"
    fused = DetectionModel(network.ARCHITECTURE, verbose=False)
    fused.load_state_dict(model.state_dict())
    fused = fused.fuse(verbose=False).eval()
    fused.model[-1].export = True  # the boxes alone, not what they were made of
    example = torch.zeros(1, 3, 64, 96)
    fused(example)  # lays down the anchors of this size
    ov.save_model(ov.convert_model(fused, example_input=example, input=[1, 3, 64, 96]), path, compress_to_fp16=False)
    return model, path


def test_seed_weights_give_back_the_network_that_was_exported(coco_like: tuple[DetectionModel, Path]) -> None:
    model, path = coco_like
    seeded = DetectionModel(network.ARCHITECTURE, verbose=False).eval()
    assert seed_weights.load_into(seeded, path) == []
    picture = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = model(picture)[0]
        torch.testing.assert_close(seeded(picture)[0], wanted, atol=2e-2, rtol=1e-3)
        seed_weights.give_norms_statistics(seeded, [picture])
        torch.testing.assert_close(seeded(picture)[0], wanted, atol=2e-2, rtol=1e-3)


def test_norms_have_the_statistics_of_what_they_see(coco_like: tuple[DetectionModel, Path]) -> None:
    seeded = DetectionModel(network.ARCHITECTURE, verbose=False).eval()
    seed_weights.load_into(seeded, coco_like[1])
    picture = torch.rand(4, 3, 64, 96)
    seed_weights.give_norms_statistics(seeded, [picture])
    seen: list[torch.Tensor] = []
    norm = seeded.model[3].bn
    norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        seeded(picture)
    torch.testing.assert_close(norm.running_mean, seen[0].mean((0, 2, 3)), atol=1e-4, rtol=1e-3)


def test_another_network_is_refused(tmp_path: Path) -> None:
    import openvino as ov

    other = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3))
    ov.save_model(ov.convert_model(other, example_input=torch.zeros(1, 3, 8, 8)), tmp_path / "x.xml")
    with pytest.raises(seed_weights.SeedWeightsError):
        seed_weights.load_into(network.build(), tmp_path / "x.xml")


@pytest.mark.parametrize("labelled", [True, False])
def test_unlabelled_smoke_teaches_nothing_about_smoke(labelled: bool) -> None:
    model = network.build().train()
    loss = network.MaskedLoss(model)
    fire = torch.tensor([[0, 1, 0.5, 0.5, 0.3, 0.3]])
    loss(model(torch.rand(1, 3, 64, 96)), fire, torch.tensor([labelled])).backward()
    gradients = [branch[-1].bias.grad for branch in model.model[-1].cv3]
    smoke, flame = (sum(float(g[i].abs()) for g in gradients) for i in (0, 1))
    assert flame > 0
    assert (smoke > 0) is labelled


def options(folder: Path, start: Path, **changes: object) -> TrainOptions:
    given = {"data": folder / "data", "run": folder / "run", "start": start, "width": 96, "height": 64, "steps": 4}
    given |= {"batch_size": 2, "checks": 2, "workers": 0, **changes}
    return TrainOptions(**given)  # type: ignore[arg-type]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    label = "1 0.5 0.5 0.4 0.4"
    make_set(tmp_path / "data", "smoke-fire-mixed", {f"{i}.jpg": (f"S{i}", label if i % 2 else "") for i in range(40)})
    return tmp_path


def test_a_stopped_run_goes_on_where_it_was(data: Path, coco_like: tuple[DetectionModel, Path]) -> None:
    steps: list[int] = []

    def stop_at_two(p: Progress) -> None:
        steps.append(p.step)
        if p.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(options(data, coco_like[1]), stop_at_two)
    best = train(options(data, coco_like[1]), lambda p: steps.append(p.step))
    assert steps == [2, 4]
    assert network.load(best) is not None
    with pytest.raises(TrainingError, match="other options"):
        train(options(data, coco_like[1], seed=8))


def test_a_missing_start_says_what_to_give(data: Path) -> None:
    with pytest.raises(TrainingError, match="--start"):
        train(options(data, data / "nowhere.xml"))


def test_feedback_that_is_not_there_is_said(data: Path, coco_like: tuple[DetectionModel, Path]) -> None:
    with pytest.raises(TrainingError, match="nothing has been confirmed"):
        train(options(data, coco_like[1], feedback=data / "feedback"))


def test_an_unreadable_clip_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"x\.mp4"):
        people.frames_as_samples(tmp_path / "x.mp4", tmp_path, 10)


def exported(checkpoint: Path, to: Path, family: Family) -> Path:
    graph = export.to_openvino(export.load(checkpoint, family), 96, 64)
    return export.save(graph, to, family, precision="fp16", width=96, height=64, note="")


def test_half_a_network_of_both_says_what_the_whole_says(tmp_path: Path) -> None:
    torch.manual_seed(4)
    whole = network.build(FAMILIES["both"]).eval()
    picture = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        wanted = whole(picture)[0]
        for name, rows in (("smoke-fire", [0, 1]), ("people-vehicles", list(range(2, 8)))):
            found = network.only(whole, FAMILIES[name]).eval()(picture)[0]
            torch.testing.assert_close(found, wanted[:, [0, 1, 2, 3, *(4 + row for row in rows)]])
    with pytest.raises(ValueError, match="cannot be cut"):
        network.only(network.only(whole, FAMILIES["smoke-fire"]), FAMILIES["people-vehicles"])


def test_a_blend_is_the_mean_of_what_it_is_made_of(tmp_path: Path) -> None:
    family = FAMILIES["smoke-fire"]
    irs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        network.save(network.build(family), tmp_path / f"{seed}.pt", family=family.name)
        irs.append(exported(tmp_path / f"{seed}.pt", tmp_path / str(seed), family))
    blended = dict(blend(irs, family).named_modules())
    name = "model.23.cv3.0.2"
    kernels = [torch.load(tmp_path / f"{seed}.pt", weights_only=True)["weights"][f"{name}.weight"] for seed in (1, 2)]
    torch.testing.assert_close(blended[name].weight, torch.stack(kernels).mean(0), atol=1e-4, rtol=1e-2)
    with pytest.raises(seed_weights.SeedWeightsError, match="people-vehicles"):
        blend(irs, FAMILIES["people-vehicles"])


def test_the_exported_network_finds_what_the_trained_one_finds(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = network.build()
    for branch in model.model[-1].cv3:
        torch.nn.init.constant_(branch[-1].bias, -0.5)
    network.save(model, tmp_path / "best.pt")
    xml = exported(tmp_path / "best.pt", tmp_path, FAMILIES["smoke-fire"])
    picture = np.random.default_rng(2).integers(0, 255, (90, 160, 3), np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 3)
    predict, size = openvino_predictor(xml)
    assert size == (96, 64)
    wanted = torch_predictor(network.load(tmp_path / "best.pt"), 96, 64)(picture)
    found = predict(picture)
    assert len(wanted)
    np.testing.assert_allclose(found[:3, 4], wanted[:3, 4], atol=5e-3)


def test_a_network_of_both_learns_nothing_where_it_is_unsure() -> None:
    model = network.build(FAMILIES["both"]).train()
    loss = network.MaskedLoss(model)
    person, car = NAMES.index("person"), NAMES.index("car")
    everywhere = torch.tensor([[0, person, 0.5, 0.5, 1.0, 1.0]])
    there = torch.tensor([[0, car, 0.5, 0.5, 0.5, 0.5]])
    loss(model(torch.rand(1, 3, 64, 96)), there, torch.tensor([True]), everywhere).backward()
    gradients = sum(branch[-1].bias.grad.abs() for branch in model.model[-1].cv3)
    assert gradients[person] == 0
    assert (gradients[[0, 1, car]] > 0).all()


def test_a_network_of_people_hears_nothing_of_fire() -> None:
    model = network.build(FAMILIES["people-vehicles"]).train()
    loss = network.MaskedLoss(model)
    picture, labelled = torch.rand(1, 3, 64, 96), torch.tensor([False])
    predictions = model(picture)
    none = loss(predictions, torch.zeros(0, 6), labelled)
    fire = loss(predictions, torch.tensor([[0, 1, 0.5, 0.5, 0.3, 0.3]]), labelled)
    torch.testing.assert_close(none, fire)


def test_a_student_that_is_its_teacher_has_nothing_to_learn(coco_like: tuple[DetectionModel, Path]) -> None:
    import copy

    family = FAMILIES["both"]
    teacher = copy.deepcopy(coco_like[0])
    student = network.build(family, copy.deepcopy(teacher)).eval()
    distil = Distillation(teacher, family, torch.device("cpu"))
    picture = torch.rand(2, 3, 64, 96)
    seen = distil.look(picture)
    with torch.no_grad():
        same = student(picture)[1]
        moved = {**same, "scores": same["scores"] + 1.0, "boxes": same["boxes"].roll(1, 1)}
    torch.testing.assert_close(same["scores"][:, 2:], seen["scores"][:, [0, 1, 2, 3, 5, 7]])
    assert distil(same, seen) < distil(moved, seen)


@pytest.mark.parametrize("family", ["people-vehicles", "both"])
def test_people_are_trained_from_what_the_teacher_saw(
    data: Path, coco_like: tuple[DetectionModel, Path], family: str
) -> None:
    best = train(options(data, coco_like[1], family=family, steps=2, checks=1))
    assert network.family_of(network.load(best)) is FAMILIES[family]
    assert (data / "run" / "taught.csv").exists()
    with pytest.raises(TrainingError, match="other classes"):
        train(options(data, best, run=data / "next", taught=data / "run" / "taught.csv"))


def test_batches_are_the_same_whoever_makes_them(data: Path, coco_like: tuple[DetectionModel, Path]) -> None:
    given = options(data, coco_like[1])
    mixer = sources.mixer(given, sources.gather(given))
    alone, helped = (list(loader.batches(mixer, 1, 4, workers, pin=False)) for workers in (0, 2))
    assert len(alone) == len(helped) == 3
    for a, b in zip(alone, helped, strict=True):
        for x, y in zip(a, b, strict=True):
            torch.testing.assert_close(x, y)
