"""The fully connected operation."""

from ._errors import AutodiffError
from ._tensor import Tensor, record


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias.

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
    value = x.data @ weight.data.T
    to_x = (x, lambda g: g @ weight.data)
    to_weight = (weight, lambda g: g.T @ x.data)
    if bias is None:
        return record(value, to_x, to_weight)
    value += bias.data
    return record(value, to_x, to_weight, (bias, lambda g: g.sum(axis=0)))
