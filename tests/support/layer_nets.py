"""Nets around each layer: of its samples, as the first layer, the last one, and between weights."""

from layer_samples import SAMPLES

from drypoint import nn

KINDS = {kind.name: kind for kind in nn.layers()}
MERGES = {kind.__name__: kind for kind in nn.LEAF_TYPES if issubclass(kind, nn.Merge)}
NO_WEIGHTS_BEFORE = {"OneHot", "Dot"}  # reads indices; reads arrays of two shapes
NAMES = sorted({*(kind.__name__ for kind in SAMPLES), *MERGES} - NO_WEIGHTS_BEFORE)


def make_weights(shape):
    """A layer with weights that writes this shape, and the shape that it reads."""
    if len(shape) == 1:
        return nn.Linear(shape[0]), (5,)
    return (nn.Conv1d if len(shape) == 2 else nn.Conv2d)(shape[0], 1), (2, *shape[1:])


def nets_around(name):
    """Lists of layers around each sample of a layer, and the shape that they read. A layer of
    several inputs joins weights and their input.
    """
    if name in MERGES:
        edges = [("input", "conv", "join.a"), ("input", "join.b")]
        conv = nn.Conv2d(2, 3, padding=1)
        yield [nn.Graph({"conv": conv, "join": MERGES[name]()}, edges)], (2, 6, 6)
        return
    if name == "InputPart":  # all parts together are the input
        parts = {"first": nn.InputPart(0, (2, 3)), "second": nn.InputPart(6, (2, 3))}
        edges = [("input", "first", "join.a"), ("input", "second", "join.b")]
        yield [nn.Graph(parts | {"join": nn.Mul()}, edges)], (12,)
        return
    for layer, shape in SAMPLES[getattr(nn, name)].layers:
        before, read = make_weights(shape)
        yield [before, layer], read
        written = layer.output_shape(shape)
        if written and KINDS[name].exportable != "at the end":
            after, _ = make_weights(written)
            yield [before, layer, after], read
            yield [layer, after], shape
