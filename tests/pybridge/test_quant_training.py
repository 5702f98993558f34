"""Training in a program's integers: the forward pass is the program, gradients as LSQ's.

The oracle of integers is `program.reference`; of gradients, loops over single numbers.
"""

import numpy as np
import pytest

from drypoint import data, engine, graph, measure, nn, quant, tasks, train
from drypoint.autodiff import Range, Tensor, gradcheck, requantize, weight_codes
from drypoint.program import Lookup, Mul, PReLU, Resize, Slice, Transpose, Upsample, blob, reference
from drypoint.quant import _integer_planes

RNG = np.random.default_rng(39)
IMAGES = RNG.integers(0, 256, (96, 10, 10), np.uint8)
SIGNALS = RNG.normal(size=(96, 2, 8, 6)).astype(np.float32)
LABELS = RNG.integers(0, 3, 96)


def separable():
    """Batch norms, strides, padding, depthwise, pooling in a conv, a mean and a dense layer."""
    return nn.Sequential(
        [
            *(nn.Conv2d(6, 3, stride=2, padding=1), nn.BatchNorm2d(), nn.ReLU()),
            *(nn.Conv2d(6, 3, padding=1, groups=6, bias=False), nn.BatchNorm2d(), nn.ReLU6()),
            *(nn.Conv2d(8, 1), nn.MaxPool2d(2), nn.ReLU()),
            *(nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(3), nn.Softmax()),
        ]
    )


def net_of_signed_inputs():
    """Real inputs, activations below zero, groups, an overlapping max-pooling, two dense layers."""
    return nn.Sequential(
        [
            *(nn.Conv2d(4, 3, padding=1), nn.Conv2d(4, (3, 2), groups=2)),
            *(nn.MaxPool2d(3, stride=2), nn.Flatten(), nn.Linear(5), nn.ReLU(), nn.Linear(3)),
            nn.Softmax(),
        ]
    )


def branches():
    """Residual blocks, of which one reads the other's sum; and a concatenation."""

    def residual():
        layers = {"a": nn.Conv2d(4, 3, padding=1), "relu": nn.ReLU(), "b": nn.Conv2d(4, 1)}
        edges = [("input", "a", "relu", "b", "add.a"), ("input", "add.b")]
        return nn.Graph({**layers, "add": nn.Add()}, edges)

    fire = nn.Graph(
        {"left": nn.Conv2d(3, 3), "right": nn.Conv2d(2, 3), "concat": nn.Concat()},
        [("input", "left", "concat.a"), ("input", "right", "concat.b")],
    )
    layers = [nn.Conv2d(4, 3), nn.BatchNorm2d(), residual(), nn.ReLU(), residual(), fire]
    ends = [nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3), nn.Softmax()]
    return nn.Sequential([*layers, *ends])


def attention():
    """A hard-swish, and squeeze-and-excite: a product of a plane and a factor for each channel."""
    layers = {
        "conv": nn.Conv2d(6, 3),
        "swish": nn.Hardswish(),
        "squeeze": nn.Sequential([nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(4), nn.ReLU()]),
        "excite": nn.Sequential([nn.Linear(6), nn.Hardsigmoid(), nn.Reshape((6, 1, 1))]),
        "mul": nn.Mul(),
        "square": nn.Mul(),
        "end": nn.Sequential([nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(3), nn.Softmax()]),
    }
    edges = [("input", "conv", "swish", "mul.a"), ("swish", "squeeze", "excite", "mul.b")]
    return nn.Graph(layers, [*edges, ("mul", "square.a"), ("mul", "square.b"), ("square", "end")])


def planes():
    """Planes resized, upsampled, shuffled, cut and transposed, and slopes for each channel."""
    return nn.Sequential(
        [
            *(nn.Slice(1, 1), nn.Conv2d(8, 3), nn.PReLU(8), nn.Slice(2, step=2)),
            *(nn.PixelShuffle(2), nn.Upsample(2), nn.Conv2d(4, 3, groups=2), nn.Permute((1, 0, 2))),
            *(nn.Conv2d(4, 1), nn.Resize((5, 3)), nn.ChannelShuffle(2), nn.Conv2d(4, 1), nn.ReLU()),
            *(nn.Slice(0, 1), nn.ConvTranspose2d(2, 2, stride=2)),
            *(nn.Flatten(), nn.Linear(3), nn.Softmax()),
        ]
    )


NETS = {
    "separable": (separable, IMAGES),
    "signed": (net_of_signed_inputs, SIGNALS),
    "branches": (branches, IMAGES),
    "attention": (attention, IMAGES),
    "planes": (planes, SIGNALS),
}


KINDS = {
    "attention": {Mul, Lookup},
    "planes": {PReLU, Resize, Slice, Transpose, Upsample},
}
QUIET = {"batch_size": 32, "progress": "none", "validation_split": 0}


def floats_of(name):
    """A model after an epoch in floats."""
    build, x = NETS[name]
    model = build()
    if x is IMAGES:
        encoder = data.ImageEncoder(width=10, height=10, mean=0.4, std=0.3)
        model = nn.Model(model, encoder=encoder, decoder=data.ClassDecoder(range(3)))
    return train.fit(model, (x, LABELS), epochs=1, **QUIET).model


def finetune(model):
    """Training in integers, by any data."""
    return quant.finetune(model, (np.zeros((9, *model.input_shape)), np.zeros(9)))


def train_in_integers(name, **options):
    """A model after an epoch in floats and two in integers, and its inputs."""
    x = NETS[name][1]
    model = floats_of(name)
    return quant.finetune(model, (x, LABELS), epochs=2, **QUIET, **options).model, x


def test_a_file_whose_scheme_has_a_pattern_without_effect_loads(monkeypatch):
    """Files of before these were refused."""
    name = next(iter(NETS))
    with monkeypatch.context() as patched:
        patched.setattr(quant.Scheme, "check_names", lambda *_: None)
        model, _ = train_in_integers(name, scheme={"*": 4, "conv*": 2})
    loaded = nn.loads(model.dumps())
    assert blob.dumps(quant.quantize(loaded)) == blob.dumps(quant.quantize(model))


@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize("name", NETS)
def test_every_layer_of_the_program_is_what_training_computes(name, bits):
    """Every byte of every op, and the logits: `reference.trace` of the program."""
    model, x = train_in_integers(name, scheme=bits)
    program = quant.quantize(model)
    assert_equal_values(model, program, x)
    assert KINDS.get(name, set()) <= {type(op) for op in program.ops}
    for op in program.ops:
        if hasattr(op, "weight_bits"):
            assert op.weight_bits == bits
            assert np.abs(op.weight).max() <= {8: 127, 4: 7, 2: 1}[bits]


def assert_equal_values(model, program, x):
    """The value of each op in training is the program's, an output's the real value."""
    net = model.net["integers"]
    planes = net.values(Tensor(model.encode(x)), net.constants(np.float32)).values()
    pixels = x[..., None] if x is IMAGES else program.integers(x)
    ends = [i for i, op in enumerate(program.ops) if op.output.type == "i32"]
    scales = dict(zip(ends, (output.scale for output in program.outputs), strict=True))
    traces = zip(program.ops, planes, reference.trace(program, pixels), strict=True)
    for i, (op, plane, codes) in enumerate(traces):
        values = plane.data.reshape(len(x), -1, *codes.shape[1:3]).transpose(0, 2, 3, 1)
        integers = codes.astype(np.float32) - op.output.zero
        wanted = (codes * scales[i]).astype(np.float32) if i in scales else integers
        np.testing.assert_array_equal(values, wanted, err_msg=op.name)


def test_every_output_of_a_net_is_what_training_computes():
    """Two heads of classes, one of a plane; outputs of integers that are copied."""
    layers = {
        "body": nn.Sequential([nn.Conv2d(4, 3), nn.ReLU()]),
        "class": nn.Sequential([nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(3), nn.Softmax()]),
        "spot": nn.Sequential([nn.Conv2d(1, 1), nn.Sigmoid()]),
        "cells": nn.Sequential([nn.Conv2d(3, 1), nn.Softmax(axis=0)]),
        "pool": nn.MaxPool2d(4),
    }
    edges = [("input", "body", "class", ".label"), ("body", "spot", ".heat"), ("body", "pool")]
    edges += [("body", "cells", ".cell"), ("pool", ".level")]
    net = nn.Graph(layers, edges, {"input": (2, 8, 6)})
    heat = RNG.random((96, 1, 6, 4)).astype(np.float32)
    level, cell = np.zeros((96, 4, 1, 1), np.float32), RNG.random((96, 3, 6, 4)).astype(np.float32)
    targets = {"label": LABELS, "heat": heat, "cell": cell, "level": level}
    options = {**QUIET, "loss": {"cell": nn.MSELoss()}}
    model = train.fit(net, (SIGNALS, targets), epochs=1, **options).model
    options["progress"] = "lines"
    model = quant.finetune(model, (SIGNALS, targets), epochs=2, **options).model
    program = quant.quantize(model)
    assert f"IntegerNet({len(program.ops)} ops, weights of 4 bits)" in model.net.describe()
    assert model.net.info().layers[0].int8_bytes == 3 + 24 + 3 * 24 + 4
    assert_equal_values(model, program, SIGNALS)
    probabilities = engine.Engine(program).predict_proba(SIGNALS)
    for name, values in model.predict_proba(SIGNALS).items():
        wanted = np.moveaxis(values, 1, -1).reshape(96, -1)
        np.testing.assert_allclose(probabilities[name], wanted, atol=1e-6)  # of float softmaxes


@pytest.mark.parametrize("end", [nn.ReLU(), nn.ReLU6()])
def test_an_output_that_is_clipped_is_clipped_in_training(end):
    """Every output used to be trained without its clip."""
    x, y = RNG.normal(size=(2, 64, 4)).astype(np.float32) * 9
    net = nn.Sequential([nn.Linear(4), end]).initialize(seed=0, input_shape=(4,))
    options = {**QUIET, "loss": "mse", "optimizer": train.Adam(lr=0.05)}
    model = quant.finetune(net, (x, y), 8, epochs=9, **options).model
    assert_equal_values(model, quant.quantize(model), x)
    assert (model.predict_proba(x) == 0).any()
    net = model.net["integers"]
    leaves = {k: Tensor(v, requires_grad=True) for k, v in net.params.items()}
    y = net.forward(Tensor(model.encode(x)), leaves, None)
    y.backward(np.ones_like(y.data))
    inside = (y.data > 0) & (y.data < (5.99 if isinstance(end, nn.ReLU6) else np.inf))
    np.testing.assert_array_equal(leaves["linear.bias"].grad, inside.sum(axis=0))


def test_a_run_in_integers_learns_what_rounding_to_ternary_weights_has_lost():
    """Pictures of a bar, upright or flat, in noise. The margin is 10 points, of 96 examples."""
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 140, (192, 8, 8), np.uint8), np.arange(192) % 2
    for image, label in zip(x, y, strict=True):
        place = rng.integers(2, 6)
        (image.T if label else image)[place] += 90
    layers = [nn.Conv2d(3, 3), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(2)]
    adam = train.Adam(lr=0.02)
    floats = train.fit(
        nn.Sequential([*layers, nn.Softmax()]), (x, y), epochs=40, optimizer=adam, **QUIET
    ).model
    rounded = quant.quantize(floats, x, weights=2)
    result = quant.finetune(floats, (x, y), 2, epochs=40, optimizer=adam, **QUIET)
    accuracies = [
        measure.measure(engine.Engine(p), (x, y)).accuracy
        for p in (rounded, quant.quantize(result.model))
    ]
    assert accuracies[1] >= accuracies[0] + 0.1
    assert accuracies[1] == measure.measure(result.model, (x, y)).accuracy


def test_the_compiled_step_trains_the_same_bytes_as_the_tape(capsys):
    (tape, _), (compiled, _) = (
        train_in_integers("separable", compiled=False),
        train_in_integers("separable"),
    )
    for path, array in tape.net.params.items():
        np.testing.assert_array_equal(array, compiled.net.params[path], err_msg=path)
    quant.finetune(floats_of("separable"), (IMAGES, LABELS), epochs=1, progress="lines")
    said = capsys.readouterr().err
    assert "compiled step" in said
    assert "tape step" not in said


def test_gradients_of_codes_are_straight_through_and_the_steps_are_lsqs():
    """Oracle: the formulas of Esser et al. for each weight, by itself."""
    w, g = RNG.normal(size=(2, 5)), RNG.normal(size=(2, 5))
    ratio, unit, largest = np.array([1.5, 0.7]), np.array([0.2, 0.1]), 7
    leaves = [Tensor(a, requires_grad=True) for a in (w, ratio)]
    weight_codes(*leaves, unit, largest=largest).backward(g)
    by_w, by_ratio = np.zeros_like(w), np.zeros(2)
    for o in range(2):
        step = ratio[o] * unit[o]
        for i in range(5):
            real, by_real = w[o, i] / step, g[o, i] / step  # the gradient of step * code
            if abs(real) <= largest:
                by_w[o, i] = by_real
                by_step = round(real) - real
            else:
                by_step = np.sign(real) * largest
            by_ratio[o] += by_real * by_step * unit[o]
    np.testing.assert_allclose(leaves[0].grad, by_w, rtol=1e-12)  # another order of products
    np.testing.assert_allclose(leaves[1].grad, by_ratio, rtol=1e-12)


def test_gradients_of_a_requantization_are_those_of_its_real_values():
    """Oracle: loops over the real values s_out * y of each accumulator."""
    x, g = RNG.integers(-90, 90, (4, 2)).astype(float), RNG.normal(size=(4, 2))
    ratio, unit, bias = np.array([1.5, 0.7]), np.array([0.2, 0.1]), np.array([0.3, -0.2])
    in_step, out_unit, out_ratio, to = 0.5, 0.25, np.array([1.25]), Range(0, 20)
    leaves = [Tensor(a, requires_grad=True) for a in (x, bias, out_ratio)]
    y = requantize(
        *leaves, ratio=ratio, unit=unit, in_ratio=np.ones(1), units=(in_step, out_unit), to=to
    )
    y.backward(g)
    out_step = float(out_ratio[0]) * out_unit
    by_x, by_bias, by_ratio = np.zeros_like(x), np.zeros(2), 0.0
    for n in range(4):
        for o in range(2):
            scale = in_step * ratio[o] * unit[o]
            real = (x[n, o] + round(bias[o] / scale)) * scale / out_step
            assert y.data[n, o] == min(max(np.floor(real + 0.5), 0), 20)
            if 0 <= real <= 20:
                by_x[n, o] = g[n, o] * scale / out_step
                by_bias[o] += g[n, o] / out_step
                by_ratio += g[n, o] * (y.data[n, o] - real) / out_ratio[0]
            else:
                by_ratio += g[n, o] * y.data[n, o] / out_ratio[0]
    for leaf, wanted in zip(leaves, (by_x, by_bias, [by_ratio]), strict=True):
        np.testing.assert_allclose(leaf.grad, wanted, rtol=1e-9)  # m has 31 bits


def test_gradients_of_planes_are_those_of_the_op_without_rounding():
    """Oracles: finite differences; of a table the function's values at the bytes beside each."""
    net = quant.Scheme(weights=4).training_model(floats_of("planes"), SIGNALS).net["integers"]
    checked = set()
    for op, n in ((op, op.node.reads[0]) for op in net.ops if op.node.reads != (0,)):
        shape = net.graph.nodes[n].shape
        x = RNG.integers(1, 100, (2, shape.c, shape.h, shape.w)) * RNG.choice([-1.0, 1.0])
        if getattr(op.node, "op", None) in (PReLU, Resize, Slice, Transpose, Upsample):
            gradcheck(lambda x, op=op: _integer_planes.FORMS[op.node.op](op, [x]), x)
            checked.add(op.node.op)
    assert len(checked) == 5
    net = quant.Scheme(weights=4).training_model(floats_of("attention"), IMAGES).net["integers"]
    (op, *_) = (op for op in net.ops if isinstance(op.node, graph.Table))
    source, target = op.quantized.source, op.quantized.target
    codes = np.arange(source.limits[0] + 1, source.limits[1])
    x = Tensor((codes - source.zero).astype(float).reshape(1, 1, 1, -1), requires_grad=True)
    y = _integer_planes.look_up(op, x)
    y.backward(np.ones(x.shape))
    for code, gradient, value in zip(codes, x.grad.ravel(), y.data.ravel(), strict=True):
        below, above = (op.node.function(source.real(code + d)) / target.scale for d in (-1, 1))
        inside = target.limits[0] < value + target.zero < target.limits[1]
        slope = (above - below) / 2 if inside else 0
        assert gradient == pytest.approx(slope, rel=1e-4, abs=1e-5)  # functions in float32


def test_ops_that_cannot_be_trained_in_integers_are_named():
    net = nn.Sequential([nn.MaxPool2d(2), nn.Conv2d(4, 3), nn.Flatten(), nn.Linear(3)])
    encoder = data.ImageEncoder(width=10, height=10)
    model = nn.Model(net.initialize(input_shape=(1, 10, 10)), encoder=encoder)
    with pytest.raises(quant.UnsupportedError, match="pool: it reads pixels and has no weights"):
        quant.finetune(model, (IMAGES, LABELS))


def test_a_task_that_scales_numbers_trains_integers_that_give_the_numbers():
    """Oracle: the spread of the numbers, which a net that gives them scaled would not undercut."""
    x = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    numbers = 500 + x @ np.float32([100, -200, 50])
    task = tasks.Numbers().adapt(numbers)
    net = nn.Sequential({"hidden": nn.Linear(8), "relu": nn.ReLU(), "last": nn.Linear(1)})
    floats = train.fit(
        net, (x, numbers), task=task, epochs=40, optimizer=train.Adam(lr=0.02), progress="none"
    ).model
    assert task.std is not None
    found = quant.finetune(floats, (x, numbers), 4, task=task, epochs=4, progress="none").model
    runners = [engine.Engine(quant.quantize(found)), floats]
    errors = [runner.predict_proba(x)[:, 0] - numbers for runner in runners]
    integers, before = (float(np.sqrt((error**2).mean())) for error in errors)
    assert before < task.std / 2
    assert integers < task.std / 2


def test_a_net_without_values_is_refused():
    with pytest.raises(train.TrainError, match=r"fit\(model, data\) first"):
        train.fit(separable(), (IMAGES, LABELS), quantization=quant.Scheme(weights=4))


@pytest.mark.parametrize("name", ["separable", "attention", "planes"])
def test_a_saved_model_gives_the_same_program_to_the_byte(name, tmp_path):
    model, x = train_in_integers(name, scheme={"conv*": 2, "*": 4})
    model.save(tmp_path / "model.npz")
    loaded = nn.load(tmp_path / "model.npz")
    assert blob.dumps(quant.quantize(loaded)) == blob.dumps(quant.quantize(model))
    np.testing.assert_array_equal(loaded.predict_proba(x), model.predict_proba(x))
    assert loaded.dumps() == model.dumps()
    further = [train.fit(m, (x, LABELS), epochs=1, **QUIET).model for m in (model, loaded)]
    assert further[0].dumps() == further[1].dumps()
    with pytest.raises(nn.ModelFileError, match="float16"):
        model.dumps(half=True)
    assert blob.dumps(quant.quantize(loaded, weights={"conv*": 2, "*": 4})) == blob.dumps(
        quant.quantize(model)
    )
    for weights in (8, 2, {"conv*": 2, "*": 8}, quant.Scheme()):
        with pytest.raises(quant.QuantizationError, match=r"with weights of . bits in .*, not .: "):
            quant.quantize(loaded, weights=weights)
    with pytest.raises(quant.QuantizationError, match="scales of its own, which no calibration"):
        quant.quantize(loaded, x)
    for function in (quant.check_export, lambda m: quant.calibrate(m, x), finetune):
        with pytest.raises(quant.QuantizationError, match="was trained in integers"):
            function(loaded)


@pytest.mark.parametrize(("side", "refused"), [(256, False), (257, True)])
def test_a_mean_whose_sums_float32_rounds_is_refused(side, refused):
    """255 * 256 * 256 is below 2^24 = 16,777,216, and 255 * 257 * 257 = 16,842,495 is not."""
    layers = [nn.Conv2d(1, 1), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Linear(2)]
    net = nn.Sequential(layers).bind((1, side, side)).initialize(0)
    x = RNG.normal(size=(2, 1, side, side)).astype(np.float32)
    if refused:
        with pytest.raises(quant.UnsupportedError, match=r"pool: its sums may exceed 2\^24"):
            quant.Scheme().training_model(nn.Model(net), x)
    else:
        quant.Scheme().training_model(nn.Model(net), x)
