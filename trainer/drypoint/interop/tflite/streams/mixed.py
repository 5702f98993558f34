"""Several depthwise convolutions of different channels, whose outputs are joined, as one."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ..file import Array, File, FileTensor, Operator
from .views import ROWS, Step

Arrays = tuple[FileTensor, FileTensor]  # weights (1, rows, columns, channels), biases


def merge(
    file: File, op: Operator, steps: list[Step], add: Callable[[FileTensor], int]
) -> Step | None:
    """One DEPTHWISE_CONV_2D in place of the convolutions whose channels a CONCATENATION joins.

    Kernels with fewer rows than others get rows of zeros before theirs.
    """
    if any(step.op.kind != "DEPTHWISE_CONV_2D" or 0 not in step.reads for step in steps):
        return None
    rank = len(file.tensors[op.outputs[0]].shape)
    arrays = [a for a in (_arrays(file, step) for step in steps) if a is not None]
    views = [step.reads[0] for step in steps]
    written = [file.tensors[n] for n in (*op.inputs, op.outputs[0])]
    options = [{**step.op.options, "DepthMultiplier": 1} for step in steps]
    if (
        op.options["Axis"] not in (-1, rank - 1)
        or len(arrays) < len(steps)
        or any(option != options[0] for option in options)
        or options[0]["DilationHFactor"] != 1
        or any(after.low != before.high for before, after in pairwise(views))
        or len({(view.of, view.stop) for view in views}) > 1
        or len({v.rows - w.shape[ROWS] for v, (w, _) in zip(views, arrays, strict=True)}) > 1
        or len({(w.type, w.shape[2]) for w, _ in arrays}) > 1
        or any(_steps(tensor) != _steps(written[0]) for tensor in written)
    ):
        return None
    rows = max(weight.shape[ROWS] for weight, _ in arrays)
    kernels = [extend(weight, (rows - weight.shape[ROWS], 0)) for weight, _ in arrays]
    weight = _join(kernels, axis=3)
    bias = _join([bias for _, bias in arrays], axis=0)
    inputs = (steps[0].op.inputs[0], add(weight), add(bias))
    conv = replace(steps[0].op, inputs=inputs, outputs=op.outputs, name=op.name, title=op.title)
    view = max(views, key=lambda view: view.rows)
    return Step(op=conv, reads={0: replace(view, low=views[0].low, high=views[-1].high)})


def extend(weight: FileTensor, rows: tuple[int, int]) -> FileTensor:
    """Weights (out, rows, columns, in) with rows of zeros before and after."""
    assert weight.constant is not None
    values: Array = np.pad(weight.constant, ((0, 0), rows, (0, 0), (0, 0)))
    return replace(weight, shape=values.shape, constant=values)


def _join(tensors: list[FileTensor], *, axis: int) -> FileTensor:
    """Constants one after the other along an axis, with a scale for each of its indices."""
    values = np.concatenate([t.constant for t in tensors if t.constant is not None], axis=axis)
    scales = [np.broadcast_to(t.scales, t.shape[axis]) for t in tensors if len(t.scales)]
    return replace(
        tensors[0], shape=values.shape, constant=values, axis=axis,
        scales=np.concatenate([np.zeros(0), *scales]),
        zeros=np.zeros(sum(map(len, scales)), np.int64),
    )  # fmt: skip


def _arrays(file: File, step: Step) -> Arrays | None:
    """The constants of a convolution, if its weights are one for each channel that it reads."""
    if len(step.op.inputs) != 3 or min(step.op.inputs) < 0:
        return None
    weight, bias = (file.tensors[n] for n in step.op.inputs[1:])
    if weight.constant is None or bias.constant is None or len(weight.shape) != 4:
        return None
    channels = step.reads[0].high - step.reads[0].low
    fits = weight.shape[0] == 1 and weight.shape[3] == channels and bias.shape == (channels,)
    scaled = all(len(t.scales) in (0, 1, channels) and not t.zeros.any() for t in (weight, bias))
    return (weight, bias) if fits and scaled else None


def _steps(tensor: FileTensor) -> tuple[list[float], list[int]]:
    return tensor.scales.tolist(), tensor.zeros.tolist()
