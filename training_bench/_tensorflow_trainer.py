"""Training by TensorFlow: one graph a step, which also draws the images."""

import os
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.autodiff._window import Window
from drypoint.bench import BenchError
from drypoint.nn import BatchNorm1d, BatchNorm2d, Conv2d, Sequential

from ._peer_net import PeerNet, Step, channels_last
from ._trainer import LR, Trainer

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # no log of the CPU's instructions
import tensorflow as tf

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class TensorFlowTrainer(Trainer):
    """tf.function over everything, float32, channels beside each other, its own kernel of Adam."""

    def __init__(
        self, net: Sequential, x: NDArray[np.uint8], y: NDArray[np.int64], *, threads: int
    ) -> None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        self._x = tf.constant(channels_last(x))
        self._y = tf.constant(channels_last(y) if y.ndim > 1 else y)
        peer = _TensorFlowNet()
        apply, self._variables = peer.build(net), peer.variables
        scale = 1 / 255 if x.dtype == np.uint8 else 1.0
        moments = [[tf.Variable(tf.zeros_like(v)) for v in self._variables] for _ in range(2)]
        powers = [tf.Variable(beta) for beta in (BETA1, BETA2)]
        spec = tf.TensorSpec((None,), tf.int64)  # one graph for every size of a batch

        def outputs(chosen: Any) -> Any:
            pixels = tf.gather(self._x, chosen)
            return apply(tf.cast(pixels, tf.float32) * scale)

        def loss_of(chosen: Any) -> Any:
            peer.training = True
            targets, y = tf.gather(self._y, chosen), outputs(chosen)
            peer.training = False
            if self._y.dtype != tf.int64:
                return tf.reduce_mean(tf.math.squared_difference(y, targets))
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=y)
            return tf.reduce_mean(losses)

        def step(chosen: Any) -> None:
            with tf.GradientTape() as tape:
                loss = loss_of(chosen)
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


class _TensorFlowNet(PeerNet):
    """The layers in TensorFlow; `variables` are what a step trains."""

    def __init__(self) -> None:
        self.variables: list[Any] = []

    def library(self) -> Any:
        return SimpleNamespace(
            matmul=tf.matmul,
            maximum=lambda x, _: tf.nn.relu(x),
            minimum=tf.minimum,
            mean=tf.reduce_mean,
            concat=lambda arrays: tf.concat(arrays, -1),
            reshape=tf.reshape,
        )

    def array(self, path: str, values: NDArray[np.float32], *, trained: bool = True) -> Any:
        del path
        variable = tf.Variable(np.ascontiguousarray(values), trainable=trained)
        if trained:
            self.variables.append(variable)
        return lambda: variable

    def check_convolution(self, layer: Conv2d, shape: tuple[int, ...]) -> None:
        """Refuse what has no gradient on a CPU: dilation, groups other than a group a channel."""
        window, depthwise = layer.window(shape), layer.groups == shape[0] == layer.out_channels
        if window.dilation != (1, 1) or not (layer.groups == 1 or depthwise):
            raise BenchError("TensorFlow cannot train a dilated or grouped convolution on a CPU")
        if depthwise and window.stride[0] != window.stride[1]:
            raise BenchError("TensorFlow has no depthwise convolution of uneven strides")

    def convolution(self, x: Any, weight: Any, window: Window, groups: int) -> Any:
        padding: Any = [[0, 0], *map(list, window.padding), [0, 0]]
        if not np.any(padding):
            padding = "VALID"
        if groups == 1:
            return tf.nn.conv2d(x, weight, window.stride, padding)
        by_channel = tf.reshape(weight, (*window.kernel, groups, 1))
        return tf.nn.depthwise_conv2d(x, by_channel, (1, *window.stride, 1), padding)

    def batch_norm(self, layer: BatchNorm2d | BatchNorm1d, path: str) -> Step:
        scale, shift = (self.array(path, layer.params[name]) for name in ("scale", "shift"))
        mean, variance = (
            self.array(path, layer.buffers[name], trained=False)
            for name in ("running_mean", "running_variance")
        )

        def step(x: Any) -> Any:
            planes = x if len(x.shape) == 4 else x[:, None, None, :]
            options = {"epsilon": layer.epsilon, "is_training": self.training}
            if not self.training:
                options |= {"mean": mean(), "variance": variance()}
            y, *batch = tf.compat.v1.nn.fused_batch_norm(planes, scale(), shift(), **options)
            for running, value in zip((mean, variance), batch, strict=True):
                if self.training:
                    running().assign_add(layer.momentum * (value - running()))
            return y if len(x.shape) == 4 else y[:, 0, 0, :]

        return step

    def max_pool(self, x: Any, window: Window) -> Any:
        return tf.nn.max_pool2d(x, window.kernel, window.stride, "VALID")

    def upsample(self, x: Any, factor: int) -> Any:
        return tf.repeat(tf.repeat(x, factor, axis=1), factor, axis=2)
