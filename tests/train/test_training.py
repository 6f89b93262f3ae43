"""The trained network, its masked loss, its seed weights and a short run. Needs the `train` extra."""

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the `train` extra: pip install 'village-brain[train]'")
pytest.importorskip("ultralytics")

from ultralytics.nn.tasks import DetectionModel  # noqa: E402

from detectors.train import export, network, seed_weights, smoke_fire  # noqa: E402
from detectors.train.predict import openvino_predictor, torch_predictor  # noqa: E402
from detectors.train.smoke_fire import Progress, TrainingError, TrainOptions, train_smoke_fire  # noqa: E402
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
    example = torch.zeros(1, 3, 64, 96)
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
    given |= {"batch_size": 2, "check_every": 2, **changes}
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
        train_smoke_fire(options(data, coco_like[1]), stop_at_two)
    best = train_smoke_fire(options(data, coco_like[1]), lambda p: steps.append(p.step))
    assert steps == [2, 4]
    assert network.load(best) is not None
    with pytest.raises(TrainingError, match="other options"):
        train_smoke_fire(options(data, coco_like[1], seed=8))


def test_a_missing_start_says_what_to_give(data: Path) -> None:
    with pytest.raises(TrainingError, match="--start"):
        train_smoke_fire(options(data, data / "nowhere.xml"))


def test_feedback_that_is_not_there_is_said(data: Path, coco_like: tuple[DetectionModel, Path]) -> None:
    with pytest.raises(TrainingError, match="nothing has been confirmed"):
        train_smoke_fire(options(data, coco_like[1], feedback=data / "feedback"))


def test_an_unreadable_clip_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"")
    with pytest.raises(TrainingError, match=r"x\.mp4"):
        smoke_fire.clip_frames(tmp_path / "x.mp4", 10)


def test_the_exported_network_finds_what_the_trained_one_finds(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = network.build()
    for branch in model.model[-1].cv3:
        torch.nn.init.constant_(branch[-1].bias, -0.5)
    network.save(model, tmp_path / "best.pt")
    xml = export.save(
        export.to_openvino(tmp_path / "best.pt", 96, 64), tmp_path, precision="fp16", width=96, height=64, note=""
    )
    picture = np.random.default_rng(2).integers(0, 255, (90, 160, 3), np.uint8)
    picture = cv2.GaussianBlur(picture, (0, 0), 3)
    predict, size = openvino_predictor(xml)
    assert size == (96, 64)
    wanted = torch_predictor(network.load(tmp_path / "best.pt"), 96, 64)(picture)
    found = predict(picture)
    assert len(wanted)
    np.testing.assert_allclose(found[:3, 4], wanted[:3, 4], atol=5e-3)
