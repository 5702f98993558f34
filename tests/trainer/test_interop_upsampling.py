"""Files whose planes grow: transposed convolutions, repeated pixels, pixel shuffles.

Oracles: ONNX Runtime and LiteRT, which run the same files, and PyTorch and Keras. Float sums of at
most some hundred products are taken in another order: 1e-5 of the largest output is far above that.
Integer kernels round in other ways: a byte of one op may differ by 1.
"""

import itertools

import numpy as np
import pytest
from onnx_files import (
    FORMS,
    OnnxFile,
    check_net,
    check_quantized,
    normals,
    onnx_runtime,
    qdq,
    quantized,
)
from same_values import check_close
from tflite_files import TfliteFile, check_floats, check_integers, litert

from drypoint import interop, nn, quant
from drypoint.common import DrypointError
from drypoint.program import Conv, Upsample, reference


def test_transposed_convolutions_of_every_form():
    for kernel, stride, more in itertools.product(([3, 3], [2, 4]), ([2, 2], [1, 3]), (0, 1)):
        f = OnnxFile((3, 4, 5), opset=17)
        options = {"pads": [1, 0, 0, 1], "output_padding": [0, more * (stride[1] > 1)]}
        f.then("ConvTranspose", f.drawn(3, 2, *kernel), f.drawn(2), strides=stride, **options)
        assert [type(layer) for layer in check_net(f.bytes(), (3, 4, 5))] == [nn.ConvTranspose2d]
    for options in (
        {"auto_pad": "SAME_UPPER"}, {"auto_pad": "SAME_LOWER"}, {"output_shape": [9, 11]},
        {"output_shape": [8, 10], "auto_pad": "SAME_LOWER"}, {"output_shape": [7, 10]},
    ):  # fmt: skip
        f = OnnxFile((3, 4, 5), opset=17)
        f.then("ConvTranspose", f.drawn(3, 2, 3, 4), strides=[2, 2], **options)
        check_net(f.bytes(), (3, 4, 5))


def test_transposed_convolutions_in_groups_and_of_signals():
    f = OnnxFile((4, 4, 5), opset=17)
    f.then("ConvTranspose", f.drawn(4, 3, 3, 3), f.drawn(6), group=2, strides=[2, 2])
    assert check_net(f.bytes(), (4, 4, 5)).output_shape((4, 4, 5)) == (6, 9, 11)
    f = OnnxFile((3, 8), opset=17)
    f.then("Conv", f.drawn(4, 3, 3)).then("Relu")
    f.then("ConvTranspose", f.drawn(4, 2, 4), strides=[2], pads=[1, 1])
    check_net(f.bytes(), (3, 8))


def test_resizing_that_repeats_pixels_by_any_formula_of_coordinates():
    """Whatever the formula: it is read where it repeats each pixel, and then exactly."""
    read = 0
    modes = (
        "half_pixel",
        "asymmetric",
        "pytorch_half_pixel",
        "align_corners",
        "half_pixel_symmetric",
    )
    roundings = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    for mode, rounding, scale in itertools.product(modes, roundings, (1.0, 2.0, 3.0, 2.5)):
        f = OnnxFile((2, 3, 4), opset=19)
        scales = f.constant(np.array([1, 1, scale, 2], np.float32))
        how = {"coordinate_transformation_mode": mode, "nearest_mode": rounding}
        content = f.then("Resize", "", scales, mode="nearest", **how).bytes()
        try:
            net = interop.from_onnx(content)
        except interop.OnnxError as error:
            assert "ours repeats each pixel: use a whole factor" in str(error)
            continue
        x = normals((2, 3, 4), 2)
        assert (net(x) == onnx_runtime(content, x)).all(), (mode, rounding, scale)
        read += 1
    assert read > 20


def test_sizes_of_resizing_and_the_operator_before_it():
    f = OnnxFile((2, 3, 4), opset=18)
    check_net(f.then("Resize", "", "", f.ints(1, 2, 6, 4), mode="nearest").bytes(), (2, 3, 4))
    f = OnnxFile((2, 3, 4), opset=18)
    scales = f.constant(np.array([2, 3], np.float32))
    f.then("Resize", "", scales, mode="nearest", axes=[2, 3])
    check_net(f.bytes(), (2, 3, 4))
    f = OnnxFile((2, 3, 4), opset=9)
    scales = f.constant(np.array([1, 1, 2, 3], np.float32))
    check_net(f.then("Upsample", scales, mode="nearest").bytes(), (2, 3, 4))
    f = OnnxFile((2, 3, 4), opset=18)
    scales = f.constant(np.ones(4, np.float32))
    f.then("Resize", "", scales, mode="linear").then("Relu")
    assert [type(layer) for layer in check_net(f.bytes(), (2, 3, 4))] == [nn.ReLU]


@pytest.mark.parametrize(
    "mode", ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"]
)
def test_interpolation_by_every_rule_for_coordinates(mode):
    """Oracle: ONNX Runtime; interpolated sums of float32 differ by some roundings."""
    for size in ((6, 8), (7, 3), (2, 9)):
        f = OnnxFile((2, 3, 4), opset=18)
        f.then(
            "Resize", "", "", f.ints(1, 2, *size), mode="linear",
            coordinate_transformation_mode=mode,
        )  # fmt: skip
        assert [type(layer) for layer in check_net(f.bytes(), (2, 3, 4))] == [nn.Resize]


def test_depth_to_space_in_both_orders():
    for mode in ("DCR", "CRD"):
        f = OnnxFile((8, 3, 4), opset=17)
        f.then("DepthToSpace", blocksize=2, mode=mode)
        check_net(f.bytes(), (8, 3, 4), tolerance=0)


def resized(f, *scales, **options):
    return f.then("Resize", "", f.constant(scales), mode=options.get("mode", "nearest"))


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (
            lambda f: f.then("ConvTranspose", f.drawn(2, 2, 2, 2), dilations=[2, 2]),
            "gaps in its kernel",
        ),
        (
            lambda f: f.then("ConvTranspose", f.drawn(3, 2, 2, 2)),
            r"has a weight \(3, 2, 2, 2\) for",
        ),
        (
            lambda f: f.then("ConvTranspose", f.drawn(2, 2, 2, 2), pads=[2, 0, 0, 0]),
            "padding below",
        ),
        (lambda f: f.then("DepthToSpace", blocksize=2), r"wants 4 \* O channels"),
        (lambda f: resized(f, 1, 1, 2, 2, mode="cubic"), "by mode 'cubic' and coordinates"),
        (lambda f: resized(f, 1, 1, 1.4, 2, mode="linear"), "make no whole number of pixels"),
        (lambda f: resized(f, 1, 2, 1, 1, mode="linear"), "interpolates channels"),
        (lambda f: resized(f, 1, 2, 1, 1), "repeats channels"),
        (lambda f: resized(f, 1, 1), "2 scales for 4 axes"),
    ],
)
def test_what_is_not_read_says_why(build, text):
    f = OnnxFile((2, 6, 6), opset=17)
    build(f)
    with pytest.raises(interop.OnnxError, match=text):
        interop.from_onnx(f.bytes())


def decoder():
    """An hour-glass: two strides down, a transposed convolution, repeated pixels, a skip."""
    f = OnnxFile((2, 8, 8), opset=17)
    pads = {"pads": [1, 1, 1, 1]}
    skip = f.then("Conv", f.drawn(4, 2, 3, 3), f.drawn(4), strides=[2, 2], **pads).then("Relu").at
    f.then("Conv", f.drawn(6, 4, 3, 3), f.drawn(6), strides=[2, 2], **pads).then("Relu")
    f.then("ConvTranspose", f.drawn(6, 4, 3, 3), f.drawn(4), strides=[2, 2], output_padding=[1, 1],
           **pads)  # fmt: skip
    f.then("Relu")
    f.of("Add", f.at, skip)
    scales = f.constant(np.array([1, 1, 2, 2], np.float32))
    how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    f.then("Resize", "", scales, mode="nearest", **how)
    return f.then("Conv", f.drawn(3, 4, 3, 3), f.drawn(3), **pads)


def shuffled(mode):
    f = OnnxFile((2, 6, 6), opset=17)
    f.then("Conv", f.drawn(12, 2, 3, 3), f.drawn(12)).then("DepthToSpace", blocksize=2, mode=mode)
    return f.then("Conv", f.drawn(3, 3, 3, 3), f.drawn(3))


@pytest.mark.parametrize(
    ("build", "form"),
    [
        *((decoder, form) for form in FORMS[:2]),  # QOperator has no transposed convolution
        *((lambda mode=mode: shuffled(mode), form) for form in FORMS for mode in ("CRD", "DCR")),
    ],
)
def test_a_file_of_a_decoder_computes_what_onnx_runtime_computes(build, form):
    f = build()
    shape = tuple(f.shape)
    check_quantized(quantized(f.bytes(), shape, form), shape)


def test_a_shuffle_in_pytorchs_order_costs_nothing_in_integers():
    """The convolution before it gets its channels in the engine's order."""
    programs = [
        interop.program_from_onnx(quantized(shuffled(mode).bytes(), (2, 6, 6), FORMS[0]))
        for mode in ("CRD", "DCR")
    ]
    for program in programs:
        assert [type(op) for op in program.ops] == [Conv, Upsample, Conv]
    order = [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]
    assert (programs[0].ops[0].weight == programs[1].ops[0].weight[order]).all()


def windows(padding, stride):
    return {"Padding": padding, "StrideH": stride[0], "StrideW": stride[1]}


def transposed(kind, kernel, stride, padding, size):
    f = TfliteFile((1, 4, 5, 3), kind=kind, scale=0.02, zero=-3)
    made = (1, *size, 2)
    inputs = [f.constant(made), f.drawn(2, *kernel, 3), 0, f.bias(2)]
    f.then("TRANSPOSE_CONV", inputs, made, scale=0.04, zero=5, **windows(padding, stride))
    return f.bytes()


def grown(kind, operator, made, **options):
    f = TfliteFile((1, 4, 5, 8), kind=kind, scale=0.02, zero=-3)
    size = [f.constant(made[1:3])] if operator.startswith("RESIZE") else []
    at = f.then(operator, [0, *size], made, scale=0.02, zero=-3, **options)
    c = made[3]
    more = {"DilationHFactor": 1, "DilationWFactor": 1, **windows("SAME", (1, 1))}
    f.then(
        "CONV_2D", [at, f.drawn(2, 3, 3, c), f.bias(2)], (*made[:3], 2), scale=0.04, zero=5, **more
    )
    return f.bytes()


def files(kind):
    yield transposed(kind, (3, 3), (2, 2), "SAME", (8, 10))
    yield transposed(kind, (3, 3), (2, 2), "SAME", (7, 9))
    yield transposed(kind, (4, 2), (2, 3), "SAME", (8, 15))
    yield transposed(kind, (2, 3), (2, 1), "VALID", (8, 7))
    yield transposed(kind, (3, 5), (1, 2), "VALID", (6, 13))
    yield transposed(kind, (3, 3), (1, 1), "SAME", (4, 5))
    nearest = {"AlignCorners": False, "HalfPixelCenters": False}
    yield grown(kind, "RESIZE_NEAREST_NEIGHBOR", (1, 8, 15, 8), **nearest)
    yield grown(
        kind, "RESIZE_NEAREST_NEIGHBOR", (1, 8, 10, 8), **nearest | {"HalfPixelCenters": True}
    )
    yield grown(kind, "RESIZE_NEAREST_NEIGHBOR", (1, 8, 10, 8), **nearest | {"AlignCorners": True})
    yield grown(kind, "DEPTH_TO_SPACE", (1, 8, 10, 2), BlockSize=2)


def test_tensorflow_lite_files_of_integers_and_of_floats():
    for content in files("INT8"):
        check_integers(content, 0.02)
        assert interop.rounding_report(content).ops
    for content in files("FLOAT32"):
        check_floats(content)


def interpolated(kind, made, **options):
    f = TfliteFile((1, 4, 5, 8), kind=kind, scale=0.02, zero=-3)
    size = f.constant(made[1:3])
    f.then("RESIZE_BILINEAR", [0, size], made, scale=0.02, zero=-3, **options)
    return f.bytes()


@pytest.mark.parametrize(("corners", "half"), [(False, False), (True, False), (False, True)])
def test_tensorflow_lite_files_that_interpolate(corners, half):
    """Oracle: LiteRT, whose weights have 10 or 11 bits, so that some bytes differ by 1; the
    rounding report counts them. Sums of float32 differ by some roundings.
    """
    options = {"AlignCorners": corners, "HalfPixelCenters": half}
    for made in ((1, 8, 10, 8), (1, 3, 9, 8)):
        content = interpolated("INT8", made, **options)
        assert [op.kind for op in check_integers(content, 0.1).ops] == ["resize"]
        (line,) = interop.rounding_report(content).ops
        assert line.most <= 1
        assert 0 < line.differing < line.reachable
        check_floats(interpolated("FLOAT32", made, **options))


def sliced(begin, size, made):
    """A part of a plane of 8 x 10 x 8, whose pixels are repeated."""
    f = TfliteFile((1, 4, 5, 8), scale=0.02, zero=-3)
    f.then("RESIZE_NEAREST_NEIGHBOR", [0, f.constant([8, 10])], (1, 8, 10, 8), scale=0.02, zero=-3,
           AlignCorners=False, HalfPixelCenters=False)  # fmt: skip
    f.then("SLICE", [f.at, f.constant(begin), f.constant(size)], made, scale=0.02, zero=-3)
    weights = f.drawn(2, 1, 1, 8), f.bias(2)
    f.then(
        "CONV_2D", [f.at, *weights], (*made[:3], 2), scale=0.1, zero=0, **windows("VALID", (1, 1))
    )
    return f.bytes()


def test_a_slice_behind_an_upsampling_is_its_padding():
    """`to_tflite` writes it. Oracle: LiteRT."""
    content = sliced([0, 1, 0, 0], [1, 6, -1, 8], (1, 6, 10, 8))
    assert [(op.kind, op.padding) for op in check_integers(content).ops] == [
        ("upsample", (1, 0, 1, 0)),
        ("conv", (0, 0, 0, 0)),
    ]
    for begin, size, made, text in (
        ([0, 1, 0, 0], [1, 8, 10, 8], (1, 8, 10, 8), "a part of 8x10x8 that is not in it"),
        ([0, -1, 0, 0], [1, 8, 10, 8], (1, 8, 10, 8), r"from \[0, -1, 0, 0\] by"),
        ([1, 0, 0, 4], [0, 8, 10, 4], (1, 8, 10, 4), "takes the examples 1 to 1 of a batch"),
        ([0, 0], [1, 8], (1, 8, 10, 8), r"has an input 1 of \[2\] for 4 numbers"),
    ):
        with pytest.raises(DrypointError, match=text):
            interop.program_from_tflite(sliced(begin, size, made))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (grown("INT8", "RESIZE_NEAREST_NEIGHBOR", (1, 6, 10, 8)), "use a whole factor"),
        (
            grown("INT8", "RESIZE_NEAREST_NEIGHBOR", (1, 12, 15, 8), AlignCorners=True),
            "resizes 4 to 12 pixels; ours repeats each pixel",
        ),
        (
            grown(
                "INT8", "RESIZE_BILINEAR", (1, 8, 10, 8), AlignCorners=True, HalfPixelCenters=True
            ),
            "aligns corners, and centers too",
        ),
        (grown("INT8", "DEPTH_TO_SPACE", (1, 8, 10, 4), BlockSize=2), "the file says 8x10x4"),
        (transposed("INT8", (2, 3), (2, 1), "VALID", (14, 7)), "output_padding below its stride"),
    ],
)
def test_tensorflow_lite_files_that_are_not_read(content, text):
    for read in (interop.program_from_tflite, interop.from_tflite):
        with pytest.raises(DrypointError, match=text):
            read(content)


def test_a_block_of_one_pixel_still_changes_the_steps():
    """A shuffle by 1 whose output has another scale is a table. Oracle: ONNX Runtime, which rounds
    halves to even as the table does. LiteRT's resizing by 1 keeps the scale, and is no op.
    """
    f = OnnxFile((4, 2, 2))
    x = qdq(f, "input", 0.5, 3)  # powers of 2: exact in ONNX Runtime's float32
    f.at = qdq(f, f.of("DepthToSpace", x, blocksize=1, mode="CRD"), 1.0, -20)
    program = interop.program_from_onnx(f.bytes())
    assert [op.kind for op in program.ops] == ["lookup"]
    x = 20 * normals((4, 2, 2), 9)
    wanted = onnx_runtime(f.bytes(), x, plain=True)
    found = reference.run(program, program.integers(x)).reshape(9, 2, 2, 4).transpose(0, 3, 1, 2)
    assert np.array_equal(found, np.rint(wanted / program.output_scale))
    options = {"AlignCorners": False, "HalfPixelCenters": False}
    content = grown("INT8", "RESIZE_NEAREST_NEIGHBOR", (1, 4, 5, 8), **options)
    assert [op.kind for op in check_integers(content).ops] == ["conv"]


def a_net():
    layers = [
        nn.Conv2d(4, 3, stride=2, padding=1), nn.ConvTranspose2d(8, 2, stride=2), nn.ReLU(),
        nn.PixelShuffle(2), nn.Upsample((1, 2)), nn.ConvTranspose2d(3, 3, stride=2, padding="same"),
        nn.ConvTranspose2d(2, 2, stride=3, padding="same"), nn.Conv2d(2, 1),
    ]  # fmt: skip
    return nn.Sequential(layers, input_shape=(2, 6, 4)).initialize(0)


def test_programs_are_written_for_the_other_runtimes():
    pytest.importorskip("ai_edge_litert")  # to_tflite writes with its schema
    net, x = a_net(), normals((2, 6, 4), 50)
    program = quant.quantize(net, quant.calibrate(net, x))
    integers = program.integers(x)
    ours = reference.run(program, integers)
    content = interop.to_tflite(program, outputs=ours)
    theirs = litert(content, integers)
    steps = np.abs(ours / np.abs(ours).max() * 120 - theirs)
    assert np.median(steps) < 1  # the file's output has 8 bits, and each op may add a step
    assert steps.max() < 8
    content = interop.to_onnx(program, outputs=ours)
    first = integers.transpose(0, 3, 1, 2).view(np.uint8) ^ np.uint8(128)
    theirs = onnx_runtime(content, first, plain=True).astype(int) - 128
    steps = np.abs(ours / np.abs(ours).max() * 120 - theirs)
    assert np.median(steps) < 1
    assert steps.max() < 8


@pytest.mark.filterwarnings("ignore")  # of PyTorch about itself
def test_pytorch_modules():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    t = torch.nn
    small = t.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1)
    signal = t.ConvTranspose1d(4, 3, 4, stride=2, padding=1)
    for layers, shape in (
        ([t.Conv2d(1, 4, 3), small, t.BatchNorm2d(3), t.Upsample(scale_factor=2)], (1, 6, 8)),
        ([t.Conv2d(1, 8, 3), t.PixelShuffle(2), t.Sigmoid()], (1, 6, 8)),
        ([t.Conv1d(2, 4, 3), signal, t.Upsample(scale_factor=3)], (2, 12)),
    ):
        module = t.Sequential(*layers).eval()
        x = torch.from_numpy(normals(shape, 3))
        wanted = module(x).detach().numpy()
        net = interop.from_torch(module, x[:1])
        check_close(net(x.numpy().reshape(3, *net.input_shape)), wanted)


@pytest.mark.filterwarnings("ignore")  # of Keras and its backend about themselves
def test_keras_layers(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    layers = keras.layers
    for k, s, padding, more in itertools.product(
        (2, 3, 4, 5), (1, 2, 3), ("same", "valid"), (None, 0, 1)
    ):
        if more is not None and (s < 2 or more >= s or padding == "valid"):
            continue
        model = keras.Sequential([
            keras.Input((4, 5, 2)),
            layers.Conv2DTranspose(3, k, strides=s, padding=padding, output_padding=more),
            layers.UpSampling2D((1, 2)),
        ])  # fmt: skip
        x = normals((4, 5, 2), 2)
        wanted = np.asarray(model(x).detach())
        got = interop.from_keras(model)(x.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
        assert got.shape == wanted.shape
        assert np.abs(got - wanted).max() <= 1e-5 * np.abs(wanted).max(), (k, s, padding, more)
