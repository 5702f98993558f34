"""Operations on images (N, C, H, W): convolution, pooling, padding and joining channels."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from ._errors import AutodiffError
from ._tape import Array
from ._tensor import Tensor, record
from ._window import MOST_POOLED, NO_PADDING, Convolution, Padding, Pair, Window
from .kernels import choose as kernels


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
    relu: bool = False,
    pool: Pair = (1, 1),
    exact: bool = False,
) -> Tensor:
    """Two-dimensional cross-correlation (the kernel is not flipped), plus a bias.

    `relu` and `pool` fuse a ReLU and a max-pooling with the convolution at almost no cost: they
    are applied to values still in registers, and the backward pass skips zero gradients. The
    values equal the results of ``relu(conv2d(...))`` and ``max_pool2d(..., pool, stride=pool)``.

    Args:
        x: (N, C, H, W).
        weight: (O, C / groups, kh, kw); output channel o reads the channels of group
            o // (O / groups) only.
        bias: (O,), added to every pixel of channel o.
        stride: step of the window, (vertical, horizontal).
        padding: ((top, bottom), (left, right)) zeros around the image.
        dilation: step between the elements of the window.
        groups: divides both C and O.
        relu: whether to apply max(., 0) to the result.
        pool: the window of a max-pooling of the result, with the window as stride, of at most 254
            elements; of equal elements the first, row by row, gets the gradient.
        exact: whether sums of integers must be exact, below 2^24: no Winograd transform.

    Returns:
        (N, O, OH, OW), sizes by `Window.output_size`, divided by `pool` and rounded down.

    Raises:
        AutodiffError: shapes or groups do not go together, or a window does not fit.
    """
    check_images(x, "conv2d")
    channels, fits = x.shape[1], weight.ndim == 4
    if not fits or groups < 1 or channels != weight.shape[1] * groups or weight.shape[0] % groups:
        raise AutodiffError(
            f"conv2d of {channels} channels in {groups} groups wants a weight of shape "
            f"(O, {channels}/{groups}, kh, kw) with O a multiple of {groups}, got {weight.shape}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise AutodiffError(f"conv2d wants a bias of {weight.shape[:1]}, got {bias.shape}")
    if not 1 <= pool[0] * pool[1] <= MOST_POOLED:
        raise AutodiffError(f"conv2d pools over at most {MOST_POOLED} elements, got {pool}")
    kh, kw = weight.shape[2:]
    spec = Convolution(Window((kh, kw), stride, padding, dilation), groups, relu, pool, exact)
    size = (x.shape[2], x.shape[3])
    spec.output_size(*size)
    parents = [x, weight] if bias is None else [x, weight, bias]
    transformed = kernels.conv2d_transformed_weight(weight.data, spec, x.data)
    value, winners = kernels.conv2d(
        x.data,
        weight.data,
        None if bias is None else bias.data,
        spec,
        taped=any(parent.requires_grad for parent in parents),
        transformed=transformed,
    )

    def to_x(g: Array) -> Array:
        return kernels.conv2d_input_gradient(
            g, winners, weight.data, spec, size=size, transformed=transformed
        )

    def to_weight(g: Array) -> Array:
        return kernels.conv2d_weight_gradient(g, winners, x.data, spec)

    def to_bias(g: Array) -> Array:
        return kernels.conv2d_bias_gradient(g, winners)

    return record(value, *zip(parents, (to_x, to_weight, to_bias), strict=False))


def max_pool2d(x: Tensor, kernel: Pair, *, stride: Pair, padding: Padding = NO_PADDING) -> Tensor:
    """The maximum of each window of x (N, C, H, W): (N, C, OH, OW), sizes rounded down.

    Padding is ignored (minus infinity). Of equal elements the first, row by row, gets the gradient.

    Raises:
        AutodiffError: x has not four axes, the window does not fit, or it could lie in padding.
    """
    window = _pooling_window(x, kernel, stride, padding)
    if not x.requires_grad:
        return record(kernels.max_pool2d(x.data, window=window))
    size = (x.shape[2], x.shape[3])
    value, winners = kernels.max_pool2d_winners(x.data, window=window)
    return record(
        value,
        (x, lambda g: kernels.max_pool2d_gradient(g, winners, window=window, size=size)),
    )


def avg_pool2d(x: Tensor, kernel: Pair, *, stride: Pair, padding: Padding = NO_PADDING) -> Tensor:
    """The mean of each window of x (N, C, H, W): (N, C, OH, OW), sizes rounded down.

    Padding counts as zeros: the divisor is always kh * kw.

    Raises:
        AutodiffError: x has not four axes, the window does not fit, or it could lie in padding.
    """
    window = _pooling_window(x, kernel, stride, padding)
    size, area = (x.shape[2], x.shape[3]), kernel[0] * kernel[1]
    return record(
        kernels.sum_pool2d(x.data, window=window, divisor=area),
        (x, lambda g: kernels.sum_pool2d_gradient(g, window=window, divisor=area, size=size)),
    )


def zero_pad2d(x: Tensor, padding: Padding) -> Tensor:
    """x (N, C, H, W) with ((top, bottom), (left, right)) zeros around each image.

    Raises:
        AutodiffError: x has not four axes, or a padding is below 0.
    """
    check_images(x, "zero_pad2d")
    window = Window((1, 1), padding=padding)
    size = (x.shape[2], x.shape[3])
    # The sum of each 1x1 window, where padding counts as zeros.
    return record(
        kernels.sum_pool2d(x.data, window=window, divisor=1),
        (x, lambda g: kernels.sum_pool2d_gradient(g, window=window, divisor=1, size=size)),
    )


def concat(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors (N, C1, ...), (N, C2, ...), ... joined along axis 1: (N, C1 + C2 + ..., ...).

    Raises:
        AutodiffError: there is none, or they differ in another axis than axis 1.
    """
    others = {(t.shape[0], *t.shape[2:]) for t in tensors if t.ndim > 1}
    if len(others) != 1 or any(t.ndim < 2 for t in tensors):
        shapes = ", ".join(str(t.shape) for t in tensors)
        raise AutodiffError(f"concat wants shapes equal but for axis 1, got {shapes or 'none'}")
    ends = accumulate((t.shape[1] for t in tensors), initial=0)
    vjps = [lambda g, part=slice(*pair): g[:, part] for pair in pairwise(ends)]
    value = kernels.concat([t.data for t in tensors])
    return record(value, *zip(tensors, vjps, strict=True))


def multiply(x: Tensor, factor: Tensor) -> Tensor:
    """x (N, C, ...) times a factor of its shape, or (N, C, 1, ...): one for each channel.

    ``x * factor`` broadcasts any shapes, in NumPy; this function has compiled kernels.

    Raises:
        AutodiffError: the factor has another shape.
    """
    by_channel = (*x.shape[:2], *(1 for _ in x.shape[2:]))
    if factor.shape not in (x.shape, by_channel):
        raise AutodiffError(f"multiply: a factor of {factor.shape} does not fit {x.shape}")
    to_factor = kernels.multiply if factor.shape == x.shape else kernels.plane_products
    return record(
        kernels.multiply(x.data, factor.data),
        (x, lambda g: kernels.multiply(g, factor.data)),
        (factor, lambda g: to_factor(x.data, g)),
    )


def _pooling_window(x: Tensor, kernel: Pair, stride: Pair, padding: Padding) -> Window:
    """The window, checked to cover at least one pixel in every position."""
    check_images(x, "pooling")
    window = Window(kernel, stride, padding)
    if any(max(sides) >= k for sides, k in zip(padding, kernel, strict=True)):
        raise AutodiffError(
            f"pooling over {kernel}: padding {padding} must be smaller on each side"
        )
    return window


def check_images(x: Tensor, name: str) -> None:
    """Refuse a tensor that is no batch of images."""
    if x.ndim != 4:
        raise AutodiffError(f"{name} wants images of shape (N, C, H, W), got {x.shape}")
