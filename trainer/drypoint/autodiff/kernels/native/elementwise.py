"""The compiled elementwise functions, dropout and cross-entropy; float32 only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._tape import Array
from ..memory import memory_order
from ..numpy.activations import Name
from ..numpy.elementwise import Key
from ..runtime import lib
from .call import FROM_MEMORY, contiguous, copy_into, empty, empty_like, pointer, run, struct

EXPONENTIAL = 64
"""The work of an exponential of the C library, in multiplications."""


def add(kernels: Any, x: Array, y: Array) -> Array:
    """The sum of arrays of one shape, in x's memory order."""
    return _binary(kernels.add, x, y, empty_like(x))


def sum_of_terms(kernels: Any, terms: Array) -> Array:
    """The sum of one or two terms along the first axis."""
    return terms[0] if len(terms) == 1 else add(kernels, *terms)


def relu(kernels: Any, x: Array) -> Array:
    """The larger of x and 0, in x's memory order."""
    return _unary(kernels.relu, x)


def tanh(kernels: Any, x: Array) -> Array:
    """The hyperbolic tangent, in x's memory order."""
    return _unary(kernels.tanh, x)


def sigmoid(kernels: Any, x: Array) -> Array:
    """The logistic function, in x's memory order."""
    return _unary(kernels.sigmoid, x)


def activation(kernels: Any, x: Array, name: Name, slope: float) -> Array:
    """A function of the table of activations, in x's memory order."""
    y: Array = empty_like(x)
    return _activation(kernels, name, slope, y, x=_match_strides(x, y))


def activation_gradient(kernels: Any, gradient: Array, x: Array, name: Name, slope: float) -> Array:
    """The gradient of `activation`, in x's memory order."""
    y: Array = empty_like(x)
    x, gradient = _match_strides(x, y), _match_strides(gradient, y)
    return _activation(kernels, name, slope, y, x=x, g=gradient)


def _activation(kernels: Any, name: Name, slope: float, y: Array, **arrays: Array) -> Array:
    fields: dict[str, object] = {field: pointer(array) for field, array in arrays.items()}
    fields |= {"y": pointer(y), "n": y.size, "slope": slope}
    fields["function"] = getattr(lib, f"DPK_{name.upper()}")
    run(kernels.activation, struct("dpk_activation", **fields), FROM_MEMORY * y.size)
    return y


def tanh_gradient(kernels: Any, gradient: Array, value: Array) -> Array:
    """The gradient, in the memory order of ``value``."""
    return _binary(kernels.tanh_gradient, gradient, value, empty_like(value))


def sigmoid_gradient(kernels: Any, gradient: Array, value: Array) -> Array:
    """The gradient, in the memory order of ``value``."""
    return _binary(kernels.sigmoid_gradient, gradient, value, empty_like(value))


def relu_gradient(kernels: Any, gradient: Array, value: Array) -> Array:
    """The gradient where ``value`` is above 0, in the memory order of ``value``."""
    return _binary(kernels.relu_gradient, gradient, value, empty_like(value))


def cross_entropy(
    kernels: Any, x: Array, targets: NDArray[Any], *, label_smoothing: float
) -> tuple[Array, Array]:
    """Losses (N,) and gradients (N, classes), for class indices (N,) or rows (N, classes)."""
    (n, n_classes), losses, gradient = x.shape, empty(x.shape[:1]), empty_like(x)
    are_rows = targets.dtype.kind == "f"
    x, targets = (
        _match_strides(x, gradient),
        np.ascontiguousarray(targets, "f4" if are_rows else "i8"),
    )
    labels = {"rows": pointer(targets)} if are_rows else {"targets": pointer(targets, "int64_t")}
    arguments = struct(
        "dpk_cross_entropy",
        x=pointer(x),
        **labels,
        losses=pointer(losses),
        gradient=pointer(gradient),
        n=n,
        n_classes=n_classes,
        stride_n=x.strides[0] // 4,
        stride_class=x.strides[1] // 4,
        keep=1 - label_smoothing,
        share=label_smoothing / n_classes,
    )
    run(kernels.cross_entropy, arguments, EXPONENTIAL * x.size)
    return losses, gradient


def squared_error(kernels: Any, x: Array, target: Array) -> tuple[Array, Array]:
    """Losses (N,), and gradients (N, M) in x's memory order."""
    (n, size), losses, gradient = x.shape, empty(x.shape[:1]), empty_like(x)
    x, target = _match_strides(x, gradient), _match_strides(target, gradient)
    fields = {"x": pointer(x), "target": pointer(target), "gradient": pointer(gradient)}
    fields |= {"losses": pointer(losses), "n": n, "size": size, "scale": 2 / size}
    fields |= {"stride_n": x.strides[0] // 4, "stride_element": x.strides[1] // 4}
    run(kernels.squared_error, struct("dpk_squared_error", **fields), FROM_MEMORY * x.size)
    return losses, gradient


def scaled_rows(kernels: Any, g: Array, x: Array) -> Array:
    """g (N,) times each row of x (N, classes), in x's memory order."""
    y: Array = empty_like(x)
    x = _match_strides(x, y)
    fields = {"g": pointer(g), "x": pointer(x), "y": pointer(y), "g_stride": g.strides[0] // 4}
    fields |= {"n": x.shape[0], "n_classes": x.shape[1]}
    fields |= {"stride_n": x.strides[0] // 4, "stride_class": x.strides[1] // 4}
    run(kernels.scaled_rows, struct("dpk_scaled_rows", **fields), FROM_MEMORY * x.size)
    return y


def dropout(kernels: Any, x: Array, key: Key, *, threshold: int, scale: float) -> Array:
    """The reference's result, in x's memory order if N is the last axis in memory."""
    n, size = len(x), x.size // max(len(x), 1)
    rows = x.transpose(*range(1, x.ndim), 0)
    lanes = rows.flags.c_contiguous
    x = x if lanes else contiguous(x)
    y: Array = empty_like(x)
    fields = {"x": pointer(x), "y": pointer(y), "key": pointer(key, "uint32_t"), "n": n}
    fields |= {"size": size, "lanes": lanes, "threshold": threshold, "scale": scale}
    run(kernels.dropout, struct("dpk_dropout", **fields), FROM_MEMORY * x.size)
    return y


def _unary(task: Any, x: Array) -> Array:
    """y[i] = f(x[i]), in x's memory order."""
    y: Array = empty_like(x)
    x = _match_strides(x, y)
    elements = struct("dpk_elements", x=pointer(x), y=pointer(y), n=y.size)
    run(task, elements, FROM_MEMORY * y.size)
    return y


def _binary(task: Any, x: Array, value: Array, y: Array) -> Array:
    """y[i] = f(x[i], value[i]), in y's memory order."""
    x, value = _match_strides(x, y), _match_strides(value, y)
    fields = {"x": pointer(x), "value": pointer(value), "y": pointer(y), "n": y.size}
    run(task, struct("dpk_elements", **fields), FROM_MEMORY * y.size)
    return y


def _match_strides(array: Array, dense: Array) -> Array:
    """The array, or a copy with the strides of ``dense``, which has its shape and no gaps."""
    pairs = zip(array.shape, array.strides, dense.strides, strict=True)
    if all(a == b for n, a, b in pairs if n > 1):
        return array
    order = memory_order(dense)
    copy: Array = empty(tuple(dense.shape[axis] for axis in order))
    copy_into(copy, array.transpose(order))
    return copy.transpose([order.index(axis) for axis in range(dense.ndim)])
