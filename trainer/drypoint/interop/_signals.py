"""The layers of signals (C, T) that compute what layers of images of one row (C, 1, T) compute."""

from collections.abc import Sequence
from dataclasses import replace

from drypoint import nn

from ._tensor_view import Shape


def flat(shape: Shape) -> Shape:
    """(C, T) of an image (C, 1, T); other shapes as they are."""
    return (shape[0], shape[2]) if len(shape) == 3 and shape[1] == 1 else shape


def signal_layer(module: nn.Module, reads: Sequence[Shape]) -> nn.Module | None:
    """The layer of signals for a layer that reads images of one row; None where there is none."""
    if isinstance(module, nn.InputPart):
        return replace(module, shape=flat(module.shape))
    if isinstance(module, nn.Recurrent | nn.Merge) or all(len(shape) == 1 for shape in reads):
        return module
    (shape,) = reads
    if len(shape) != 3 or shape[1] != 1:
        return None
    match module:
        case nn.Conv2d() | nn.MaxPool2d() | nn.AvgPool2d():
            return _window_layer(module, shape)
        case nn.GlobalAvgPool2d():
            return nn.GlobalAvgPool1d()
        case nn.BatchNorm2d(epsilon=epsilon, channels=channels):
            return nn.BatchNorm1d(epsilon=epsilon, channels=channels)
        case nn.Softmax() | nn.LogSoftmax() | nn.Slice():
            return replace(module, axis=0 if module.axis == 0 else 1)
        case nn.Flatten():
            return module
        case nn.Layer(keeps_axes=True):
            return module
    return None


def _window_layer(
    module: nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d, shape: Shape
) -> nn.Module | None:
    """A convolution or pooling of windows of one row."""
    window = module.window(shape)
    if window.kernel[0] != 1 or window.padding[0] != (0, 0):
        return None
    kernel, stride, padding = window.kernel[1], window.stride[1], window.padding[1]
    match module:
        case nn.Conv2d():
            return nn.Conv1d(
                module.out_channels, kernel, stride=stride, padding=padding,
                dilation=window.dilation[1], groups=module.groups, bias=module.bias,
                in_channels=module.in_channels,
            )  # fmt: skip
        case nn.MaxPool2d():
            return nn.MaxPool1d(kernel, stride=stride, padding=padding)
        case _:
            return nn.AvgPool1d(kernel, stride=stride, padding=padding)
