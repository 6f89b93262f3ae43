"""Where training starts: YOLO11n's COCO weights read back out of an OpenVINO IR into a trainable network.

Promises: a network whose outputs are those of the IR (up to the noise of its int8 activations), with batch
normalisation that has real statistics, so that it trains as if it had never been folded.
Why: a box without internet has no `yolo11n.pt`, but it may have the exported, quantised network. Its int8 kernels hold
the trained filters to within half a step per output channel, which a few hundred steps of training absorb.
Not here: the training itself, `detectors.train.smoke_fire`.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from ultralytics.nn.tasks import DetectionModel

_CONVOLUTION = re.compile(r"^__module\.(?P<layer>.+?)/aten::_convolution")


class SeedWeightsError(Exception):
    """The IR is not an export of the network that we want to start from."""


def read_convolutions(ir_path: Path) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Each convolution's kernel (out, in, kh, kw) and bias (out,), dequantised, by its layer's name in ultralytics.

    Batch normalisation is folded into both, as the exporter left them.
    """
    import openvino as ov  # a machine for training alone may lack it

    found: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
    for op in ov.Core().read_model(ir_path).get_ordered_ops():
        if op.get_type_name() not in ("Convolution", "GroupConvolution"):
            continue
        name = _CONVOLUTION.match(op.get_friendly_name())
        if name is None:
            continue
        kernel = _constant_value(op.input_value(1).get_node())
        if op.get_type_name() == "GroupConvolution":  # (groups, out/groups, in/groups, kh, kw)
            kernel = kernel.reshape(-1, *kernel.shape[2:])
        found[name["layer"]] = (kernel, _bias_after(op, kernel.shape[0]))
    if not found:
        raise SeedWeightsError(f"{ir_path} holds no convolutions named as ultralytics' exporter names them")
    return found


def _constant_value(node: Any) -> NDArray[np.float32]:
    """The value of a constant, or of the (value - zero point) * scale that NNCF stores in its place."""
    kind = node.get_type_name()
    if kind == "Constant":
        return np.array(node.data, dtype=np.float32)
    if kind == "Convert":
        return _constant_value(node.input_value(0).get_node())
    if kind in ("Multiply", "Subtract"):
        left, right = (_constant_value(node.input_value(i).get_node()) for i in (0, 1))
        return left * right if kind == "Multiply" else left - right
    raise SeedWeightsError(f"a kernel made by {kind} is not understood")


def _bias_after(op: Any, channels: int) -> NDArray[np.float32]:
    """The bias added to a convolution's output: zeros when there is none."""
    for target in op.output(0).get_target_inputs():
        node = target.get_node()
        if node.get_type_name() != "Add":
            continue
        for i in (0, 1):
            source = node.input_value(i).get_node()
            if source.get_type_name() in ("Constant", "Convert"):
                return _constant_value(source).reshape(channels)
    return np.zeros(channels, np.float32)


def load_into(model: DetectionModel, ir_path: Path, *, skip: Iterable[str] = ()) -> list[str]:
    """Puts the IR's weights into `model` with identity batch normalisation. Returns the layers that were left alone:
    those whose name starts with one of `skip`, or whose shape differs (the class head, when the classes differ)."""
    convolutions = read_convolutions(ir_path)
    modules = dict(model.named_modules())
    left: list[str] = []
    for name, module in modules.items():
        if not isinstance(module, nn.Conv2d) or name.endswith(".dfl.conv"):  # dfl is a fixed 0…15
            continue
        kernel, bias = convolutions.get(name, (None, None))
        if kernel is None or name.startswith(tuple(skip)) or tuple(module.weight.shape) != kernel.shape:
            left.append(name)
            continue
        with torch.no_grad():
            module.weight.copy_(torch.from_numpy(kernel))
            if module.bias is not None:
                module.bias.copy_(torch.from_numpy(bias))
                continue
            norm = modules[name.removesuffix(".conv") + ".bn"]
            norm.running_mean.zero_()
            norm.running_var.fill_(1.0 - norm.eps)
            norm.weight.fill_(1.0)
            norm.bias.copy_(torch.from_numpy(bias))
    if len(left) >= len(convolutions) // 2:
        raise SeedWeightsError(f"{ir_path} is not an export of this network: most of its layers differ")
    return left


@torch.no_grad()  # type: ignore[untyped-decorator]
def give_norms_statistics(model: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Measures what each batch normalisation sees on `batches` (float 0…1, (n, 3, h, w)) and rewrites it to use those
    statistics without changing its output.

    With mean m and deviation s measured on the convolution's output, scale g and offset b become g·s and b + g·m (for a
    norm that had mean 0 and variance 1), so evaluation is unchanged and training, which normalises by the batch, starts
    from the same function.
    """
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    sums: dict[nn.Module, list[Any]] = {m: [0, 0.0, 0.0] for m in norms}

    def watch(norm: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        x = inputs[0].double()
        sums[norm][0] += x.numel() // x.shape[1]
        sums[norm][1] = sums[norm][1] + x.sum((0, 2, 3))
        sums[norm][2] = sums[norm][2] + x.square().sum((0, 2, 3))

    handles = [m.register_forward_pre_hook(watch) for m in norms]
    was_training = model.training
    model.eval()
    try:
        for batch in batches:
            model(batch)
    finally:
        for handle in handles:
            handle.remove()
        model.train(was_training)
    for norm in norms:
        count, total, squares = sums[norm]
        if not count:
            continue
        mean = total / count
        var = (squares / count - mean.square()).clamp_min(1e-4)
        old_scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
        old_offset = norm.bias.double() - norm.running_mean.double() * old_scale
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
        norm.weight.copy_(old_scale * (var + norm.eps).sqrt())
        norm.bias.copy_(old_offset + old_scale * mean)
