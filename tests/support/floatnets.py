"""Random float models for tests: every layer with an integer form, odd shapes, extreme weights."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from drypoint.data import ClassDecoder, ImageEncoder
from drypoint.nn import (
    GELU,
    LEAF_TYPES,
    AdaptiveAvgPool2d,
    Add,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Cos,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Graph,
    Hardsigmoid,
    Hardswish,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool2d,
    Merge,
    Model,
    Module,
    PixelShuffle,
    ReLU,
    ReLU6,
    Reshape,
    Sequential,
    Sigmoid,
    SiLU,
    Sin,
    Softmax,
    Tanh,
    Upsample,
    ZeroPad2d,
)
from drypoint.program import Program
from drypoint.quant import Calibration, QuantizationError

STYLES = ("normal", "normal", "large", "tiny", "zero", "one huge", "mixed channels", "huge bias")


@dataclass(frozen=True)
class Case:
    """A model, and images as it takes them; `real` are they in float64, as its net reads them."""

    model: Model
    images: np.ndarray
    real: np.ndarray

    def activations(self) -> dict[str, np.ndarray]:
        """What the net computes for all images, in float64."""
        return self.model.net.activations(self.real)

    def calibration(self) -> Calibration:
        """The ranges of the float64 activations: free of float32's rounding."""
        seen = {"input": self.real, **self.activations()}
        ranges = {path: (float(a.min()), float(a.max())) for path, a in seen.items()}
        return Calibration(
            ranges=ranges, method="minmax", percentile=100.0, n_examples=len(self.real)
        )

    def integers(self, program: Program) -> np.ndarray:
        """The program's integer inputs for the images."""
        if isinstance(self.model.encoder, ImageEncoder):
            return self.model.encoder.pixels(self.images)
        if program.input_parts:
            return program.encode(self.real)
        limits, dtype = ((0, 255), "u1") if program.input_type == "u8" else ((-128, 127), "i1")
        steps = np.rint(self.real / program.input_scale) + program.input.zero
        steps = steps.clip(*limits).astype(dtype)
        if steps.ndim == 2:
            return steps[:, None, None, :]
        if steps.ndim == 3:  # a signal is a column
            return np.ascontiguousarray(steps.transpose(0, 2, 1)[:, :, None])
        return np.ascontiguousarray(steps.transpose(0, 2, 3, 1))


def _pair(rng, most_h, most_w):
    return int(rng.integers(1, most_h + 1)), int(rng.integers(1, most_w + 1))


MERGES = [
    Add,  # twice as often
    *sorted(
        (kind for kind in LEAF_TYPES if issubclass(kind, Merge) and kind.exportable),
        key=lambda kind: kind.__name__,
    ),
]
FUNCTIONS = (Tanh, Sigmoid, Hardsigmoid, Hardswish, SiLU, GELU, Sin, Cos)


def _activation(rng) -> Layer:
    """A ReLU half of the time."""
    choice = rng.random()
    if choice < 0.6:
        return ReLU() if choice < 0.4 else ReLU6()
    if choice < 0.7:
        return LeakyReLU(float(rng.choice([0.01, 0.3, -0.5, 2.0])))
    return FUNCTIONS[int(rng.integers(len(FUNCTIONS)))]()


def _convolution(rng, shape) -> Conv2d:
    options = {"stride": _pair(rng, 2, 2), "bias": bool(rng.random() < 0.8)}
    sides = tuple(tuple(int(p) for p in rng.integers(0, 2, 2)) for _ in range(2))
    options["padding"] = sides if rng.random() < 0.7 else "same"
    kernel = _pair(rng, min(3, shape[1]), min(3, shape[2]))
    if rng.random() < 0.2:
        options["dilation"] = tuple(
            int(rng.integers(1, max(2, n // k))) for n, k in zip(shape[1:], kernel, strict=True)
        )
    groups = int(rng.choice([g for g in range(1, shape[0] + 1) if shape[0] % g == 0]))
    return Conv2d(groups * int(rng.integers(1, 4)), kernel, groups=groups, **options)


def _pool(rng, shape, *, padded) -> Layer:
    kernel = _pair(rng, min(3, shape[1]), min(3, shape[2]))
    stride = None if rng.random() < 0.6 else _pair(rng, 3, 3)
    padding = 0
    if padded and rng.random() < 0.3:
        padding = tuple(tuple(int(n) for n in rng.integers(0, k, 2)) for k in kernel)
    kind = MaxPool2d if rng.random() < 0.6 else AvgPool2d
    return kind(kernel, stride=stride, padding=padding)


def _block(rng, shape, *, computed):
    """Layers around one convolution or one pool, as they fit a plane (C, H, W); ``computed``:
    weights stand before them, so that nothing of the encoder is left.
    """
    layers: list[Layer] = []
    if rng.random() < 0.1:
        layers.append(ZeroPad2d(tuple(int(n) for n in rng.integers(0, 2, 4))))
    if rng.random() < 0.8:
        plane = layers[-1].output_shape(shape) if layers else shape
        layers.append(_convolution(rng, plane))
        layers += [BatchNorm2d()] if rng.random() < 0.4 else []
        layers += [Dropout(0.5)] if rng.random() < 0.2 else []
        computed = True
    plane = shape
    for layer in layers:
        plane = layer.output_shape(plane)
    if computed and rng.random() < 0.6:
        layers.append(_activation(rng))
    if rng.random() < 0.6 or not layers:
        layers.append(_pool(rng, plane, padded=computed))
        plane = layers[-1].output_shape(plane)
        if computed and rng.random() < 0.4:
            layers.append(_activation(rng))
        layers += [BatchNorm2d()] if computed and rng.random() < 0.2 else []
    if computed and plane[1] * plane[2] <= 36 and rng.random() < 0.3:
        layers += _larger(rng, plane)
        plane = layers[-1].output_shape(plane)
        layers += [BatchNorm2d()] if rng.random() < 0.3 else []
        layers += [_activation(rng)] if rng.random() < 0.5 else []
    return layers, plane, computed


def _larger(rng, shape) -> list[Layer]:
    """A layer that makes a plane larger."""
    choice = rng.random()
    if choice < 0.3:
        return [Upsample(_pair(rng, 2, 2))]
    if choice < 0.6 and shape[0] % 4 == 0:
        return [PixelShuffle(2, mode=str(rng.choice(["CRD", "DCR"])))]
    kernel, stride = _pair(rng, 4, 4), _pair(rng, 2, 2)
    sides = tuple((int(rng.integers(0, k)), int(rng.integers(0, k))) for k in kernel)
    fits = (
        min(
            (n - 1) * s + k - sum(both)
            for n, s, k, both in zip(shape[1:], stride, kernel, sides, strict=True)
        )
        >= 1
    )
    padding = sides if fits and rng.random() < 0.7 else "same"
    more = 0 if padding == "same" else tuple(int(rng.integers(0, s)) for s in stride)
    return [
        ConvTranspose2d(
            int(rng.integers(1, 4)), kernel, stride=stride, padding=padding, output_padding=more
        )
    ]


def _branches(rng, shape) -> Graph:
    """Two ways from one plane to an addition or a concatenation, the second often a skip."""
    c = shape[0]
    first = [Conv2d(c, 3, padding=1), BatchNorm2d(), _activation(rng)][: int(rng.integers(1, 4))]
    second = [Conv2d(c, 1), _activation(rng)][: int(rng.integers(0, 3))]
    joined = MERGES[int(rng.integers(len(MERGES)))]()
    layers: dict[str, Module] = {f"a{i}": layer for i, layer in enumerate(first)}
    layers |= {f"b{i}": layer for i, layer in enumerate(second)}
    layers |= {"join": joined, "out": _activation(rng)}
    edges = [("input", *(f"a{i}" for i in range(len(first))), "join.a")]
    edges += [("input", *(f"b{i}" for i in range(len(second))), "join.b"), ("join", "out")]
    return Graph(layers, edges, {"input": shape})


def _weights(rng, shape, style):
    weight = rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
    if style == "mixed channels":
        return weight * 10.0 ** rng.integers(-9, 3, (shape[0], *[1] * (len(shape) - 1)))
    if style == "one huge":
        weight.flat[0] = 1e4
    factor = {"large": 1e4, "tiny": 1e-30, "zero": 0.0}.get(style, 1.0)
    return weight * factor


def _fill(rng, net: Sequential) -> Sequential:
    """Random numbers for everything; a style for each array."""
    params = {}
    for path, shape in net.param_shapes().items():
        # One scale for both ways of a concatenation takes weights of ordinary size.
        style = "normal" if path.startswith("branches") else str(rng.choice(STYLES))
        if len(shape) > 1:
            params[path] = _weights(rng, shape, style)
        else:
            factor = {"huge bias": 1e5, "tiny": 1e-30, "zero": 0.0}.get(style, 1.0)
            params[path] = rng.normal(size=shape) * factor
    buffers = {
        path: rng.uniform(0.01, 4, shape) if "variance" in path else rng.normal(size=shape)
        for path, shape in net.buffer_shapes().items()
    }
    return net.with_params(params).with_buffers(buffers)


def random_case(seed: int) -> Case:
    """A model and some images for it, determined by the seed."""
    rng = np.random.default_rng(seed)
    encoded = rng.random() < 0.6
    channels = int(rng.choice([1, 3])) if encoded else int(rng.integers(1, 4))
    shape = (channels, int(rng.integers(1, 10)), int(rng.integers(1, 10)))
    mean, std = None, None
    if encoded and rng.random() < 0.7:
        mean = tuple(rng.uniform(0.05, 0.9, channels).tolist()) if rng.random() < 0.7 else None
        std = tuple(rng.uniform(0.05, 2, channels).tolist())
    parts: dict[str, Layer] = {}
    plane, computed = shape, not encoded
    for i in range(int(rng.integers(0, 4))):
        layers, plane, computed = _block(rng, plane, computed=computed)
        if rng.random() < 0.4:
            parts[f"block{i}"] = Sequential(layers)
        else:
            parts |= {f"layer{i}_{j}": layer for j, layer in enumerate(layers)}
        if computed and rng.random() < 0.4:
            parts[f"branches{i}"] = _branches(rng, plane)
            plane = parts[f"branches{i}"].output_shape(plane)
    ways = [Flatten(), Reshape((int(np.prod(plane)),)), GlobalAvgPool2d(), AdaptiveAvgPool2d(1)]
    way = int(rng.choice(4, p=[0.4, 0.2, 0.3, 0.1]))
    parts["flatten"] = Sequential([ways[3], Flatten()]) if way == 3 else ways[way]
    if rng.random() < 0.5:
        parts |= {"hidden": Linear(int(rng.integers(1, 9)))}
        parts |= {"hidden_norm": BatchNorm1d()} if rng.random() < 0.3 else {}
        parts |= {"last_activation": _activation(rng)}
    outputs = int(rng.integers(2, 6))
    parts["fc"] = Linear(outputs, bias=bool(rng.random() < 0.8))
    parts |= {"softmax": Softmax()} if rng.random() < 0.5 else {}
    net = _fill(rng, Sequential(parts, shape))
    n = int(rng.integers(1, 6))
    if not encoded:
        x = rng.normal(size=(n, *shape)) * 10.0 ** rng.integers(-3, 3)
        x = np.abs(x) if rng.random() < 0.4 else x
        return Case(Model(net), x, x)
    encoder = ImageEncoder(
        width=shape[2],
        height=shape[1],
        color="gray" if channels == 1 else "rgb",
        mean=mean,
        std=std,
    )
    pixels = rng.integers(0, 256, (n, *shape[1:], channels)).astype(np.uint8)
    pixels[0] = rng.choice([0, 255])
    real = (pixels / 255 - (mean or 0.0)) / (std or 1.0) if mean else pixels / 255 / (std or 1.0)
    model = Model(net, encoder=encoder, decoder=ClassDecoder(tuple(range(outputs))))
    return Case(model, pixels, np.ascontiguousarray(real.transpose(0, 3, 1, 2)))


def headed_case(seed: int) -> Case:
    """A random case whose net has the output of a layer in the middle as an output too."""
    case, rng = random_case(seed), np.random.default_rng(seed + 1)
    chain = Graph.from_sequential(case.model.net)
    *names, last = chain.layers
    for name in rng.permutation(names).tolist():
        edges = [*chain.edges, (name, ".middle"), (last, ".class")]
        decoder = None if case.model.decoder is None else {"class": case.model.decoder}
        net = Graph(chain.layers, edges, chain.input_shapes)
        model = Model(net, encoder=case.model.encoder, decoder=decoder)
        try:
            model.check_export()
        except QuantizationError:  # a vector of a plane in another order, padding, pixels
            continue
        return Case(model, case.images, case.real)
    return case


cases = st.builds(random_case, st.integers(0, 2**32 - 1))
headed_cases = st.builds(headed_case, st.integers(0, 2**32 - 1))
