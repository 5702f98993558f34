"""Training by JAX: one compiled function a step."""

from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp
from numpy.typing import NDArray

from drypoint.autodiff._window import Window
from drypoint.nn import BatchNorm1d, BatchNorm2d, Conv2d, Sequential

from ._peer_net import PeerNet, Step, channels_last
from ._trainer import LR, Trainer

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class JaxTrainer(Trainer):
    """jax.jit over forward, backward and Adam; channels beside each other."""

    def __init__(
        self, net: Sequential, x: NDArray[np.uint8], y: NDArray[np.int64], *, threads: int
    ) -> None:
        del threads  # XLA takes as many as the process has cores
        self._x, self._y = channels_last(x), (channels_last(y) if y.ndim > 1 else y)
        peer = _JaxNet()
        apply = peer.build(net)
        self._params = jax.tree.map(jnp.asarray, peer.params)
        zeros = jax.tree.map(jnp.zeros_like, self._params)
        self._state = (zeros, zeros, 0, jax.tree.map(jnp.asarray, peer.buffers))
        scale = 1 / 255 if x.dtype == np.uint8 else 1.0

        def outputs(params: Any, buffers: Any, pixels: Any) -> Any:
            peer.arrays = {**params, **buffers}
            return apply(pixels.astype(jnp.float32) * scale)

        def loss(params: Any, buffers: Any, pixels: Any, targets: Any) -> Any:
            peer.training, peer.statistics = True, {}
            y = outputs(params, buffers, pixels)
            peer.training = False
            if targets.ndim > 1:
                return jnp.square(y - targets).mean(), peer.statistics
            scores = jax.nn.log_softmax(y)
            chosen = jnp.take_along_axis(scores, targets[:, None], axis=1)
            return -chosen.mean(), peer.statistics

        def step(params: Any, state: Any, pixels: Any, targets: Any) -> Any:
            first, second, t, buffers = state
            differentiate = jax.grad(loss, has_aux=True)
            gradients, buffers = differentiate(params, buffers, pixels, targets)
            t = t + 1
            first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradients)
            second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second, gradients)
            rate = LR * jnp.sqrt(1 - BETA2**t) / (1 - BETA1**t)
            params = jax.tree.map(
                lambda p, m, v: p - rate * m / (jnp.sqrt(v) + EPSILON), params, first, second
            )
            return params, (first, second, t, buffers)

        self._step, self._outputs = jax.jit(step), jax.jit(outputs)

    def train(self, n: int, batch: int) -> None:
        """One epoch of whole batches, since JAX would compile again for another size."""
        order = np.random.default_rng(0).permutation(n)
        for start in range(0, n, batch):
            chosen = order[start : start + batch]
            self._params, self._state = self._step(
                self._params, self._state, self._x[chosen], self._y[chosen]
            )
        jax.block_until_ready(self._params)

    def forward(self, n: int, batch: int) -> None:
        """From bytes to outputs."""
        made = [
            self._outputs(self._params, self._state[3], self._x[start : start + batch])
            for start in range(0, n, batch)
        ]
        jax.block_until_ready(made)


class _JaxNet(PeerNet):
    """The layers in JAX. While JAX traces them, `arrays` are the traced arrays by path, and new
    running statistics are put into `statistics`."""

    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}
        self.params: dict[str, NDArray[np.float32]] = {}
        self.buffers: dict[str, NDArray[np.float32]] = {}
        self.statistics: dict[str, Any] = {}

    def library(self) -> Any:
        return SimpleNamespace(
            matmul=jnp.matmul,
            maximum=jnp.maximum,
            minimum=jnp.minimum,
            mean=jnp.mean,
            concat=lambda arrays: jnp.concatenate(arrays, -1),
            reshape=jnp.reshape,
        )

    def array(self, path: str, values: NDArray[np.float32], *, trained: bool = True) -> Any:
        (self.params if trained else self.buffers)[path] = np.ascontiguousarray(values)
        return lambda: self.arrays[path]

    def check_convolution(self, layer: Conv2d, shape: tuple[int, ...]) -> None:
        """Refuse none: JAX trains every convolution."""

    def convolution(self, x: Any, weight: Any, window: Window, groups: int) -> Any:
        return lax.conv_general_dilated(
            x,
            weight,
            window.stride,
            window.padding,
            rhs_dilation=window.dilation,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=groups,
        )

    def batch_norm(self, layer: BatchNorm2d | BatchNorm1d, path: str) -> Step:
        scale, shift = (self.array(f"{path}.{k}", layer.params[k]) for k in ("scale", "shift"))
        names = ("running_mean", "running_variance")
        running = [self.array(f"{path}.{k}", layer.buffers[k], trained=False) for k in names]

        def step(x: Any) -> Any:
            mean, variance = (get() for get in running)
            if self.training:
                axes = tuple(range(x.ndim - 1))
                batch = x.mean(axes), x.var(axes)
                for name, old, new in zip(names, (mean, variance), batch, strict=True):
                    moved = old + layer.momentum * (new - old)
                    self.statistics[f"{path}.{name}"] = lax.stop_gradient(moved)
                mean, variance = batch
            unit = (x - mean) * lax.rsqrt(variance + layer.epsilon)
            return unit * scale() + shift()

        return step

    def max_pool(self, x: Any, window: Window) -> Any:
        size, stride = (1, *window.kernel, 1), (1, *window.stride, 1)
        return lax.reduce_window(x, -np.inf, lax.max, size, stride, "VALID")

    def upsample(self, x: Any, factor: int) -> Any:
        return x.repeat(factor, axis=1).repeat(factor, axis=2)
