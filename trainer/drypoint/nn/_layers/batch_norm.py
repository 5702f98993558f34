"""The batch normalization layers."""

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from drypoint.autodiff import Array, Tensor, batch_norm, batch_norm_inference
from drypoint.autodiff.joint import JointBatchNorm
from drypoint.autodiff.kernels.updates import moving_average
from drypoint.graph import Builder, Unsupported, Value

from .._errors import ConfigError, NotInitializedError, ShapeError
from .._module.context import Context
from .._module.initializers import Draw
from .._module.layer import Layer
from .._module.sizes import Shape, check_count, check_fraction


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BatchNorm(Layer):
    """The base class of batch normalization: (x - mean) / sqrt(variance + epsilon) * scale + shift.

    The first axis of an example is C; each channel has one mean over the batch and all other axes.

    In training the layer uses the mean and variance of the batch, and updates the running
    statistics: running += momentum * (batch - running). Otherwise it uses the running statistics.
    Both variances divide by the number of values.

    Parameters: scale (C,), starts at 1; shift (C,), starts at 0.
    Buffers: running_mean (C,), starts at 0; running_variance (C,), starts at 1.

    Args:
        momentum: in [0, 1].
        epsilon: above 0.
        channels: C; None takes it from the first shape the layer is bound to.

    Raises:
        ConfigError: a hyper-parameter is out of range.
    """

    momentum: float = 0.1
    epsilon: float = 1e-5
    channels: int | None = None

    short_name: ClassVar[str] = "norm"
    in_place: ClassVar[bool] = True
    _ranks: ClassVar[tuple[int, ...]]  # the possible numbers of axes of an example
    _example: ClassVar[str]  # what an example is, for errors
    param_names = "scale", "shift"
    buffer_names = "running_mean", "running_variance"

    def __post_init__(self) -> None:
        kind = type(self).__name__
        check_fraction(kind, "momentum", self.momentum, inclusive=True)
        number = isinstance(self.epsilon, int | float) and not isinstance(self.epsilon, bool)
        if not number or not 0 < self.epsilon < math.inf:
            raise ConfigError(kind, f"wants an epsilon above 0, got {self.epsilon!r}")
        if self.channels is not None:
            check_count(kind, "channels", self.channels)

    @property
    @abstractmethod
    def example_rank(self) -> int | None:
        """The number of axes of one example; None if there are several."""

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input shape, checked to have a rank of the layer's examples and C channels."""
        ranks, channels = self._ranks, self.channels
        if len(input_shape) not in ranks or input_shape[0] != (channels or input_shape[0] or -1):
            wanted = self._example.format(C="C" if channels is None else channels)
            raise ShapeError(type(self).__name__, f"wants {wanted}, got {input_shape}")
        return input_shape

    def bind(self, input_shape: Shape) -> Self:
        """The layer with `channels` set."""
        self.output_shape(input_shape)
        return self if self.channels else self._change(channels=input_shape[0])

    def param_shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:
        """(C,) each."""
        return self._shapes(self.param_names, input_shape)

    def buffer_shapes(self, input_shape: Shape | None = None) -> dict[str, Shape]:
        """(C,) each."""
        return self._shapes(self.buffer_names, input_shape)

    def initial_arrays(self, draw: Draw) -> dict[str, Array]:  # noqa: ARG002
        """Scale 1, shift 0, mean 0, variance 1; none is random."""
        (shape,) = {*self.param_shapes().values()}
        zeros, ones = np.zeros(shape, np.float32), np.ones(shape, np.float32)
        return {"scale": ones, "shift": zeros, "running_mean": zeros, "running_variance": ones}

    def lower(self, graph: Builder, *values: Value) -> Value:
        """scale * (y - mean) / sqrt(variance + epsilon) + shift, as a factor and a term."""
        scale, shift, mean, variance = (
            graph.array(name) for name in (*self.param_names, *self.buffer_names)
        )
        if not (variance + self.epsilon > 0).all():
            raise Unsupported("a running variance is negative")
        factor = scale / np.sqrt(variance + self.epsilon)
        return graph.scale_channels(values[0], factor, shift - mean * factor)

    def forward(self, x: Tensor, params: Mapping[str, Tensor], ctx: Context) -> Tensor:
        """x normalized by the statistics of the batch in training, else by the running ones.

        The result is clipped to 0..``ctx.clip``, if there is a clip.
        """
        scale, shift = self._param(params, "scale"), self._param(params, "shift")
        if not ctx.training:
            mean, variance = (self._buffer(name) for name in self.buffer_names)
            return batch_norm_inference(
                x, scale, shift, mean=mean, variance=variance, epsilon=self.epsilon, clip=ctx.clip
            )
        y, *statistics = batch_norm(x, scale, shift, epsilon=self.epsilon, clip=ctx.clip)
        self._update(statistics, ctx)
        return y

    def joint(self, params: Mapping[str, Tensor]) -> JointBatchNorm:
        """The training pass of a batch in micro-batches, which are to be added."""
        scale, shift = self._param(params, "scale"), self._param(params, "shift")
        return JointBatchNorm(scale, shift, epsilon=self.epsilon)

    def join(self, micro_batches: JointBatchNorm, ctx: Context) -> None:
        """Join the micro-batches, and update the running statistics."""
        self._update(micro_batches.join(), ctx)

    def _update(self, statistics: Iterable[Array], ctx: Context) -> None:
        for name, new in zip(self.buffer_names, statistics, strict=True):
            path, value = ctx.path_of(name), new.astype(np.float32, copy=False)
            if ctx.average is None:
                old = self._buffer(name)
                ctx.updates[path] = moving_average(old, value, factor=self.momentum)
            else:
                ctx.average(path, value, self.momentum)

    def _buffer(self, name: str) -> Array:
        if name not in self.buffers:
            raise NotInitializedError(
                type(self).__name__, f"has no {name}; call initialize() or fit()"
            )
        return self.buffers[name]

    def _shapes(self, names: tuple[str, ...], input_shape: Shape | None) -> dict[str, Shape]:
        channels = self.channels if input_shape is None else self.bind(input_shape).channels
        if channels is None:
            raise ShapeError(
                type(self).__name__, "does not know its channels; give channels or an input_shape"
            )
        return dict.fromkeys(names, (channels,))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BatchNorm2d(BatchNorm, in_kernels=True, exportable="yes"):
    """(x - mean) / sqrt(variance + epsilon) * scale + shift for each channel of (C, H, W).

    Arguments: see `BatchNorm`.
    """

    _ranks: ClassVar[tuple[int, ...]] = (3,)
    _example: ClassVar[str] = "images ({C}, H, W)"
    example_rank = 3  # (C, H, W)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class BatchNorm1d(BatchNorm, in_kernels=True, exportable="yes"):
    """(x - mean) / sqrt(variance + epsilon) * scale + shift for each channel of (C,) or (C, L).

    Arguments: see `BatchNorm`. Called on its own, the layer takes an array as one example; in a net
    there is a batch axis.
    """

    _ranks: ClassVar[tuple[int, ...]] = (1, 2)
    _example: ClassVar[str] = "vectors ({C},) or signals ({C}, L), or images for BatchNorm2d"

    @property
    def example_rank(self) -> None:
        """None: (C,) or (C, L)."""
        return
