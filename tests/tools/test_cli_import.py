"""`drypoint import`: what came out of PyTorch as ONNX becomes integers in two more commands, what
came out of TensorFlow as quantized integers in this one."""

import json
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
from onnx_files import OnnxFile
from tflite_files import TfliteFile, a_net, windows

from drypoint import data, interop, measure, nn
from drypoint.program import blob, reference


def onnx_file(path, *, channels=1):
    f = OnnxFile((channels, 4, 5))
    f.then("Flatten").then("Gemm", f.drawn(3, channels * 20), f.drawn(3), transB=1)
    path.write_bytes(f.bytes())
    return path


def test_an_imported_net_decides_as_onnx_does_on_the_pixels_it_was_trained_on(cli, tmp_path):
    file = onnx_file(tmp_path / "net.onnx")
    code, out, _ = cli("import", file, "--mean", 0.25, "--std", 0.5, "--labels", "a,b,c", "--json")
    assert code == 0
    facts = json.loads(out)
    assert facts["layers"] == ["flatten", "linear", "softmax"]
    model = nn.load(facts["file"])
    pixels = np.random.default_rng(1).integers(0, 256, (50, 4, 5)).astype(np.uint8)
    x = ((pixels[:, None] / 255 - 0.25) / 0.5).astype(np.float32)
    (scores,) = ReferenceEvaluator(onnx.load(file)).run(None, {"input": x})
    assert model(pixels) == ["abc"[i] for i in scores.argmax(axis=1)]


def test_labels_that_are_numbers_are_those_of_folders_and_data_sets(cli, tmp_path):
    file = onnx_file(tmp_path / "net.onnx")
    code, out, _ = cli("import", file, "--labels", "2,0,1", "--json")
    assert code == 0
    assert json.loads(out)["labels"] == [2, 0, 1]
    model = nn.load(json.loads(out)["file"])
    x = np.random.default_rng(1).integers(0, 256, (30, 4, 5)).astype(np.uint8)
    right = data.Dataset(x, np.array(model(x)))
    assert measure.measure(model, right).accuracy == 1


def test_data_beside_the_file_are_not_replaced(cli, refused, tmp_path):
    file = onnx_file(tmp_path / "net.onnx")
    np.savez(tmp_path / "net.npz", x=np.zeros(3))
    data_set = (tmp_path / "net.npz").read_bytes()
    said = refused("import", file)
    assert said.endswith("net.npz is there, no model, and would be replaced: name another, --out\n")
    assert (tmp_path / "net.npz").read_bytes() == data_set
    for _ in range(2):
        assert cli("import", file, "--out", tmp_path / "model.npz")[0] == 0
    (tmp_path / "model.npz").rename(tmp_path / "net.npz")
    assert cli("import", file)[0] == 0


def test_files_of_other_frameworks_and_our_own_are_named(refused, tmp_path):
    """Of PyTorch and Keras the names of what `torch.save`, `torch.jit.save`, `torch.export.save`
    and `model.save` write into a zip.
    """
    for name, files in (
        ("m.pt", ["m/data.pkl"]),
        ("jit.pt", ["m/data.pkl", "m/code/__torch__.py"]),
        ("m.pt2", ["m/data/weights/weight_0", "m/models/model.json"]),
        ("k.zip", ["metadata.json", "config.json", "model.weights.h5"]),
        ("other.zip", ["readme.txt"]),
    ):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for file in files:
                archive.writestr(file, b"")
    nn.Model(nn.Sequential([nn.Linear(2)], (3,)).initialize(0)).save(tmp_path / "m.npz")
    for name, kind in (
        ("m.pt", "a PyTorch file: interop.from_torch takes the loaded module"),
        ("jit.pt", "TorchScript: interop.from_torch takes the torch.nn.Module that it was made of"),
        (
            "m.pt2",
            "a PyTorch program: torch.onnx.export(torch.export.load(path)).save('net.onnx') writes "
            "a file that interop.from_onnx reads",
        ),
        ("k.zip", "a Keras file: interop.from_keras(path) reads it"),
        ("other.zip", "a zip archive of another program"),
        ("m.npz", "a float model, which nn.load reads; quant.quantize makes a program of it"),
    ):
        path = tmp_path / name
        said = refused("import", path)
        assert (
            said == f"drypoint: {path} is no ONNX or TensorFlow Lite file; it looks like {kind}\n"
        )


def test_a_float_tflite_file_becomes_a_model(cli, refused, tmp_path):
    file = tmp_path / "net.tflite"
    file.write_bytes(a_net("FLOAT32"))
    code, out, _ = cli("import", file, "--labels", "a,b,c,d", "--json")
    assert code == 0
    facts = json.loads(out)
    assert (facts["file"], facts["layers"]) == (str(tmp_path / "net.npz"), ["net"])
    pixels = np.random.default_rng(1).integers(0, 256, (50, 8, 6, 3)).astype(np.uint8)
    net = interop.from_tflite(file)
    wanted = net((pixels.transpose(0, 3, 1, 2) / 255).astype(np.float32)).argmax(axis=1)
    assert nn.load(facts["file"])(pixels) == ["abcd"[i] for i in wanted]
    file.write_bytes(b"no model")
    assert "net.tflite is no net that can be read" in refused("import", file)


def test_a_quantized_onnx_file_becomes_its_program(cli, tmp_path):
    f = OnnxFile((3,))
    steps = f.constant(0.1), f.constant(3, np.int8)
    x = f.of("QuantizeLinear", "input", *steps)
    weights = (
        f.constant([[1, -2], [3, 4], [-5, 6]], np.int8),
        f.constant(0.5),
        f.constant(0, np.int8),
    )
    x = f.of("QLinearMatMul", x, *steps, *weights, *steps)
    f.of("DequantizeLinear", x, *steps)
    file = tmp_path / "net.onnx"
    file.write_bytes(f.bytes())
    code, out, _ = cli("import", file, "--labels", "a,b", "--json")
    assert code == 0
    program = blob.loads((tmp_path / "net.dpt").read_bytes())
    assert (program.ops[0].weight == [[1, 3, -5], [-2, 4, 6]]).all()
    assert json.loads(out)["rounding"]["framework"] == "ONNX Runtime"


def test_a_log_softmax_at_the_end_gives_probabilities(cli, tmp_path):
    f = OnnxFile((1, 4, 5))
    f.then("Flatten").then("Gemm", f.drawn(20, 3)).then("LogSoftmax", axis=1)
    file = tmp_path / "net.onnx"
    file.write_bytes(f.bytes())
    code, out, _ = cli("import", file, "--json")
    assert (code, json.loads(out)["layers"]) == (0, ["flatten", "linear", "softmax"])
    model = nn.load(json.loads(out)["file"])
    assert np.allclose(model.net(np.ones((2, 1, 4, 5), np.float32)).sum(axis=1), 1)


def test_the_commands_take_files_of_several_outputs(cli, refused, tmp_path, monkeypatch):
    """Oracle of measure: the decisions of the program that `import` writes."""
    monkeypatch.chdir(tmp_path)
    for kind in ("INT8", "FLOAT32"):
        f = TfliteFile((1, 6, 4, 3), kind=kind, scale=1 / 255, zero=-128)
        cells = f.then("CONV_2D", [0, f.drawn(2, 3, 3, 3), f.bias(2)], (1, 6, 4, 2), **windows())
        flat = f.then("RESHAPE", [0, f.constant([1, 72])], (1, 72), scale=1 / 255, zero=-128)
        logits = f.then("FULLY_CONNECTED", [flat, f.drawn(3, 72), f.bias(3)], (1, 3), scale=0.1)
        shares = f.then("SOFTMAX", [logits], (1, 3), scale=1 / 256, zero=-128, Beta=1.0)
        Path(f"{kind}.tflite").write_bytes(f.bytes(outputs=[cells, shares]))
    x = np.random.default_rng(0).integers(0, 256, (60, 6, 4, 3)).astype(np.uint8)
    code, out, _ = cli("import", "INT8.tflite")
    assert f"outputs: t{cells} of conv_2d_0, t{shares} of fully_connected_2" in out
    program = blob.loads(Path("INT8.dpt").read_bytes())
    y = np.arange(60) % 3
    decisions = reference.run(program, program.encode(x))[f"t{shares}"].argmax(axis=1)
    np.savez("pictures.npz", x=x, y=y)
    assert cli("verify", "INT8.tflite", "--data", "pictures.npz")[0] == 0
    name = "--output", f"t{shares}"
    code, out, err = cli("measure", "INT8.tflite", "--data", "pictures.npz", *name, "--json")
    assert code == 0, err
    assert json.loads(out)["accuracy"] == (decisions == y).mean()
    said = refused("measure", "INT8.dpt", "--data", "pictures.npz")
    assert f"outputs t{cells}, t{shares}, and none is named: measure one at a time" in said
    assert cli("import", "FLOAT32.tflite")[0] == 0
    code, _, err = cli("measure", "FLOAT32.npz", "--data", "pictures.npz", *name)
    assert code == 0, err
    assert f"outputs t{cells}, t{shares}, and --labels is of a net of one: name the" in refused(
        "import", "FLOAT32.tflite", "--labels", "a,b,c"
    )
