"""Training by TensorFlow: one graph a step, which also draws the images."""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.bench import BenchError
from drypoint.nn import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, Softmax

from ._trainer import LR, Trainer

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class TensorFlowTrainer(Trainer):
    """tf.function over everything, float32, channels beside each other, its own kernel of Adam."""

    def __init__(
        self, net: Sequential, x: NDArray[np.uint8], y: NDArray[np.int64], *, threads: int
    ) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # no log of the CPU's instructions
        import tensorflow as tf  # noqa: PLC0415 - optional

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        self._x = tf.constant(x[..., None] if x.ndim == 3 else x)
        self._y = tf.constant(y)
        apply, self._variables = tensorflow_net(net)
        moments = [[tf.Variable(tf.zeros_like(v)) for v in self._variables] for _ in range(2)]
        powers = [tf.Variable(beta) for beta in (BETA1, BETA2)]
        spec = tf.TensorSpec((None,), tf.int64)  # one graph for every size of a batch

        def outputs(chosen: Any) -> Any:
            pixels = tf.gather(self._x, chosen)
            return apply(tf.cast(pixels, tf.float32) * (1 / 255))

        def step(chosen: Any) -> None:
            with tf.GradientTape() as tape:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    labels=tf.gather(self._y, chosen), logits=outputs(chosen)
                )
                loss = tf.reduce_mean(losses)
            gradients = tape.gradient(loss, self._variables)
            for v, first, second, gradient in zip(
                self._variables, *moments, gradients, strict=True
            ):
                tf.raw_ops.ResourceApplyAdam(
                    var=v.handle,
                    m=first.handle,
                    v=second.handle,
                    beta1_power=powers[0],
                    beta2_power=powers[1],
                    lr=LR,
                    beta1=BETA1,
                    beta2=BETA2,
                    epsilon=EPSILON,
                    grad=gradient,
                )
            for power, beta in zip(powers, (BETA1, BETA2), strict=True):
                power.assign(power * beta)

        self._step = tf.function(step, input_signature=[spec])
        self._outputs = tf.function(outputs, input_signature=[spec])

    def train(self, n: int, batch: int) -> None:
        """One epoch."""
        order = np.random.default_rng(0).permutation(n)
        for start in range(0, n, batch):
            self._step(order[start : start + batch])

    def forward(self, n: int, batch: int) -> None:
        """From bytes to outputs."""
        order = np.arange(n)
        for start in range(0, n, batch):
            self._outputs(order[start : start + batch])


def tensorflow_net(net: Sequential) -> tuple[Any, list[Any]]:
    """The net as a function of images (N, h, w, c), up to its softmax, and its variables.

    Weights are laid out as TensorFlow wants them, so that its graph transposes nothing.

    Raises:
        BenchError: a layer that is not given to peers.
    """
    import tensorflow as tf  # noqa: PLC0415 - optional

    variables: list[Any] = []

    def variable(array: NDArray[np.float32]) -> Any:
        variables.append(tf.Variable(np.ascontiguousarray(array)))
        return variables[-1]

    def convolution(layer: Conv2d, shape: tuple[int, ...]) -> Any:
        window = layer.window(shape)
        weight = variable(layer.params["weight"].transpose(2, 3, 1, 0))
        bias = variable(layer.params["bias"])
        padding: Any = [[0, 0], *map(list, window.padding), [0, 0]]
        if not np.any(padding):
            padding = "VALID"
        return lambda x: tf.nn.bias_add(tf.nn.conv2d(x, weight, window.stride, padding), bias)

    def linear(layer: Linear, before: tuple[int, ...]) -> Any:
        """`before` are the sizes (C, H, W) of an image whose pixels are the inputs, or (I,)."""
        weight = layer.params["weight"]
        if len(before) == 3:
            weight = weight.reshape(-1, *before).transpose(0, 2, 3, 1).reshape(len(weight), -1)
        made, bias = variable(weight.T), variable(layer.params["bias"])
        return lambda x: tf.nn.bias_add(tf.matmul(x, made), bias)

    def max_pool(layer: MaxPool2d, shape: tuple[int, ...]) -> Any:
        window = layer.window(shape)
        return lambda x: tf.nn.max_pool2d(x, window.kernel, window.stride, "VALID")

    steps: list[Any] = []
    assert net.input_shape is not None  # every net here says it
    shape = before = net.input_shape
    for layer in net:
        match layer:
            case Conv2d():
                steps.append(convolution(layer, shape))
            case Linear():
                steps.append(linear(layer, before))
            case ReLU():
                steps.append(tf.nn.relu)
            case MaxPool2d():
                steps.append(max_pool(layer, shape))
            case Flatten():
                size = int(np.prod(shape))
                steps.append(lambda x, size=size: tf.reshape(x, (-1, size)))
            case Softmax():
                continue
            case _:
                raise BenchError(f"{type(layer).__name__} is not given to peers")
        before = shape if isinstance(layer, Flatten) else layer.output_shape(shape)
        shape = layer.output_shape(shape)

    def apply(x: Any) -> Any:
        for step in steps:
            x = step(x)
        return x

    return apply, variables
