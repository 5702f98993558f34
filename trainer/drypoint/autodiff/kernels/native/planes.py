"""The compiled products with a factor for each channel, and joined channels; float32."""

import math
from collections.abc import Sequence
from typing import Any

from ..._tape import Array
from .call import (
    FROM_MEMORY,
    copy_into,
    empty,
    empty_like,
    from_rows,
    pointer,
    run,
    struct,
    to_rows,
)


def multiply(kernels: Any, x: Array, factor: Array) -> Array:
    """The product, with the batch innermost in memory."""
    rows, factors = to_rows(x), to_rows(factor)
    y: Array = empty_like(rows)
    fields = {"x": pointer(rows), "factor": pointer(factors), "y": pointer(y)}
    n = x.shape[0]
    fields |= {"n": n, "n_rows": math.prod(factor.shape[1:])}
    fields["n_places"] = math.prod(x.shape[1:]) // max(math.prod(factor.shape[1:]), 1)
    run(kernels.scale_planes, struct("dpk_planes", **fields), FROM_MEMORY * x.size)
    return from_rows(y)


def plane_products(kernels: Any, x: Array, gradient: Array) -> Array:
    """The sums, place by place."""
    n, channels, *places = x.shape
    rows, gradients = to_rows(x), to_rows(gradient)
    y: Array = empty((channels, *(1 for _ in places), n))
    fields = {"x": pointer(rows), "g": pointer(gradients), "y": pointer(y)}
    fields |= {"n": n, "n_rows": channels, "n_places": math.prod(places)}
    run(kernels.plane_products, struct("dpk_planes", **fields), FROM_MEMORY * x.size)
    return from_rows(y)


def concat(arrays: Sequence[Array]) -> Array:
    """One copy of each array: its channels are neighbours in memory."""
    n, _, *places = arrays[0].shape
    y: Array = empty((sum(x.shape[1] for x in arrays), *places, n))
    begin = 0
    for x in arrays:
        end = begin + x.shape[1]
        copy_into(y[begin:end], x.transpose(*range(1, x.ndim), 0))
        begin = end
    return from_rows(y)
