"""Random float models of all layers that have an integer form, drawn from their samples.

A new layer is drawn by itself: `layer_samples.py` has its random layer for a shape, and a layer of
several inputs joins two ways from one shape.
"""

import math

import numpy as np
from floatnets import Case, _fill, cases, headed_cases
from hypothesis import strategies as st
from layer_samples import SAMPLES

from drypoint import nn, quant

MARKS = {kind.name: kind.exportable for kind in nn.layers()}
ENDS = [kind for kind in SAMPLES if MARKS[kind.__name__] == "at the end"]
INNER = [
    kind
    for kind in SAMPLES
    if MARKS[kind.__name__]
    and kind not in {*ENDS, nn.InputPart, nn.Sequential, nn.Graph}
    and not issubclass(kind, nn.Recurrent)  # whose programs read a signal step by step
]
JOINS = [kind for kind in nn.LEAF_TYPES if issubclass(kind, nn.Merge) and MARKS[kind.__name__]]
LARGEST = 3000  # values of a layer's output


def drawn_case(seed: int) -> Case:
    """A model and some real inputs for it, determined by the seed."""
    rng = np.random.default_rng([seed, 2])
    while True:
        net = _with_small_slopes(_fill(rng, _draw_net(rng)))
        try:
            nn.Model(net).check_export()
        except quant.QuantizationError:  # padding at the end, values in another order
            continue
        count = int(rng.integers(1, 6)), *net.input_shape
        x = rng.normal(size=count) * 10.0 ** rng.integers(-2, 3)
        x = np.abs(x) if rng.random() < 0.3 else x
        return Case(nn.Model(net), x, x)


def _with_small_slopes(net: nn.Sequential) -> nn.Sequential:
    """The net with slopes of PReLUs as quantization takes them."""
    prelus = {path for path, leaf in net.leaves() if isinstance(leaf, nn.PReLU)}
    params = {
        path: np.clip(array, -300, 300) if path.rpartition(".")[0] in prelus else array
        for path, array in net.parameters().items()
    }
    return net.with_params(params)


def _draw_net(rng) -> nn.Sequential:
    """A chain of layers, some of them graphs of two ways, that begins with a plane, a signal or a
    vector; mostly with weights at its end.
    """
    most = [(4, 8, 8), (4, 8, 8), (4, 8, 8), (4, 25), (40,)][int(rng.integers(5))]
    shape = read = tuple(int(rng.integers(1, n + 1)) for n in most)
    layers: dict[str, nn.Module] = {}
    if len(shape) == 1 and (part := SAMPLES[nn.InputPart].draw(rng, shape)):
        read = (2 * math.prod(part.shape),)
        layers["branches"] = _draw_parts(rng, part)
        shape = layers["branches"].output_shape(read)
    for i in range(int(rng.integers(1, 7))):
        layer = _draw_layer(rng, shape)
        layers[f"branches{i}" if isinstance(layer, nn.Graph) else f"layer{i}"] = layer
        shape = layer.output_shape(shape)
    if rng.random() < 0.8:
        layers |= {"flatten": nn.Flatten(), "fc": nn.Linear(int(rng.integers(2, 6)))}
    if rng.random() < 0.4:
        layers["end"] = ENDS[int(rng.integers(len(ENDS)))]()
    return nn.Sequential(layers, read)


def _draw_parts(rng, part) -> nn.Graph:
    """Two parts of the input, of one shape, the first through weights, and what joins them."""
    weights, join = make_weights(part.shape), JOINS[int(rng.integers(len(JOINS)))]()
    size = math.prod(part.shape)
    layers = {"first": part, "weights": weights, "join": join}
    layers["second"] = nn.InputPart(size, part.shape)
    edges = [("input", "first", "weights", "join.a"), ("input", "second", "join.b")]
    return nn.Graph(layers, edges, {"input": (2 * size,)})


def make_weights(shape) -> nn.Layer:
    """A layer with weights that keeps the shape."""
    kind = {1: nn.Linear, 2: nn.Conv1d, 3: nn.Conv2d}[len(shape)]
    return kind(*(shape[0], 1)[: len(shape)])


def _draw_layer(rng, shape) -> nn.Layer:
    """A layer that takes the shape: one of all kinds."""
    while True:
        at = int(rng.integers(len(INNER) + len(JOINS)))
        if at >= len(INNER):
            layer = _draw_join(rng, shape, JOINS[at - len(INNER)])
        else:
            layer = SAMPLES[INNER[at]].draw(rng, shape)
        if layer is None or math.prod(layer.output_shape(shape)) > LARGEST:
            continue
        if len(layer.output_shape(shape)) == len(shape) or rng.random() < 0.3:
            return layer


def _draw_join(rng, shape, kind) -> nn.Graph:
    """Two ways from one shape to a layer of two inputs: through weights, and with or without."""
    layers = {"a": make_weights(shape), "join": kind()}
    edges = [("input", "a", "join.a"), ("input", "join.b")]
    if rng.random() < 0.4:
        layers["b"], edges[1] = make_weights(shape), ("input", "b", "join.b")
    return nn.Graph(layers, edges, {"input": shape})


drawn_cases = st.builds(drawn_case, st.integers(0, 2**32 - 1))
every_case = cases | headed_cases | drawn_cases
