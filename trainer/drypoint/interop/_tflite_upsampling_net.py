"""TRANSPOSE_CONV, RESIZE_NEAREST_NEIGHBOR and DEPTH_TO_SPACE of a file as layers of a float net."""

from collections.abc import Callable
from dataclasses import replace

from drypoint import nn
from drypoint.graph import Unsupported

from ._tflite_file import Operator
from ._tflite_net_draft import Draft, Value, bias_of
from ._tflite_upsampling import READ, block_of, factor_of, transposed_layer


def _transposed(draft: Draft, one: Operator) -> None:
    source, made = _ends(draft, one, READ)
    weight = draft.constant(one, 1)
    if weight.ndim != 4 or 0 in weight.shape:
        raise Unsupported(f"has weights {list(weight.shape)}")
    params = {"weight": weight.transpose(3, 0, 1, 2)} | bias_of(draft, one, len(weight), 3)
    layer = transposed_layer(one, weight.shape, source.plane, made.plane, bias="bias" in params)
    draft.finish(one, draft.add(one.name, layer, (source,), made, params))


def _resized(draft: Draft, one: Operator) -> None:
    source, made = _ends(draft, one)
    layer = nn.Upsample(factor_of(draft.file, one, source.plane, made.plane))
    draft.finish(one, draft.add(one.name, layer, (source,), made))


def _shuffled(draft: Draft, one: Operator) -> None:
    source, made = _ends(draft, one)
    layer = nn.PixelShuffle(block_of(one, source.plane, made.plane), mode="DCR")
    draft.finish(one, draft.add(one.name, layer, (source,), made))


def _ends(draft: Draft, one: Operator, position: int = 0) -> tuple[Value, Value]:
    """The image that an operator reads, and the one that it writes."""
    source, made = draft.read(one, position), draft.described(one.outputs[0], "")
    if source.vector or made.vector:
        raise Unsupported("reads (N, n), not an image (N, h, w, c)")
    return source, replace(source, plane=made.plane)


UPSAMPLING: dict[str, Callable[[Draft, Operator], None]] = {
    "TRANSPOSE_CONV": _transposed,
    "RESIZE_NEAREST_NEIGHBOR": _resized,
    "DEPTH_TO_SPACE": _shuffled,
}
