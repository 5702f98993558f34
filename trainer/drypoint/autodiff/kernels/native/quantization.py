"""The compiled codes of weights and requantization; float32 only."""

from typing import Any

from ..._tape import Array
from ..numpy.quantization import Range, Scales
from .call import (
    FROM_MEMORY,
    contiguous,
    empty,
    empty_like,
    from_rows,
    pointer,
    run,
    struct,
    to_rows,
)


def weight_codes(kernels: Any, w: Array, ratio: Array, unit: Array, *, largest: int) -> Array:
    """The integers of weights as floats."""
    w = contiguous(w)
    y: Array = empty(w.shape)
    _run_codes(kernels.weight_codes, {"w": w, "y": y, "ratio": ratio, "unit": unit}, largest)
    return y


def weight_codes_gradient(
    kernels: Any, gradient: Array, w: Array, ratio: Array, unit: Array, *, largest: int
) -> tuple[Array, Array]:
    """The gradients with respect to w and ratio."""
    w, gradient = contiguous(w), contiguous(gradient)
    y, by_ratio = empty(w.shape), empty(ratio.shape)
    arrays = {"w": w, "g": gradient, "y": y, "ratio": ratio, "unit": unit}
    _run_codes(kernels.weight_codes_gradient, {**arrays, "ratio_gradient": by_ratio}, largest)
    return y, by_ratio


def _run_codes(task: Any, arrays: dict[str, Array], largest: int) -> None:
    w = arrays["w"]
    fields = {name: pointer(array) for name, array in arrays.items()}
    sizes = {"n_rows": len(w), "n_columns": w.size // len(w)}
    run(task, struct("dpk_weight_codes", **fields, **sizes, largest=largest), FROM_MEMORY * w.size)


def requantize(kernels: Any, x: Array, bias: Array, *, scales: Scales, to: Range) -> Array:
    """The integers less the zero point, or real values."""
    rows = to_rows(x)
    y = empty_like(rows)
    _run(kernels.requantize, {"x": rows, "y": y, "bias": bias}, scales, to)
    return from_rows(y)


def requantize_gradient(
    kernels: Any, gradient: Array, x: Array, value: Array, bias: Array, *, scales: Scales, to: Range
) -> tuple[Array, Array, Array]:
    """The gradients with respect to x and bias, and the terms of the output's ratio."""
    rows, by_bias, terms = to_rows(x), *(empty(x.shape[1:2]) for _ in "bt")
    y, g, values = empty_like(rows), to_rows(gradient), to_rows(value)
    arrays = {"x": rows, "g": g, "value": values, "y": y, "bias": bias}
    arrays |= {"bias_gradient": by_bias, "terms": terms}
    _run(kernels.requantize_gradient, arrays, scales, to)
    return from_rows(y), by_bias, terms


def _run(task: Any, arrays: dict[str, Array], scales: Scales, to: Range) -> None:
    x = arrays["x"]
    for name in ("ratio", "unit", "in_ratio", "out_ratio"):
        arrays[name] = getattr(scales, name)
    fields: dict[str, Any] = {name: pointer(array) for name, array in arrays.items()}
    fields |= {"n_rows": len(x), "n_columns": x.size // len(x)}
    fields |= {"in_unit": scales.in_unit, "out_unit": scales.out_unit}
    fields |= {"low": to.low, "high": to.high, "wide": to.wide}
    run(task, struct("dpk_requantize", **fields), 2 * FROM_MEMORY * x.size)
