"""The peers' models compute the program. Oracle: the reference on equal images.

A peer rounds otherwise than NUMERICS.md (ties, and multipliers of 24 bits), so an activation may
be one step off now and then, and the last one, which has 8 bits there, one or two steps.
"""

import dataclasses

import numpy as np
import pytest
from last_output import only_output

from drypoint import data, nn, quant
from drypoint.bench import Process, empty_case, make_case
from drypoint.bench._contestants import serve_command
from drypoint.bench._nets import case_of, one_op, random_images
from drypoint.bench._peers import LiteRT, OnnxRuntime
from drypoint.interop import ExportError, to_onnx, to_tflite
from drypoint.program import (
    Add,
    AvgPool,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    MaxPool,
    Mul,
    Program,
    Shape,
    Tensor,
    Upsample,
    blob,
    reference,
)
from tools import ONLY_CI

IMAGES = 8
CASES = ["lenet5", "vgg-ish", "dense", "strided"]


def graph(layers, edges, shape, *, mean=None, seed=0):
    """A quantized graph of layers with random weights; with `mean`, it reads pixels and its encoder
    takes that mean away, so that padded places of the first convolution are not 0.
    """
    net = nn.Graph(layers, edges, {"input": shape}).initialize(seed)
    if mean is None:
        model, x = nn.Model(net), np.random.default_rng(1).normal(0, 1, (256, *shape))
    else:
        encoder = data.ImageEncoder(width=shape[2], height=shape[1], mean=mean, std=0.25)
        model, x = nn.Model(net, encoder=encoder), random_images(*shape[1:], 1, n=256, seed=1)
    program = quant.quantize(model, quant.calibrate(model, x))
    images = x[:IMAGES] if mean is not None else program.integers(x[:IMAGES])
    return program, program.check_input(images)


def residual():
    """Two blocks: a skip over two convolutions, and one of 1x1 with a stride; ends in a mean."""
    conv, norm = nn.Conv2d, nn.BatchNorm2d
    layers = {
        "stem": conv(8, 3, padding=1), "relu0": nn.ReLU(),
        "a1": conv(8, 3, padding=1), "n1": norm(), "relu1": nn.ReLU(), "a2": conv(8, 3, padding=1),
        "add1": nn.Add(), "relu2": nn.ReLU(),
        "b1": conv(12, 3, stride=2, padding=1), "relu3": nn.ReLU(), "b2": conv(12, 3, padding=1),
        "down": conv(12, 1, stride=2), "add2": nn.Add(), "pool": nn.GlobalAvgPool2d(),
        "flatten": nn.Flatten(), "fc": nn.Linear(10),
    }  # fmt: skip
    edges = [
        ("input", "stem", "relu0", "a1", "n1", "relu1", "a2", "add1.a"), ("relu0", "add1.b"),
        ("add1", "relu2", "b1", "relu3", "b2", "add2.a"), ("relu2", "down", "add2.b"),
        ("add2", "pool", "flatten", "fc"),
    ]  # fmt: skip
    return graph(layers, edges, (1, 12, 12), mean=0.5)


def inception():
    """Branches of several kernels, side by side; pools with and without padding."""
    layers = {
        "stem": nn.Conv2d(6, 3, padding=1), "relu0": nn.ReLU(),
        "one": nn.Conv2d(4, 1), "relu1": nn.ReLU(),
        "three": nn.Conv2d(4, 3, dilation=2, padding=2), "relu2": nn.ReLU(),
        "max": nn.MaxPool2d(3, stride=1, padding=1), "cat1": nn.Concat(), "cat2": nn.Concat(),
        "mean": nn.AvgPool2d(2), "flatten": nn.Flatten(), "fc": nn.Linear(10),
    }  # fmt: skip
    edges = [
        ("input", "stem", "relu0", "one", "relu1", "cat1.a"),
        ("relu0", "three", "relu2", "cat1.b"), ("relu0", "max", "cat2.b"), ("cat1", "cat2.a"),
        ("cat2", "mean", "flatten", "fc"),
    ]  # fmt: skip
    return graph(layers, edges, (3, 8, 8), seed=2)


def mobile():
    """Depthwise convolutions with a stride and a multiplier, a grouped one, a skip without ReLU."""
    layers = {
        "stem": nn.Conv2d(8, 3, stride=2, padding=1), "relu0": nn.ReLU(),
        "wide": nn.Conv2d(16, 3, groups=8, padding=1), "relu1": nn.ReLU(),
        "narrow": nn.Conv2d(8, 1), "add": nn.Add(),
        "depth": nn.Conv2d(8, 3, groups=8, stride=2, padding=1), "relu2": nn.ReLU(),
        "flatten": nn.Flatten(), "fc": nn.Linear(10),
    }  # fmt: skip
    edges = [
        ("input", "stem", "relu0", "wide", "relu1", "narrow", "add.a"), ("relu0", "add.b"),
        ("add", "depth", "relu2", "flatten", "fc"),
    ]  # fmt: skip
    return graph(layers, edges, (2, 15, 13), seed=3)


def fully_convolutional():
    """No dense op: the last one is an addition of planes."""
    layers = {"a": nn.Conv2d(4, 3, padding=1), "relu": nn.ReLU(), "b": nn.Conv2d(3, 3, padding=1),
              "c": nn.Conv2d(3, 1), "add": nn.Add()}  # fmt: skip
    edges = [("input", "a", "relu", "b", "add.a"), ("relu", "c", "add.b")]
    return graph(layers, edges, (2, 6, 5), seed=4)


def grouped_net():
    layers = {"a": nn.Conv2d(6, 3, groups=3), "relu": nn.ReLU(), "flatten": nn.Flatten(),
              "fc": nn.Linear(10)}  # fmt: skip
    return graph(layers, [("input", *layers)], (6, 6, 6), seed=5)


GRAPHS = {
    "residual": residual,
    "inception": inception,
    "mobile": mobile,
    "fully convolutional": fully_convolutional,
    "grouped": grouped_net,
}


@pytest.fixture(scope="module", params=[*CASES, *GRAPHS])
def case(request):
    if request.param in GRAPHS:
        program, images = GRAPHS[request.param]()
    else:
        made = make_case(request.param)
        program, images = made.program, made.images[:IMAGES]
    return program, images, reference.run(program, images)


def test_the_graphs_have_what_peers_are_given():
    """Every kind that peers have; padding values, dilation, zero points, a mean."""
    ops = [op for make in GRAPHS.values() for op in make()[0].ops]
    assert {type(op) for op in ops} == {
        Conv, GroupedConv, DepthwiseConv, Dense, MaxPool, AvgPool, Add, Concat
    }  # fmt: skip
    assert any(getattr(op, "pad", None) is not None and (op.pad == op.pad[0]).all() and
               op.pad[0] != op.inputs[0].zero for op in ops)  # fmt: skip
    assert any(getattr(op, "dilation", (1, 1)) != (1, 1) for op in ops)
    assert any(op.inputs[0].zero for op in ops)
    assert any(isinstance(op, DepthwiseConv) and op.multiplier > 1 for op in ops)
    assert any(isinstance(op, MaxPool) and any(op.padding) for op in ops)


def agrees(ours, theirs):
    """Both (n, classes), theirs as integers around zero."""
    step = np.abs(ours).max() / 120
    off = np.abs(theirs - ours / step)
    assert off.max() <= 2.5, off.max()
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() >= 0.75


def test_the_onnx_model_is_the_program(toolbox, case):
    """onnx's own evaluator, in floating point."""
    toolbox.need_package("onnx")
    from onnx.reference import ReferenceEvaluator

    program, images, ours = case
    model = to_onnx(program, outputs=ours, batch=IMAGES)
    session = ReferenceEvaluator(model)
    planes = np.ascontiguousarray(OnnxRuntime.lay_out(images))
    (theirs,) = session.run(None, {"input": planes})
    assert theirs.dtype == np.uint8
    agrees(ours, theirs.astype(int) - 128)


def test_the_onnx_model_is_valid(toolbox, case):
    toolbox.need_package("onnx")
    import onnx

    program, _, ours = case
    onnx.checker.check_model(to_onnx(program, outputs=ours), full_check=True)


def test_the_tflite_model_is_the_program(toolbox, case):
    toolbox.need_package("ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter

    program, images, ours = case
    model = to_tflite(program, outputs=ours, batch=IMAGES)
    session = Interpreter(model_content=model)
    session.allocate_tensors()
    session.set_tensor(session.get_input_details()[0]["index"], LiteRT.lay_out(images))
    session.invoke()
    theirs = session.get_tensor(session.get_output_details()[0]["index"])
    agrees(ours, theirs.reshape(ours.shape).astype(int))


def test_the_files_hold_the_programs_own_bytes(toolbox, case):
    toolbox.need_package("onnx")
    program, _, ours = case
    content = to_onnx(program, outputs=ours)
    first = program.ops[0]
    weight = first.weight.reshape(-1, *first.in_shape) if first.weight.ndim == 2 else first.weight
    assert weight.transpose(0, 3, 1, 2).tobytes() in content
    bias = first.bias + first.inputs[0].zero * first.rows.astype(np.int32).sum(axis=1)
    assert bias.astype(np.int32).tobytes() in content


@pytest.mark.parametrize("write", [to_onnx, to_tflite])
def test_a_program_of_one_product_is_no_exception(toolbox, write):
    toolbox.need_package("onnx")
    toolbox.need_package("ai_edge_litert")
    import onnx

    program = empty_case().program
    ours = reference.run(program, np.full((1, 1, 1, 1), 7, np.uint8))
    content = write(program, outputs=ours)
    if write is to_onnx:
        onnx.checker.check_model(content, full_check=True)
    assert program.ops[0].bias.tobytes() in content


@pytest.mark.parametrize(
    ("peer", "package"),
    [
        ("ONNX Runtime", "onnxruntime"),
        pytest.param("LiteRT", "ai_edge_litert", marks=ONLY_CI),
        pytest.param("OpenVINO", "openvino", marks=ONLY_CI),
    ],
)
def test_a_peer_decides_as_the_program(toolbox, tmp_path, peer, package):
    """In a process of its own, as it is timed: LeNet on digits, whose decisions are clear. Each of
    its layers takes some time."""
    toolbox.need_package("onnx")
    toolbox.need_package(package)
    case = make_case("lenet")
    images = case.images[:IMAGES]
    (tmp_path / "net.dpt").write_bytes(blob.dumps(case.program))
    np.save(tmp_path / "images.npy", images)
    files = (str(tmp_path / "net.dpt"), str(tmp_path / "images.npy"))
    with Process(peer, serve_command("serve", peer, *files, "1", "scalar"), cpus=[]) as process:
        decisions = process.ask("decide")
        layers = process.ask("layers 1", lines=len(case.program.ops))
    assert decisions == [reference.run(case.program, images).argmax(axis=1).tolist()]
    assert len(layers) == 4 and layers[1][0] > 0


@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS)
def test_an_op_alone_is_given_to_peers(toolbox, make):
    """Every op that computes: an op that copies values has no scale of its own, and no net."""
    writers = file_writers(toolbox)
    for op in make()[0].ops:
        program = one_op(op)
        assert (program is None) == isinstance(op, Concat | MaxPool)
        if program is not None:
            assert program.macs == op.macs
            images = case_of(program).images[:1]
            for write in writers:
                assert write(program, images)


def file_writers(toolbox):
    toolbox.need_package("onnx")
    toolbox.need_package("ai_edge_litert")
    return to_onnx, to_tflite


def line(op, **change):
    """A program of one op, and a dense one."""
    op = dataclasses.replace(op, **change)
    size = op.out_shape.size
    end = Dense(
        name="end", inputs=(op.output,), output=Tensor(Shape(1, 1, 2), "i32"),
        weight=np.ones((2, size), np.int8), bias=np.zeros(2, np.int32),
        mult=np.full(2, 2**20, np.int32), shift=0, lo=-(2**31), hi=2**31 - 1,
    )  # fmt: skip
    return Program(name="odd", ops=(op, end), input_scale=1.0, outputs=only_output(),
                   reads=((0,) * len(op.inputs), (1,)))  # fmt: skip


PLANE = Tensor(Shape(4, 4, 2), "u8")
SIGNED = Tensor(Shape(4, 4, 2), "i8", 5)
ONE = {"bias": np.zeros(1, np.int32), "mult": np.full(1, 2**24, np.int32), "shift": 0}
ADD = Add(name="odd", inputs=(SIGNED, SIGNED), output=PLANE, factors=(3, 4), **ONE, lo=0, hi=255)
MEAN = AvgPool(name="odd", inputs=(SIGNED,), output=PLANE, kernel=(1, 1), **ONE, lo=0, hi=255)
CONV = Conv(
    name="odd", inputs=(PLANE,), output=PLANE, kernel=(3, 3), padding=(1, 1, 1, 1),
    weight=np.ones((2, 3, 3, 2), np.int8), bias=np.zeros(2, np.int32),
    mult=np.full(2, 2**20, np.int32), shift=0, lo=0, hi=255,
)  # fmt: skip
PRODUCT = Mul(name="odd", inputs=(PLANE, PLANE), output=PLANE, **ONE, lo=0, hi=255)
TALL = Upsample(name="odd", inputs=(PLANE,), output=Tensor(Shape(8, 4, 1), "u8"), kernel=(2, 1))
UNTIED = "scales that its tensors do not have elsewhere cannot be written"


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        (line(PRODUCT, bias=np.array([3], np.int32)), "a product with a bias cannot be written"),
        (line(TALL), "a pixel shuffle (2, 1) cannot be written"),
        (line(CONV, pad=np.array([3, 4], np.uint8)), "a padding value for each channel cannot"),
        (line(ADD), "an addition with a bias that no zero point explains cannot be written"),
        (line(MEAN), "a mean with a bias that no zero point explains cannot be written"),
        (line(ADD, bias=np.array([-35], np.int32)), UNTIED),  # 3 a + 4 a: one tensor, two scales
    ],
)
def test_what_peers_cannot_express_is_refused_by_name(toolbox, program, problem):
    for write in file_writers(toolbox):
        with pytest.raises(ExportError) as error:
            write(program, outputs=np.ones((1, 2), np.int32))
        assert str(error.value).startswith(f"op 'odd': {problem}")


def test_a_last_op_that_copies_values_is_refused(toolbox):
    op = MaxPool(name="odd", inputs=(PLANE,), output=Tensor(Shape(4, 4, 2), "i32"), kernel=(1, 1))
    program = Program(name="odd", ops=(op,), input_scale=1.0, outputs=only_output())
    for write in file_writers(toolbox):
        with pytest.raises(ExportError, match="op 'odd': a last op without a scale of"):
            write(program, outputs=np.ones((1, 32), np.int32))
