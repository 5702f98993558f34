"""The compiled fully connected operation; float32 only."""

from typing import Any

from ..._tape import Array
from ..numpy.blocks import Winners
from .call import FROM_MEMORY, contiguous, empty, pointer, run, struct


def linear(kernels: Any, x: Array, weight: Array, bias: Array | None, *, relu: bool) -> Array:
    """The product, with the examples in the lanes of vectors."""
    bias = None if bias is None else contiguous(bias)
    return product(kernels, weight, x.T, bias, relu=relu).T


def linear_input_gradient(kernels: Any, gradient: Array, weight: Array) -> Array:
    """The product, with the examples in the lanes of vectors."""
    return product(kernels, weight.T, gradient.T).T


def linear_weight_gradient(kernels: Any, gradient: Array, x: Array) -> Array:
    """The product, with the inputs in the lanes of vectors."""
    return product(kernels, gradient.T, x)


def write_linear_weight_gradient(kernels: Any, gradient: Array, x: Array, to: Array) -> None:
    """Write `linear_weight_gradient` into an array."""
    _multiply(kernels, gradient.T, x, to)


def linear_bias_gradient(kernels: Any, gradient: Array) -> Array:
    """Sums over the batch."""
    return row_sums(kernels, contiguous(gradient.T))


def row_sums(kernels: Any, rows: Array, winners: Winners | None = None) -> Array:
    """Sums of contiguous rows (n, m), without the elements whose winner is `RELU_ZERO`."""
    y: Array = empty(rows.shape[:1])
    fields = {"x": pointer(rows), "y": pointer(y)}
    fields |= {"n_rows": rows.shape[0], "n_columns": rows.shape[1]}
    if winners is not None:
        fields["winners"] = pointer(winners, "uint8_t")
    run(kernels.row_sums, struct("dpk_row_sums", **fields), FROM_MEMORY * rows.size)
    return y


def product(
    kernels: Any, w: Array, x: Array, bias: Array | None = None, *, relu: bool = False
) -> Array:
    """w (rows, terms) @ x (terms, columns) + bias (rows,); w and x have any strides."""
    y: Array = empty((w.shape[0], x.shape[1]))
    fields = {} if bias is None else {"bias": pointer(bias)}
    _multiply(kernels, w, x, y, relu=relu, **fields)
    return y


def _multiply(kernels: Any, w: Array, x: Array, y: Array, **fields: object) -> None:
    arguments = struct(
        "dpk_matmul",
        w=pointer(w),
        x=pointer(x),
        y=pointer(y),
        n_rows=w.shape[0],
        n_terms=w.shape[1],
        n_columns=x.shape[1],
        w_row=w.strides[0] // 4,
        w_term=w.strides[1] // 4,
        x_term=x.strides[0] // 4,
        x_column=x.strides[1] // 4,
        **fields,
    )
    run(kernels.matmul, arguments, w.size * x.shape[1], each=1)
