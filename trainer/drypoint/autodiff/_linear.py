"""The fully connected operation."""

from ._errors import AutodiffError
from ._tensor import Tensor, record
from .kernels import choose as kernels
from .lazy import linear_weight_gradient


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, relu: bool = False) -> Tensor:
    """x @ weight.T + bias, and max(., 0) of it if ``relu``.

    Args:
        x: (N, I).
        weight: (O, I).
        bias: (O,).

    Returns:
        (N, O).

    Raises:
        AutodiffError: the shapes do not go together.
    """
    if x.ndim != 2 or weight.ndim != 2 or x.shape[1] != weight.shape[1]:
        raise AutodiffError(
            f"linear wants x (N, I) and weight (O, I), got {x.shape} and {weight.shape}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise AutodiffError(f"linear wants a bias of {weight.shape[:1]}, got {bias.shape}")
    parents = [x, weight] if bias is None else [x, weight, bias]
    value = kernels.linear(x.data, weight.data, None if bias is None else bias.data, relu=relu)
    vjps = (
        lambda g: kernels.linear_input_gradient(g, weight.data),
        lambda g: linear_weight_gradient(g, x.data),
        kernels.linear_bias_gradient,
    )
    y = record(value, *zip(parents, vjps, strict=False))
    return record(value, (y, lambda g: kernels.relu_gradient(g, value))) if relu else y
