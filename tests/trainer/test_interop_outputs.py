"""Files and models of several outputs. Oracles: LiteRT, ONNX Runtime and PyTorch, by
the names of their outputs; and the same file, cut at one output after the other.
"""

import re
import sys

import numpy as np
import pytest
from onnx_files import FORMS, OnnxFile, normals, quantized
from same_values import check_engine
from tflite_files import TfliteFile, int8s, run_litert, windows

from drypoint import interop, nn, quant
from drypoint.cli.__main__ import main
from drypoint.program import Program, blob, output_names, reference
from tools import ROOT, run


def heads(f):
    """A body, whose plane is an output too, a head of cells and a head of classes."""
    image = {"scale": 0.02, "zero": -3}
    body = f.then(
        "CONV_2D", [0, f.drawn(4, 3, 3, 3), f.bias(4)], (1, 6, 4, 4), **image, **windows()
    )
    cells = f.then("CONV_2D", [body, f.drawn(2, 1, 1, 4), f.bias(2)], (1, 6, 4, 2), **windows())
    mean = f.then("AVERAGE_POOL_2D", [body], (1, 1, 1, 4), **image,
                  **windows(FilterHeight=6, FilterWidth=4, StrideH=6, StrideW=4))  # fmt: skip
    flat = f.then("RESHAPE", [mean, f.constant([1, 4])], (1, 4), **image)
    logits = f.then("FULLY_CONNECTED", [flat, f.drawn(3, 4), f.bias(3)], (1, 3), scale=0.1, zero=5)
    shares = f.then("SOFTMAX", [logits], (1, 3), scale=1 / 256, zero=-128, Beta=0.5)
    return body, cells, shares


def tflite_file(kind):
    f = TfliteFile((1, 6, 4, 3), kind=kind, scale=0.02, zero=-3)
    return f, heads(f)


def litert_outputs(content, x):
    """LiteRT's outputs by name, as real numbers, a run for each input."""
    return {
        name: (values[:, 0].astype(np.float64) - zero) * (scale or 1.0)
        for name, (values, scale, zero) in run_litert(content, x).items()
    }


def test_a_quantized_file_of_several_outputs_is_a_program_of_them():
    """LiteRT's default kernels round as the program does, but for single steps."""
    f, ends = tflite_file("INT8")
    content = f.bytes(outputs=list(ends))
    program = interop.program_from_tflite(content, name="heads")
    assert [output.name for output in program.outputs] == [f"t{n}" for n in sorted(ends)]
    x = int8s(program.input_shape)
    wanted, found = litert_outputs(content, x), program.real(reference.run(program, x))
    assert wanted.keys() == found.keys()
    for output in program.outputs:
        values = wanted[output.name].reshape(len(x), -1)
        # A softmax of logits that differ by a step each: its derivatives are at most 1/4.
        step = output.scale / 2 + 1 / 256 if output.softmax else output.scale
        assert np.abs(values - found[output.name]).max() <= 1.01 * step
    check_engine(program, x)
    assert blob.dumps(blob.loads(blob.dumps(program))) == blob.dumps(program)


def test_each_output_is_the_output_of_the_file_cut_there():
    f, (body, cells, shares) = tflite_file("INT8")
    content = f.bytes(outputs=[cells, body, shares])
    together = interop.program_from_tflite(content)
    x = int8s(together.input_shape)
    values = reference.run(together, x)
    for number in (body, cells, shares):
        name = f"t{number}"
        alone = interop.program_from_tflite(content, cut=(name,))
        assert (reference.run(alone, x) == values[name]).all()
        (output,) = [output for output in together.outputs if output.name == name]
        assert (output.scale, output.softmax) == (alone.output_scale, alone.softmax)
    two = interop.program_from_tflite(f.bytes(outputs=[shares]), cut=(f"t{body}", f"t{cells}"))
    assert {k: v.tolist() for k, v in reference.run(two, x).items()} == {
        f"t{n}": values[f"t{n}"].tolist() for n in (body, cells)
    }


def test_a_float_file_of_several_outputs_is_a_graph_of_output_ports():
    """Float32 sums in another order: 1e-5 of values below 20."""
    f, ends = tflite_file("FLOAT32")
    f.operators[-1] = ("SOFTMAX", *f.operators[-1][1:3], {"Beta": 1.0})
    content = f.bytes(outputs=list(ends))
    net = interop.from_tflite(content)
    x = np.random.default_rng(1).normal(0, 1, (5, 6, 4, 3)).astype(np.float32)
    wanted, found = litert_outputs(content, x), net(x.transpose(0, 3, 1, 2))
    assert wanted.keys() == found.keys()
    for name, values in found.items():
        last = values.transpose(0, 2, 3, 1) if values.ndim == 4 else values
        np.testing.assert_allclose(last, wanted[name], rtol=0, atol=1e-5)


def onnx_heads():
    f = OnnxFile((3, 8, 8))
    body = f.then("Conv", f.drawn(8, 3, 3, 3), f.drawn(8), pads=[1, 1, 1, 1]).then("Relu").at
    heat = f.of("Sigmoid", f.of("Conv", body, f.drawn(1, 8, 1, 1), f.drawn(1)))
    pooled = f.of("Flatten", f.of("GlobalAveragePool", body))
    size = f.of("Gemm", pooled, f.drawn(2, 8), f.drawn(2), transB=1)
    return f.bytes(outputs=[heat, size]), [heat, size]


def run_onnx(content, x):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return [values.reshape(len(x), -1) for values in session.run(None, {given.name: x})]


@pytest.mark.parametrize("form", FORMS)
def test_an_onnx_file_of_several_outputs(form):
    """Of the float file float32 sums in another order: 1e-5. Of the quantized file a byte of one op
    may differ by a step, and the ops after it pass that on.
    """
    pytest.importorskip("onnxruntime")
    content, names = onnx_heads()
    x = normals((3, 8, 8), 20, seed=2)
    net = interop.from_onnx(content)
    for (_, values), wanted in zip(net(x).items(), run_onnx(content, x), strict=True):
        np.testing.assert_allclose(values.reshape(len(x), -1), wanted, rtol=0, atol=1e-5)
    integers = quantized(content, (3, 8, 8), form)
    program = interop.program_from_onnx(integers)
    assert [output.name for output in program.outputs] == names
    real = program.real(reference.run(program, program.integers(x)))
    for output, wanted in zip(program.outputs, run_onnx(integers, x), strict=True):
        assert np.abs(real[output.name] - wanted).max() < 2.5 * output.scale
    check_engine(program, program.integers(x))


def cells_file(kind, beta=1.0):
    """FOMO's tail: a softmax over the channels of each cell."""
    f = TfliteFile((1, 6, 4, 3), kind=kind, scale=0.02, zero=-3)
    at = f.then(
        "CONV_2D", [0, f.drawn(3, 3, 3, 3), f.bias(3)], (1, 6, 4, 3), scale=0.1, **windows()
    )
    at = f.then("SOFTMAX", [at], (1, 6, 4, 3), scale=1 / 256, zero=-128, Beta=beta)
    return f.bytes()


def test_a_softmax_of_each_cell_is_recorded():
    """Decisions equal LiteRT's, where LiteRT's largest probability is no tie. Probabilities of
    LiteRT are steps of 1/256, and of logits that differ by a step.
    """
    for beta in (1.0, 2.0):
        content = cells_file("INT8", beta)
        program = interop.program_from_tflite(content)
        assert (program.softmax, [op.kind for op in program.ops]) == ("channels", ["conv"])
        x = int8s(program.input_shape)
        (wanted,) = litert_outputs(content, x).values()
        real = program.real(reference.run(program, x)).reshape(wanted.shape)
        assert np.abs(real - wanted).max() < program.output_scale / 2 + 1 / 256
        largest = np.sort(wanted, axis=3)
        clear = largest[..., -1] - largest[..., -2] > 0.05
        assert clear.mean() > 0.5
        assert (real.argmax(axis=3) == wanted.argmax(axis=3))[clear].all()
        check_engine(program, x)


def test_a_float_softmax_of_each_cell_is_a_layer():
    """Float32 sums in another order: 1e-6 of probabilities."""
    content = cells_file("FLOAT32")
    net = interop.from_tflite(content)
    x = np.random.default_rng(1).normal(0, 1, (5, 6, 4, 3)).astype(np.float32)
    (wanted,) = litert_outputs(content, x).values()
    np.testing.assert_allclose(
        net(x.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1), wanted, rtol=0, atol=1e-6
    )
    program = quant.quantize(net, quant.calibrate(net, x.transpose(0, 3, 1, 2)))
    assert program.softmax == "channels"


@pytest.mark.parametrize("form", FORMS)
def test_an_onnx_softmax_of_each_cell(form):
    """A probability of the file is a step of 1/255, and of logits that differ by a step."""
    pytest.importorskip("onnxruntime")
    f = OnnxFile((3, 6, 4))
    f.then("Conv", f.drawn(3, 3, 3, 3), f.drawn(3), pads=[1, 1, 1, 1]).then("Softmax", axis=1)
    content = quantized(f.bytes(), (3, 6, 4), form)
    program = interop.program_from_onnx(content)
    assert program.softmax == "channels"
    x = normals((3, 6, 4), 20, seed=2)
    real = program.real(reference.run(program, program.integers(x))).reshape(20, 6, 4, 3)
    (wanted,) = run_onnx(content, x)
    wanted = wanted.reshape(20, 3, 6, 4).transpose(0, 2, 3, 1)
    assert np.abs(real - wanted).max() < program.output_scale / 2 + 1 / 255


def test_names_are_made_c_identifiers():
    assert output_names(["StatefulPartitionedCall:1", "Identity", "identity", "7", "a/b"]) == (
        "statefulpartitionedcall_1", "identity", "identity_2", "output_7", "a_b",
    )  # fmt: skip
    assert output_names(["heat", "heat_count", "count", "", "é"]) == (
        "heat", "heat_count_2", "count_2", "output", "output_2",
    )  # fmt: skip
    assert output_names(["anything"]) == ("output",)


def test_an_output_that_is_the_input_is_refused():
    f = TfliteFile((1, 4))
    plain = f.then("RESHAPE", [0, f.constant([1, 4])], (1, 4))
    dense = f.then("FULLY_CONNECTED", [0, f.drawn(3, 4), f.bias(3)], (1, 3))
    with pytest.raises(interop.TfliteError, match="its output is its input"):
        interop.program_from_tflite(f.bytes(outputs=[plain, dense]))
    f = OnnxFile((4,))
    dense = f.of("Gemm", "input", f.drawn(4, 2))
    plain = f.of("Identity", "input")
    with pytest.raises(interop.OnnxError, match="its output is its input"):
        interop.from_onnx(f.bytes(outputs=[plain, dense]))


def test_pytorch_modules_of_several_outputs():
    """A dict's keys are the names. Float32 sums in another order: 1e-5."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)

    class Heads(torch.nn.Module):
        def __init__(self, keys):
            super().__init__()
            self.keys = keys
            self.body, self.spot = torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.Conv2d(4, 1, 1)
            self.fc = torch.nn.Linear(4, 2)

        def forward(self, x):
            x = torch.relu(self.body(x))
            ends = torch.sigmoid(self.spot(x)), self.fc(x.mean((2, 3)))
            return dict(zip(self.keys, ends, strict=True)) if self.keys else ends

    module, x = Heads(["heat", "Size"]), np.random.default_rng(0).normal(0, 1, (4, 1, 8, 8))
    x = x.astype(np.float32)
    with torch.no_grad():
        wanted = [end.numpy() for end in module(torch.from_numpy(x)).values()]
    net = interop.from_torch(module, torch.zeros(1, 1, 8, 8))
    assert isinstance(net, nn.Graph)
    assert [*net(x)] == ["heat", "size"]
    for values, end in zip(net(x).values(), wanted, strict=True):
        np.testing.assert_allclose(values, end, rtol=0, atol=1e-5)
    program = quant.quantize(net, quant.calibrate(net, x))
    assert {output.name for output in program.outputs} == {"heat", "size"}
    module.keys = None
    assert len(interop.from_torch(module, torch.zeros(1, 1, 8, 8))(x)) == 2


@pytest.mark.only_ci
def test_a_detector_of_cells_decides_as_litert_decides(tmp_path):
    """examples/fomo.py, and its file by the command. Two epochs leave some cells undecided, where a
    rounding may decide: at most 10 of 14,400. The page's figures are of the default epochs.
    """
    pytest.importorskip("ai_edge_litert")
    script = ROOT / "examples/fomo.py"
    lines = run([sys.executable, script, tmp_path, "--epochs", 2]).decode().splitlines()
    differing = re.fullmatch(r"(\d+) of 14,400 decisions differ from LiteRT's", lines[1])
    assert int(differing[1]) <= 10
    equal = re.match(r"(\d+) of 100 pictures have LiteRT's cells", lines[2])
    assert int(equal[1]) >= 99
    assert re.fullmatch(r"\d+ of 43,200 logits differ, by at most [0-3]", lines[3])
    program = Program.load(tmp_path / "fomo.dpt")
    assert (program.softmax, program.output_shape) == ("channels", (12, 12, 3))
    names = ["--labels", "background,square,disc", "--cells", "--out", f"{tmp_path}/again.dpt"]
    assert main(["import", str(tmp_path / "fomo.tflite"), *names]) == 0
    again = Program.load(tmp_path / "again.dpt")
    assert (again.boxes, again.labels) == (program.boxes, program.labels)
    assert again.boxes.cutoffs == (534_773_759,) * 2  # BOXES.md
