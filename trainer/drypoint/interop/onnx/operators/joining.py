"""Converts nodes that join two computed tensors: sums, differences, products, and maxima that are a
PReLU.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from drypoint import nn
from drypoint.graph import Unsupported

from ..._tensor_view import TensorView, axis_of
from ..reader import Reader


def merge(reader: Reader, op: str, values: Sequence[TensorView], title: str) -> TensorView:
    """What a node of two computed tensors computes, by its operator."""
    a, b = map(reader.anything, values)
    reader.draft.title = title
    if op == "Max" and (kinked := _prelu_of(reader, a, b) or _prelu_of(reader, b, a)):
        return kinked
    if op not in ("Add", "Sum", "Sub", "Mul"):
        raise Unsupported(f"({title}) joins two computed tensors; only Add, Sub and Mul do")
    if op == "Sub":
        b = scale(reader, b, -1.0, 0.0)
    if op == "Mul" and a.size < b.size:
        a, b = b, a
    if a.shape != b.shape:
        if op == "Mul" and len(a.shape) > 1 and (gated := _gate(reader, a, b)) is not None:
            return gated
        a, b = _repeat(reader, a, b)
    return _join(reader, nn.Mul() if op == "Mul" else nn.Add(), a, b)


def _prelu_of(reader: Reader, x: TensorView, y: TensorView) -> TensorView | None:
    """The PReLU that the larger one of x and y is, where y is x times a slope of at most 1 for each
    channel, and read by nothing else; its layer takes the place of y's. None of other tensors.
    """
    layer = reader.draft.layers.get(y.end)
    names = [name for name, value in reader.values.items() if value.end == y.end]
    if layer is None or not layer.scaling or layer.reads != (x.end,) or not x.same_view(y):
        return None
    slopes = np.asarray(layer.arrays["scale"], np.float64)
    alone = sum(reader.users[name] for name in names) == 1
    if layer.arrays["shift"].any() or (slopes > 1).any() or not alone or reader.integers:
        return None
    reader.draft.layers[y.end] = replace(
        layer, module=nn.PReLU(len(slopes)), arrays={"weight": slopes}, scaling=False
    )
    return y


def _join(reader: Reader, layer: nn.Module, a: TensorView, b: TensorView) -> TensorView:
    a, b = align(reader, [a, b])
    return replace(a, end=reader.draft.add(layer, (a, b)).end)


def align(reader: Reader, values: list[TensorView]) -> list[TensorView]:
    """Views of one shape, or of one but for the first axis, that lie alike in layers' outputs."""
    first = values[0]
    if all(
        len(value.layer_shape) == len(first.layer_shape) and _same_axes(value, first)
        for value in values
    ):
        return values
    if all(len(value.shape) == 1 for value in values):
        vectors = [reader.vector(value) for value in values]
        if any((vector.order != vectors[0].order).any() for vector in vectors):
            raise Unsupported(
                "joins a flattened image and a vector, whose values lie in other orders: join them "
                "before it is flattened"
            )
        return vectors
    if any(len(value.shape) != len(first.shape) for value in values):
        shapes = " and ".join(str(value.shape) for value in values)
        raise Unsupported(f"joins tensors {shapes}; wanted one shape")
    return [reader.image(value) for value in values]


def _same_axes(a: TensorView, b: TensorView) -> bool:
    if a.same_view(b):
        return True
    whole = all(v.index is None and v.shape == v.layer_shape for v in (a, b))
    return whole and a.shape[1:] == b.shape[1:]


def _repeat(reader: Reader, *values: TensorView) -> list[TensorView]:
    """Images of one shape, which each repeat their axes of size 1."""
    shapes = [value.shape for value in values]
    if {*map(len, shapes)} not in ({2}, {3}):
        both = " and ".join(map(str, shapes))
        raise Unsupported(f"joins tensors {both}; wanted one shape, or a factor for each channel")
    images = [reader.image(value) for value in values]
    plane, shape = (
        tuple(max(pair) for pair in zip(*sizes, strict=True))
        for sizes in ([image.layer_shape for image in images], shapes)
    )
    return [reader.draft.repeat(image, plane).reshape(shape) for image in images]


def _gate(reader: Reader, a: TensorView, b: TensorView) -> TensorView | None:
    """An image times a factor for each channel: the end of squeeze-and-excite; None where ``b`` is
    no such factors.
    """
    a, axes = reader.plane(a)
    axis, channels = axis_of(axes, 0), a.layer_shape[0]
    expected = tuple(channels if i == axis else 1 for i in range(len(a.shape)))
    if b.shape != expected or (b.index is not None and (np.diff(b.index.ravel()) != 1).any()):
        return None
    end = reader.draft.reshape(replace(b, index=None), (channels, 1, 1))
    factors = TensorView.of_layer(end, (channels, 1, 1))
    return replace(a, end=reader.draft.add(nn.Mul(), (a, factors)).end)


def scale(reader: Reader, value: TensorView, factor: float, term: float) -> TensorView:
    """factor * x + term."""
    if len(value.layer_shape) not in (1, 3):
        value = reader.image(value)
    return reader.draft.scale(value, np.full(1, factor), np.full(1, term))
