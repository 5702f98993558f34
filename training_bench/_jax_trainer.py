"""Training by JAX: one compiled function a step."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.bench import BenchError
from drypoint.nn import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, Softmax

from ._trainer import LR, Trainer

Params = dict[str, Any]
Step = Callable[[Params, Any], Any]

MANY = (64, 64)  # an image size; no layer here has a window that depends on it
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class JaxTrainer(Trainer):
    """jax.jit over forward, backward and Adam; channels beside each other."""

    def __init__(
        self, net: Sequential, x: NDArray[np.uint8], y: NDArray[np.int64], *, threads: int
    ) -> None:
        import jax  # noqa: PLC0415 - optional

        del threads  # XLA takes as many as the process has cores
        self.jax: Any = jax
        self._x, self._y = (x[..., None] if x.ndim == 3 else x), y
        self._params = {path: jax.numpy.asarray(values) for path, values in net.params.items()}
        zeros = jax.tree.map(jax.numpy.zeros_like, self._params)
        self._state = (zeros, zeros, 0)
        apply = jax_net(net)

        def outputs(params: Any, pixels: Any) -> Any:
            return apply(params, pixels.astype(jax.numpy.float32) * (1 / 255))

        def loss(params: Any, pixels: Any, classes: Any) -> Any:
            scores = jax.nn.log_softmax(outputs(params, pixels))
            return -jax.numpy.take_along_axis(scores, classes[:, None], axis=1).mean()

        def step(params: Any, state: Any, pixels: Any, classes: Any) -> Any:
            gradients = jax.grad(loss)(params, pixels, classes)
            first, second, t = state
            t = t + 1
            first = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradients)
            second = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second, gradients)
            rate = LR * jax.numpy.sqrt(1 - BETA2**t) / (1 - BETA1**t)
            params = jax.tree.map(
                lambda p, m, v: p - rate * m / (jax.numpy.sqrt(v) + EPSILON), params, first, second
            )
            return params, (first, second, t)

        self._step, self._outputs = jax.jit(step), jax.jit(outputs)

    def train(self, n: int, batch: int) -> None:
        """One epoch of whole batches, since JAX would compile again for another size."""
        order = np.random.default_rng(0).permutation(n)
        for start in range(0, n, batch):
            chosen = order[start : start + batch]
            self._params, self._state = self._step(
                self._params, self._state, self._x[chosen], self._y[chosen]
            )
        self.jax.block_until_ready(self._params)

    def forward(self, n: int, batch: int) -> None:
        """From bytes to outputs."""
        made = [
            self._outputs(self._params, self._x[start : start + batch])
            for start in range(0, n, batch)
        ]
        self.jax.block_until_ready(made)


def _convolution(name: str, layer: Conv2d) -> Step:
    from jax import lax  # noqa: PLC0415 - optional

    window = layer.window((layer.in_channels or 1, *MANY))
    padding = window.padding

    def step(params: Params, x: Any) -> Any:
        weight = params[f"{name}.weight"].transpose(2, 3, 1, 0)
        made = lax.conv_general_dilated(
            x, weight, window.stride, padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return made + params[f"{name}.bias"]

    return step


def _linear(name: str) -> Step:
    return lambda params, x: x @ params[f"{name}.weight"].T + params[f"{name}.bias"]


def _max_pool(layer: MaxPool2d) -> Step:
    from jax import lax  # noqa: PLC0415 - optional

    window = layer.window((1, *MANY))
    size, stride = (1, *window.kernel, 1), (1, *window.stride, 1)
    return lambda _, x: lax.reduce_window(x, -np.inf, lax.max, size, stride, "VALID")


def jax_net(net: Sequential) -> Step:
    """The net as a function of its parameters and of images (N, h, w, c), up to its softmax.

    Raises:
        BenchError: a layer that is not given to peers.
    """
    import jax  # noqa: PLC0415 - optional

    steps: list[Step] = []
    for name, layer in net.items():
        match layer:
            case Conv2d():
                steps.append(_convolution(name, layer))
            case Linear():
                steps.append(_linear(name))
            case ReLU():
                steps.append(lambda _, x: jax.nn.relu(x))
            case MaxPool2d():
                steps.append(_max_pool(layer))
            case Flatten():
                steps.append(lambda _, x: x.transpose(0, 3, 1, 2).reshape(len(x), -1))
            case Softmax():
                continue
            case _:
                raise BenchError(f"{type(layer).__name__} is not given to peers")

    def apply(params: Params, x: Any) -> Any:
        for step in steps:
            x = step(params, x)
        return x

    return apply
