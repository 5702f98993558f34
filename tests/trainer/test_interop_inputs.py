"""Files and models of several inputs. Oracles: LiteRT, ONNX Runtime and PyTorch, which get the
inputs by their names.
"""

import numpy as np
import pytest
from onnx_files import FORMS, quantized
from same_values import check_engine
from tflite_files import TfliteFile, litert, windows

from drypoint import engine, interop, nn, quant
from drypoint.program import blob

IMAGE, AGE = (2, 6, 5), (7,)


def examples(n=40, seed=0):
    rng = np.random.default_rng(seed)
    image = rng.random((n, *IMAGE), dtype=np.float32)
    return {"image": image, "age": rng.normal(0, 3, (n, *AGE)).astype(np.float32)}


def tflite_file(kind):
    """A convolution of an image and a dense layer of a vector, joined before a dense layer."""
    f = TfliteFile((1, 6, 5, 2), kind=kind, scale=0.0039, zero=-128)
    vector = f.another_input((1, 7), scale=0.07, zero=9)
    relu = {"FusedActivationFunction": "RELU"}
    wide = {"scale": 0.05, "zero": -128}
    plane = f.then("CONV_2D", [0, f.drawn(4, 3, 3, 2), f.bias(4)], (1, 6, 5, 4), **wide,
                   **windows(), **relu)  # fmt: skip
    flat = f.then("RESHAPE", [plane, f.constant([1, 120])], (1, 120), **wide)
    a = f.then("FULLY_CONNECTED", [flat, f.drawn(5, 120), f.bias(5)], (1, 5), **wide)
    b = f.then("FULLY_CONNECTED", [vector, f.drawn(4, 7), f.bias(4)], (1, 4), **wide)
    both = f.then("CONCATENATION", [a, b], (1, 9), **wide, Axis=1)
    f.then("FULLY_CONNECTED", [both, f.drawn(3, 9), f.bias(3)], (1, 3), scale=0.1, zero=5)
    return f


def test_a_quantized_tflite_file_of_two_inputs_is_a_program_of_them():
    """LiteRT rounds a dense layer as the program does, but for single steps; the inputs are the
    file's int8, each with its zero point.
    """
    pytest.importorskip("ai_edge_litert")
    content = tflite_file("INT8").bytes()
    program = interop.program_from_tflite(content, name="two")
    parts = [(part.name, str(part.tensor), part.scale) for part in program.input_parts]
    scales = [float(np.float32(scale)) for scale in (0.0039, 0.07)]
    assert parts == [("t0", "i8 6x5x2 zero -128", scales[0]), ("t1", "i8 1x1x7 zero 9", scales[1])]
    rng = np.random.default_rng(1)
    x = {
        "t0": rng.integers(-128, 128, (60, 6, 5, 2)).astype(np.int8),
        "t1": rng.integers(-128, 128, (60, 7)).astype(np.int8),
    }
    found = engine.Engine(blob.loads(blob.dumps(program))).run(x)
    off = np.abs(found - litert(content, x))
    assert off.max() <= 1
    assert (off == 0).mean() > 0.9
    check_engine(program, x)


def test_the_rounding_of_each_op_is_that_of_a_file_of_one_input():
    """Both dense layers have equal shapes and unlike scales: the factors of another op would fit.
    Oracle: the files that have one of the inputs.
    """
    steps = [{"scale": 0.0039, "zero": -128}, {"scale": 0.7, "zero": 9}]
    wide = {"scale": 0.05, "zero": -128}

    def dense(f, at):
        return f.then("FULLY_CONNECTED", [at, f.drawn(4, 7), f.bias(4)], (1, 4), **wide)

    def end(f, at):
        f.then("FULLY_CONNECTED", [at, f.drawn(3, 4), f.bias(3)], (1, 3), scale=0.1, zero=5)
        return interop.rounding_report(f.bytes()).ops

    both = TfliteFile((1, 7), **steps[0])
    sides = [dense(both, at) for at in (0, both.another_input((1, 7), **steps[1]))]
    found = end(both, both.then("ADD", sides, (1, 4), **wide))
    assert len(found) == 4
    for i in (0, 1):
        f = TfliteFile((1, 7), **steps[i])
        for _ in range(i):  # the same weights are drawn
            f.drawn(4, 7), f.bias(4)
        (wanted, _) = end(f, dense(f, 0))
        figures = [(op.reachable, op.differing, op.most) for op in (found[i], wanted)]
        assert figures[0] == figures[1]


def test_a_float_tflite_file_of_two_inputs_is_a_net_of_them():
    """Float32 sums in another order: 1e-4 of values of a hundred."""
    pytest.importorskip("ai_edge_litert")
    content = tflite_file("FLOAT32").bytes()
    net = interop.from_tflite(content)
    assert net.input_shapes == {"t0": (2, 6, 5), "t1": (7,)}
    x = {"t0": examples()["image"], "t1": examples()["age"]}
    last = {"t0": np.ascontiguousarray(x["t0"].transpose(0, 2, 3, 1)), "t1": x["t1"]}
    assert np.allclose(net(x), litert(content, last), rtol=1e-4, atol=1e-4)


def test_a_tflite_input_that_nothing_reads_is_left_out():
    f = TfliteFile((1, 4), scale=0.5)
    f.another_input((1, 3))
    f.then("FULLY_CONNECTED", [0, f.drawn(3, 4), f.bias(3)], (1, 3), scale=0.1)
    assert not interop.program_from_tflite(f.bytes()).input_parts


def torch_module():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)

    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(2, 4, 3, padding=1)
            self.body, self.side = torch.nn.Linear(120, 5), torch.nn.Linear(7, 4)
            self.out = torch.nn.Linear(9, 3)

        def forward(self, image, age):
            plane = torch.relu(self.conv(image)).flatten(1)
            both = [torch.relu(self.body(plane)), torch.relu(self.side(age))]
            return self.out(torch.cat(both, 1))

    return torch, Two()


def test_a_torch_module_of_two_inputs_is_a_net_and_a_program_of_them():
    """Float32 sums in another order: 1e-5 of values below 10."""
    torch, module = torch_module()
    pytest.importorskip("onnxscript")
    net = interop.from_torch(module, (torch.zeros(1, *IMAGE), torch.zeros(1, *AGE)))
    assert net.input_shapes == {"image": IMAGE, "age": AGE}
    x = examples()
    found = interop.check(net, module, x)
    assert found.n == 40
    assert found.largest_difference < 1e-5
    assert found.equal_decisions == found.n
    program = quant.quantize(net, quant.calibrate(net, x), name="two")
    assert [part.name for part in program.input_parts] == ["image", "age"]
    check_engine(program, x)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the exporter without types
@pytest.mark.parametrize("form", FORMS)
def test_a_quantized_onnx_file_of_two_inputs_decides_as_onnx_runtime(form, tmp_path):
    """Both compute the same integers, so that float32 alone is in between: 1e-5."""
    torch, module = torch_module()
    runtime = pytest.importorskip("onnxruntime")
    path = tmp_path / "two.onnx"
    torch.onnx.export(
        module, (torch.zeros(1, *IMAGE), torch.zeros(1, *AGE)), path, dynamo=False,
        input_names=["image", "age"], output_names=["y"],
        dynamic_axes={name: {0: "n"} for name in ("image", "age", "y")},
    )  # fmt: skip
    net = interop.from_onnx(path)
    x = examples()
    with torch.no_grad():
        floats = module(*(torch.from_numpy(values) for values in x.values())).numpy()
    assert np.allclose(net(x), floats, rtol=1e-5, atol=1e-5)
    with pytest.raises(interop.OnnxError, match="input_shape is of files of one input; it has 2"):
        interop.from_onnx(path, input_shape=IMAGE)
    content = quantized(path.read_bytes(), x, form)
    program = interop.program_from_onnx(content)
    image, age = (part.tensor for part in program.input_parts)
    assert (image.shape, age.shape) == ((6, 5, 2), (1, 1, 7))
    assert image.type == ("i8" if form == "QDQ int8" else "u8")
    session = runtime.InferenceSession(content)
    wanted = session.run(None, x)[0]
    found = engine.Engine(program).predict_proba(x)
    assert np.allclose(found, wanted, rtol=0, atol=1e-5)


def test_writers_refuse_several_inputs():
    net, x = (
        nn.Graph(
            {"fc": nn.Linear(2), "other": nn.Linear(2), "sum": nn.Add()},
            [("a", "fc", "sum.a"), ("b", "other", "sum.b")],
            {"a": (3,), "b": (4,)},
        ).initialize(0),
        {"a": np.eye(3, dtype=np.float32), "b": np.eye(4, dtype=np.float32)[:3]},
    )
    program = quant.quantize(net, quant.calibrate(net, x))
    for write in (interop.to_onnx, interop.to_tflite):
        with pytest.raises(interop.ExportError, match="one input"):
            write(program)
    with pytest.raises(interop.ExportError, match="one input"):
        interop.to_onnx(net)
