"""Operators of files that become other ops of a program. Oracles: LiteRT and ONNX Runtime, which
run the file, and the C engine, which computes the bytes of the reference.

LiteRT rounds ties in other ways than NUMERICS.md, so a value of one operator may differ by 1.
Float nets differ by the order of sums: 1e-5 of the largest output.
"""

import numpy as np
import pytest
from onnx_files import FORMS, OnnxFile, check_net, normals, quantized
from same_values import check_engine
from tflite_files import TfliteFile, check_floats, check_integers, int8s, litert, windows

from drypoint import engine, interop, nn
from drypoint.program import reference

ZERO = {"scale": 0.04, "zero": -128}


def a_head(kind, form):
    """A convolution, and a dense layer over its cells as Keras writes one."""
    f = TfliteFile((1, 4, 6, 3), kind=kind, scale=0.02, zero=-3)
    at = f.then("CONV_2D", [0, f.drawn(8, 3, 3, 3), f.bias(8)], (1, 4, 6, 8), **ZERO, **windows())
    cells, out = (1, 4, 6, 8), (1, 4, 6, 5)
    if form == "rows of cells":
        cells, out = (24, 8), (24, 5)
        at = f.then("RESHAPE", [at, f.constant(cells)], cells, **ZERO)
    f.then("FULLY_CONNECTED", [at, f.drawn(5, 8), f.bias(5)], out, scale=0.06, zero=4,
           KeepNumDims=form == "plane")  # fmt: skip
    if form == "rows of cells":
        f.then("RESHAPE", [f.at, f.constant([1, 4, 6, 5])], (1, 4, 6, 5), scale=0.06, zero=4)
    return f.bytes()


@pytest.mark.parametrize("form", ["plane", "rows of cells"])
def test_a_dense_layer_over_the_cells_of_a_plane_is_a_convolution_of_1x1(form):
    program = check_integers(a_head("INT8", form))
    assert [op.kind for op in program.ops] == ["conv", "conv"]
    check_floats(a_head("FLOAT32", form))


def reduced(kind, axes, out, floats=False, **steps):
    """A convolution, and what reduces axes of its plane."""
    f = TfliteFile((1, 4, 6, 3), kind="FLOAT32" if floats else "INT8", scale=0.02, zero=-3)
    at = f.then("CONV_2D", [0, f.drawn(8, 3, 3, 3), f.bias(8)], (1, 4, 6, 8), **ZERO, **windows())
    f.then(kind, [at, f.constant(axes)], out, **(steps or ZERO), KeepDims=len(out) == 4)
    return f.bytes()


REDUCTIONS = [([1, 2], (1, 8)), ([1, 2], (1, 1, 1, 8)), ([1], (1, 1, 6, 8)), ([-2], (1, 4, 8))]


@pytest.mark.parametrize(("axes", "out"), REDUCTIONS)
@pytest.mark.parametrize("kind", ["MEAN", "REDUCE_MAX"])
def test_reductions_over_rows_and_columns(kind, axes, out):
    check_integers(reduced(kind, axes, out))
    check_floats(reduced(kind, axes, out, floats=True))


def test_reductions_over_channels_and_to_other_steps_are_refused():
    with pytest.raises(interop.TfliteError, match="goes over the channels of"):
        interop.program_from_tflite(reduced("REDUCE_MAX", [3], (1, 4, 6)))
    with pytest.raises(interop.TfliteError, match="another scale or zero point than its input"):
        interop.program_from_tflite(reduced("REDUCE_MAX", [1, 2], (1, 8), scale=0.5, zero=3))


@pytest.mark.parametrize("kind", ["INT8", "FLOAT32"])
def test_channels_of_zeros_are_copied_exactly(kind):
    """As face and landmark nets widen a residual. LiteRT computes equal bytes but for the sum."""
    f = TfliteFile((1, 4, 6, 3), kind=kind, scale=0.02, zero=-3)
    steps = {"scale": 0.02, "zero": -3}
    pads = f.constant([[0, 0], [0, 0], [0, 0], [1, 4]])
    at = f.then("PAD", [0, pads], (1, 4, 6, 8), **steps)
    copied = f.bytes()
    right = f.then("CONV_2D", [0, f.drawn(8, 3, 3, 3), f.bias(8)], (1, 4, 6, 8), **ZERO,
                   **windows())  # fmt: skip
    f.then("ADD", [at, right], (1, 4, 6, 8), scale=0.05, zero=9)
    if kind == "FLOAT32":
        check_floats(f.bytes())
        return
    check_integers(f.bytes())
    x = int8s((4, 6, 3))
    outputs = reference.run(interop.program_from_tflite(copied), x)
    assert (outputs.ravel() == litert(copied, x).ravel()).all()


@pytest.mark.parametrize("kind", ["INT8", "FLOAT32"])
def test_zeros_around_rows_columns_and_channels_at_once(kind):
    f = TfliteFile((1, 4, 6, 3), kind=kind, scale=0.02, zero=-3)
    pads = f.constant([[0, 0], [1, 0], [0, 2], [1, 4]])
    at = f.then("PAD", [0, pads], (1, 5, 8, 8), scale=0.02, zero=-3)
    f.then("CONV_2D", [at, f.drawn(8, 3, 3, 8), f.bias(8)], (1, 5, 8, 8), **ZERO, **windows())
    (check_integers if kind == "INT8" else check_floats)(f.bytes())


@pytest.mark.parametrize("kind", ["INT8", "FLOAT32"])
def test_an_input_with_its_channels_first_is_an_image(kind):
    """Oracle: the file that takes the channels last."""
    files = []
    for first in (True, False):
        f = TfliteFile((1, 3, 4, 6) if first else (1, 4, 6, 3), kind=kind, scale=0.02, zero=-3)
        at = 0
        if first:
            at = f.then("TRANSPOSE", [0, f.constant([0, 2, 3, 1])], (1, 4, 6, 3), scale=0.02,
                        zero=-3)  # fmt: skip
        f.then("CONV_2D", [at, f.drawn(8, 3, 3, 3), f.bias(8)], (1, 4, 6, 8), **ZERO, **windows())
        files.append(f.bytes())
    if kind == "FLOAT32":
        x = np.random.default_rng(1).normal(0, 1, (3, 3, 4, 6)).astype(np.float32)
        nets = [interop.from_tflite(content) for content in files]
        assert (nets[0](x) == nets[1](x)).all()
        return
    x = int8s((4, 6, 3))
    runs = [reference.run(interop.program_from_tflite(content), x) for content in files]
    assert (runs[0] == runs[1]).all()
    assert np.abs(runs[0].ravel() - litert(files[0], x.transpose(0, 3, 1, 2)).ravel()).max() <= 1


@pytest.mark.parametrize(
    "axes", [(0, 2, 1, 3), (0, 3, 1, 2), (0, 2, 3, 1), (0, 1, 3, 2), (0, 3, 2, 1)]
)
def test_the_axes_of_a_plane_move_exactly(axes):
    """Oracle: LiteRT, of which integers that move are equal, and floats of one convolution."""
    for kind in ("INT8", "FLOAT32"):
        shape = (1, 4, 6, 3)
        f = TfliteFile(shape, kind=kind, scale=0.02, zero=-3)
        at = 0
        if kind == "FLOAT32":
            at = f.then("CONV_2D", [0, f.drawn(3, 1, 1, 3), f.bias(3)], shape, **ZERO, **windows())
        else:
            at = f.then("MAX_POOL_2D", [0], shape, scale=0.02, zero=-3, **windows((1, 1)))
        made = tuple(shape[axis] for axis in axes)
        f.then("TRANSPOSE", [at, f.constant(axes)], made, scale=0.02, zero=-3)
        if kind == "INT8":
            x = int8s(shape[1:])
            program = interop.program_from_tflite(f.bytes())
            assert "transpose" in [op.kind for op in program.ops]
            assert (reference.run(program, x).ravel() == litert(f.bytes(), x).ravel()).all()
            continue
        net = interop.from_tflite(f.bytes())
        x = np.random.default_rng(1).normal(0, 1, (3, 3, 4, 6)).astype(np.float32)
        wanted = litert(f.bytes(), x.transpose(0, 2, 3, 1)).reshape(3, *made[1:])
        assert np.abs(net(x).transpose(0, 2, 3, 1) - wanted).max() <= 1e-5


@pytest.mark.parametrize("form", FORMS)
def test_a_product_over_the_channels_of_an_onnx_plane_is_a_convolution_of_1x1(form):
    """As tf2onnx writes a Keras Dense over a plane: Transpose, MatMul, Add. Oracles: ONNX
    Runtime for the float net, the engine for the program.
    """
    f = OnnxFile((3, 4, 6))
    f.then("Conv", f.drawn(8, 3, 3, 3), pads=[1, 1, 1, 1]).then("Relu")
    f.then("Transpose", perm=[0, 2, 3, 1]).then("MatMul", f.drawn(8, 5)).then("Add", f.drawn(5))
    check_net(f.bytes(), (3, 4, 6))
    program = interop.program_from_onnx(quantized(f.bytes(), (3, 4, 6), form))
    # The file has the sum with the bias in steps of its own: a convolution of each channel.
    assert [op.kind for op in program.ops] == ["conv", "conv", "depthwise"]
    check_engine(program, program.integers(normals((3, 4, 6))))


def a_kink(kind, slopes, *, swapped=False, half=False):
    """A convolution, and the larger one of it and its multiples, as a converter writes a PReLU."""
    same = {"scale": 0.04, "zero": -12}
    f = TfliteFile((1, 4, 6, 3), kind=kind, scale=0.02, zero=-3)
    at = f.then("CONV_2D", [0, f.drawn(4, 3, 3, 3), f.bias(4)], (1, 4, 6, 4), **same, **windows())
    if kind == "INT8":
        factors = f.constant(np.rint(np.divide(slopes, 0.01)), "INT8", scale=[0.01])
    else:
        factors = f.constant(slopes, "FLOAT16" if half else "FLOAT32")
    if half:
        factors = f.then("DEQUANTIZE", [factors], (4,))
    less = f.then("MUL", [at, factors], (1, 4, 6, 4), **same)
    f.then("MAXIMUM", [less, at] if swapped else [at, less], (1, 4, 6, 4), **same)
    return f.bytes()


@pytest.mark.parametrize("swapped", [False, True])
def test_the_larger_one_of_a_plane_and_its_multiple_is_a_prelu(swapped):
    slopes = [0.25, -0.5, 1.0, 0.0]
    for half in (False, True):
        net = check_floats(a_kink("FLOAT32", slopes, swapped=swapped, half=half))
        assert [type(layer) for layer in net.layers.values()] == [nn.Conv2d, nn.PReLU]
    program = check_integers(a_kink("INT8", slopes, swapped=swapped))
    assert [op.kind for op in program.ops] == ["conv", "prelu"]
    with pytest.raises(interop.TfliteError, match="a slope above 1: no PReLU does"):
        interop.from_tflite(a_kink("FLOAT32", [0.25, 1.5, 0, 0]))


@pytest.mark.parametrize("zero", [0, 110, 127, 128])
def test_weights_of_uint8_are_read_where_they_are_8_bits_from_their_zero_point(zero):
    f = TfliteFile((1, 4, 6, 3), kind="UINT8", scale=0.02, zero=120)
    low, high = max(0, zero - 127), min(255, zero + 127)
    weight = f.rng.integers(low, high + 1, (4, 3, 3, 3))
    weight.ravel()[:2] = low, high
    bias = f.constant(f.rng.integers(-900, 900, 4), scale=[0.02 * 0.005])
    kernel = f.constant(weight, "UINT8", scale=[0.005], zero=zero)
    f.then("CONV_2D", [0, kernel, bias], (1, 4, 6, 4), scale=0.05, zero=117, **windows())
    x = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3)).astype(np.uint8)
    program = interop.program_from_tflite(f.bytes())
    found = engine.Engine(program).run((x - 128).view(np.int8)).reshape(5, -1)
    off = np.abs(found - litert(f.bytes(), x))
    assert off.max() <= 1
    assert (off > 0).mean() < 0.05


def test_weights_beyond_8_bits_from_their_zero_point_are_refused_by_the_layer():
    for kind, zero, low, high in (("UINT8", 100, 0, 255), ("INT8", 9, -127, 127)):
        f = TfliteFile((1, 5), kind=kind, scale=0.02, zero=0)
        weight = np.array([[low, high, 0, 1, 2]] * 3)
        kernel = f.constant(weight, kind, scale=[0.005], zero=zero)
        f.then("FULLY_CONNECTED", [0, kernel, f.bias(3)], (1, 3), scale=0.05, zero=3)
        message = (
            f"FULLY_CONNECTED .*has weights that lie {low - zero} to {high - zero} from their zero"
        )
        with pytest.raises(interop.TfliteError, match=message):
            interop.program_from_tflite(f.bytes())
