"""Training in a program's integers: straight-through gradients and learned steps.

`weight_codes` and `requantize` compute a program's integers, as floats: exactly, where sums of
integers stay below 2^24. Their gradients are of the real values that the integers stand for, as if
nothing was rounded (straight through); a scale has the gradient of LSQ (Esser et al. 2020).
"""

from ._errors import AutodiffError
from ._tape import Array, shared_vjps
from ._tensor import Tensor, record
from .kernels import choose as kernels
from .kernels.numpy.quantization import Range, Scales


def weight_codes(w: Tensor, ratio: Tensor, unit: Array, *, largest: int) -> Tensor:
    """The integers of weights: round(w / (ratio * unit)), at most ``largest`` in magnitude.

    Args:
        w: (O, ...).
        ratio: (O,), above 0; its product with the unit is the scale of a channel.
        unit: (O,), constant.
        largest: 127, 7 or 1.

    Raises:
        AutodiffError: the shapes do not go together.
    """
    if w.ndim < 2 or ratio.shape != w.shape[:1] or unit.shape != ratio.shape:
        raise AutodiffError(
            f"weight_codes wants w (O, ...), ratio (O,) and unit (O,), got {w.shape}, "
            f"{ratio.shape} and {unit.shape}"
        )

    def gradients(g: Array) -> tuple[Array, Array]:
        return kernels.weight_codes_gradient(g, w.data, ratio.data, unit, largest=largest)

    to_w, to_ratio = shared_vjps(gradients, 2)
    value = kernels.weight_codes(w.data, ratio.data, unit, largest=largest)
    return record(value, (w, to_w), (ratio, to_ratio))


def requantize(
    x: Tensor,
    bias: Tensor,
    out_ratio: Tensor,
    *,
    ratio: Array,
    unit: Array,
    in_ratio: Array,
    units: tuple[float, float],
    to: Range,
) -> Tensor:
    """The output integers of accumulators, by the rounding of NUMERICS.md section 2.

    The gradients with respect to ``ratio`` and ``in_ratio`` are left out here: `weight_codes` and
    the `requantize` before have the whole gradient of a scale, since a scale and its integers
    stand for one real value.

    Args:
        x: (N, O, ...), sums of products of integers.
        bias: (O,), real values.
        out_ratio: (1,); its product with the second unit is the scale of the output.
        ratio, unit: (O,), of the weights' scales.
        in_ratio: (1,), of the input's scale.
        units: of the input's and the output's scale.
        to: the range of the output.

    Returns:
        Integers less the zero point; of a wide output their real values.

    Raises:
        AutodiffError: the shapes do not go together.
    """
    if x.ndim < 2 or not bias.shape == ratio.shape == unit.shape == x.shape[1:2]:
        raise AutodiffError(
            f"requantize wants x (N, O, ...), bias, ratio and unit (O,), got {x.shape}, "
            f"{bias.shape}, {ratio.shape} and {unit.shape}"
        )
    scales = Scales(ratio, unit, in_ratio, out_ratio.data, *units)
    value = kernels.requantize(x.data, bias.data, scales=scales, to=to)

    def gradients(g: Array) -> tuple[Array, ...]:
        return kernels.requantize_gradient(g, x.data, value, bias.data, scales=scales, to=to)

    to_x, to_bias, to_terms = shared_vjps(gradients, 3)
    return record(
        value,
        (x, to_x),
        (bias, to_bias),
        (out_ratio, lambda g: kernels.linear_bias_gradient(to_terms(g)[:, None])),
    )
