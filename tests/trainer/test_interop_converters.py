"""Layers that TensorFlow's converter writes as several operators, and planes that are joined to
other planes. Oracles: LiteRT and ONNX Runtime, which run the file, and the C engine.
"""

import numpy as np
import pytest
import tflite
from onnx_files import FORMS, OnnxFile, as_ours, check_net, normals, onnx_runtime, quantized
from same_values import check_integers_of
from tflite_files import (
    TfliteFile,
    a_dilation,
    check_floats,
    check_integers,
    windows,
)

from drypoint import interop
from drypoint.program import reference

STEPS = {"scale": 0.04, "zero": 3}
KINDS = ["INT8", "FLOAT32"]


def check(content, kind):
    """A program or a net of a file; the kinds of a program's ops."""
    if kind == "FLOAT32":
        check_floats(content)
        return None
    return [op.kind for op in check_integers(content).ops]


@pytest.mark.parametrize("kind", KINDS)
def test_a_convolution_of_phases_is_dilated(kind):
    assert check(a_dilation(kind, ((0, 1), (0, 0))), kind) in (None, ["conv"])
    f = TfliteFile((1, 16, 4), kind=kind, scale=0.02, zero=-3)
    two, none = f.constant([2]), f.constant([[0, 0]])
    quantized_input = {"scale": 0.02, "zero": -3}
    at = f.then("PAD", [0, f.constant([[0, 0], [4, 0], [0, 0]])], (1, 20, 4), **quantized_input)
    at = f.then("SPACE_TO_BATCH_ND", [at, two, none], (1, 10, 4), **quantized_input)
    at = f.then("EXPAND_DIMS", [at, f.constant(-3)], (1, 1, 10, 4), **quantized_input)
    valid = windows(padding="VALID", DilationHFactor=1, DilationWFactor=1)
    at = f.then("CONV_2D", [at, f.drawn(5, 1, 3, 4), f.bias(5)], (1, 1, 8, 5), **STEPS, **valid)
    at = f.then("RESHAPE", [at, f.constant([-1, 8, 5])], (1, 8, 5), **STEPS)
    f.then("BATCH_TO_SPACE_ND", [at, two, none], (1, 16, 5), **STEPS)
    content = f.bytes()
    if kind == "INT8":
        (conv,) = check_integers(content).ops
        assert (conv.dilation, conv.padding) == ((1, 2), (0, 4, 0, 0))
        return
    check_floats(content)


@pytest.mark.parametrize(
    "changes",
    [
        {"crops": ((3, 0), (0, 0))},
        {"block": (2, 2)},
        {"block": (2, 0)},
        {"block": (2, 2, 2)},
        {"weights": (5, 4, 3, 4)},
        {"weights": (5, 3, 12)},
    ],
)
def test_phases_of_other_sizes_are_refused(changes):
    with pytest.raises(
        interop.TfliteError, match=r"operator 0 SPACE_TO_BATCH_ND, .* has no counterpart"
    ):
        interop.program_from_tflite(a_dilation("INT8", **changes))


def shuffled(kind, order=(0, 1, 2, 4, 3), parts=(1, 4, 6, 3, 4)):
    f = TfliteFile((1, 4, 6, 12), kind=kind, scale=0.02, zero=-3)
    steps = {"scale": 0.02, "zero": -3}
    at = f.then("RESHAPE", [0, f.constant(parts)], parts, **steps)
    moved = tuple(parts[axis] for axis in order)
    at = f.then("TRANSPOSE", [at, f.constant(order)], moved, **steps)
    at = f.then("RESHAPE", [at, f.constant([1, 4, 6, 12])], (1, 4, 6, 12), **steps)
    by_channel = windows(DepthMultiplier=1, DilationHFactor=1, DilationWFactor=1)
    f.then("DEPTHWISE_CONV_2D", [at, f.drawn(1, 3, 3, 12, axis=3), f.bias(12)], (1, 4, 6, 12),
           **STEPS, **by_channel)  # fmt: skip
    return f.bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_five_axes_shuffle_channels(kind):
    check(shuffled(kind), kind)


def test_five_axes_of_another_order_are_refused():
    with pytest.raises(interop.TfliteError, match=r"RESHAPE has a tensor \[1, 4, 6, 3, 4\]"):
        interop.program_from_tflite(shuffled("INT8", order=(0, 2, 1, 3, 4)))


@pytest.mark.parametrize("kind", KINDS)
def test_tiles_of_five_axes_repeat_rows_and_columns(kind):
    f = TfliteFile((1, 4, 6, 3), kind=kind, scale=0.02, zero=-3)
    steps = {"scale": 0.02, "zero": -3}
    at = f.then("EXPAND_DIMS", [0, f.constant(2)], (1, 4, 1, 6, 3), **steps)
    at = f.then("TILE", [at, f.constant([1, 1, 2, 1, 1])], (1, 4, 2, 6, 3), **steps)
    at = f.then("RESHAPE", [at, f.constant([1, 8, 6, 3])], (1, 8, 6, 3), **steps)
    at = f.then("EXPAND_DIMS", [at, f.constant(3)], (1, 8, 6, 1, 3), **steps)
    at = f.then("TILE", [at, f.constant([1, 1, 1, 3, 1])], (1, 8, 6, 3, 3), **steps)
    at = f.then("RESHAPE", [at, f.constant([1, 8, 18, 3])], (1, 8, 18, 3), **steps)
    valid = windows(padding="VALID", DilationHFactor=1, DilationWFactor=1)
    f.then("CONV_2D", [at, f.drawn(5, 3, 3, 3), f.bias(5)], (1, 6, 16, 5), **STEPS, **valid)
    found = check(f.bytes(), kind)
    assert found in (None, ["upsample", "upsample", "conv"])


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_that_a_file_computes_of_an_open_batch(kind):
    """A dense layer over the cells of a plane, as Keras 3 has it: the file's shapes say 1 for the
    number of cells, and for all after it.
    """
    f = TfliteFile((1, 4, 6, 3), kind=kind, scale=0.02, zero=-3)
    whole = {"type": "INT32", "scale": None}
    at = f.then("CONV_2D", [0, f.drawn(8, 3, 3, 3), f.bias(8)], (1, 4, 6, 8), scale=0.04,
                zero=-128, **windows(DilationHFactor=1, DilationWFactor=1))  # fmt: skip
    size = f.then("SHAPE", [at], (4,), **whole, OutType=tflite.TensorType.INT32)
    first = f.then("GATHER", [size, f.constant([0, 1, 2])], (3,), **whole)
    cells = f.then("REDUCE_PROD", [first, f.constant([0])], (), **whole)
    last = f.then("STRIDED_SLICE", [size, *map(f.constant, ([3], [4], [1]))], (), **whole,
                  ShrinkAxisMask=1)  # fmt: skip
    rows = f.then("PACK", [cells, last], (2,), **whole, ValuesCount=2)
    after = f.then("CONCATENATION", [first, f.constant([5])], (4,), **whole, Axis=0)
    at = f.then("RESHAPE", [at, rows], (1, 8), scale=0.04, zero=-128)
    at = f.then("FULLY_CONNECTED", [at, f.drawn(5, 8), f.bias(5)], (1, 5), scale=0.06, zero=4)
    at = f.then("RESHAPE", [at, after], (1, 1, 1, 5), scale=0.06, zero=4)
    f.then("MAX_POOL_2D", [at], (1, 1, 1, 5), scale=0.06, zero=4,
           **windows((2, 2), (2, 2), "VALID"))  # fmt: skip
    found = check(f.bytes(), kind)
    assert found in (None, ["conv", "conv"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("mask", "made"), [(0b010, (1, 6, 3)), (0b110, (1, 3))])
def test_an_index_leaves_its_axis_out(kind, mask, made):
    """The last row, and the last pixel of a row."""
    f = TfliteFile((1, 4, 6, 3), kind=kind, scale=0.02, zero=-3)
    ends = [f.constant(n) for n in ([0, -1, 2, 0], [1, 0, 3, 3], [1, 1, 1, 1])]
    begin = 0b1001 if mask == 0b110 else 0b1101
    f.then("STRIDED_SLICE", [0, *ends], made, scale=0.02, zero=-3, BeginMask=begin, EndMask=begin,
           ShrinkAxisMask=mask)  # fmt: skip
    assert check(f.bytes(), kind) in (None, ["slice", "lookup"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operator", ["MUL", "ADD"])
@pytest.mark.parametrize("axes", [(3,), (1,), (2, 3), (1, 2, 3)])
def test_a_plane_repeats_its_axes_of_one_place(kind, operator, axes):
    f = TfliteFile((1, 4, 6, 3), kind=kind, scale=0.02, zero=-3)
    sizes = [1 if axis in axes else n for axis, n in enumerate((1, 4, 6, 3))]
    rows, columns, channels = sizes[1:]
    kernel = 4 // rows, 6 // columns
    at = f.then("MAX_POOL_2D", [0], (1, rows, columns, 3), scale=0.02, zero=-3,
                **windows(kernel, kernel, "VALID"))  # fmt: skip
    plain = windows(DilationHFactor=1, DilationWFactor=1)
    at = f.then("CONV_2D", [at, f.drawn(channels, 1, 1, 3), f.bias(channels)], tuple(sizes),
                scale=0.02, zero=5, **plain)  # fmt: skip
    f.then(operator, [at, 0], (1, 4, 6, 3), scale=0.1, zero=1)
    check(f.bytes(), kind)


def test_a_vector_does_not_repeat_its_only_value():
    f = TfliteFile((1, 5), scale=0.02, zero=-3)
    at = f.then("FULLY_CONNECTED", [0, f.drawn(1, 5), f.bias(1)], (1, 1), **STEPS)
    f.then("MUL", [0, at], (1, 5), **STEPS)
    for read in (interop.from_tflite, interop.program_from_tflite):
        with pytest.raises(interop.TfliteError, match=r"joins tensors \(5,\) and \(1,\)"):
            read(f.bytes())


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_features_that_come_as_a_vector(kind):
    """Edge Impulse's nets reshape their input; it is the net's image here."""
    f = TfliteFile((1, 40), kind=kind, scale=0.02, zero=-3)
    at = f.then("RESHAPE", [0, f.constant([1, 8, 5])], (1, 8, 5), scale=0.02, zero=-3)
    at = f.then("EXPAND_DIMS", [at, f.constant(1)], (1, 1, 8, 5), scale=0.02, zero=-3)
    plain = windows(DilationHFactor=1, DilationWFactor=1)
    f.then("CONV_2D", [at, f.drawn(4, 1, 3, 5), f.bias(4)], (1, 1, 8, 4), **STEPS, **plain)
    content = f.bytes()
    if kind == "INT8":
        check_integers(content)
    else:
        assert check_floats(content).input_shape == (5, 1, 8)


def onnx_gates(form):
    """A product of a plane and one of a single channel, or of rows alone."""
    f = OnnxFile((3, 6, 8), batch=1)
    at = f.then("Conv", f.drawn(4, 3, 1, 1), f.drawn(4)).at
    if form == "channel":
        gate = f.of("Sigmoid", f.of("Conv", at, f.drawn(1, 4, 3, 3), pads=[1, 1, 1, 1]))
        f.of("Mul", gate, at)
    elif form == "rows":
        mean = f.of("ReduceMean", at, axes=[3], keepdims=1)
        f.of("Add", at, f.of("Conv", mean, f.drawn(4, 4, 1, 1)))
    else:
        f.of("SpaceToDepth", at, blocksize=2)
    return f.then("Conv", f.drawn(2, 16 if form == "blocks" else 4, 1, 1)).bytes()


@pytest.mark.parametrize("form", ["channel", "rows", "blocks"])
def test_an_onnx_plane_repeats_its_axes_and_moves_blocks_to_channels(form):
    """Oracle: ONNX Runtime; int8 files are computed in float32 there, so a byte may differ by 1."""
    content, shape = onnx_gates(form), (3, 6, 8)
    check_integers_of(check_net(content, shape), normals(shape, 50))
    x = normals(shape)
    for each in FORMS[:2]:
        file = quantized(content, shape, each)
        program = interop.program_from_onnx(file)
        scale, zero = program.input_scale, program.input.zero
        stored = np.rint(x / scale).transpose(0, 2, 3, 1) + zero
        low, high = (0, 255) if program.input_type == "u8" else (-128, 127)
        stored = stored.clip(low, high).astype(np.uint8 if low == 0 else np.int8)
        found = reference.run(program, stored).reshape(
            4, 6 // (2 if form == "blocks" else 1), -1, 2
        )
        wanted = onnx_runtime(file, x, plain=True).transpose(0, 2, 3, 1)
        off = np.abs(found * program.outputs[0].scale - wanted)
        assert off.max() <= 2.01 * program.outputs[0].scale


def test_a_signal_whose_axes_change_places():
    """Oracle: ONNX Runtime. Convolutions over time, then over features."""
    f = OnnxFile((6, 10), batch=1)
    f.then("Conv", f.drawn(4, 6, 3), f.drawn(4)).then("Transpose", perm=[0, 2, 1]).then("Relu")
    content = f.then("Conv", f.drawn(5, 8, 1), f.drawn(5)).bytes()
    net = check_net(content, (6, 10))
    program = check_integers_of(net, as_ours(net, normals((6, 10), 50)))
    assert [op.kind for op in program.ops] == ["conv", "transpose", "conv"]
