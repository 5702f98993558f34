"""`drypoint import`: what came out of PyTorch as ONNX becomes integers in two more commands, what
came out of TensorFlow as quantized integers in this one."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from tflite_files import a_net

from drypoint import data, interop, measure, nn
from drypoint.program import blob


def onnx_file(path, *, channels=1):
    rng = np.random.default_rng(0)
    arrays = {"w": rng.normal(0, 1, (3, channels * 20)), "b": rng.normal(0, 1, 3)}
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["f"]),
         helper.make_node("Gemm", ["f", "w", "b"], ["y"], transB=1)],
        "net",
        [value("x", TensorProto.FLOAT, ["N", channels, 4, 5])],
        [value("y", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(a.astype(np.float32), name) for name, a in arrays.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
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
    (scores,) = ReferenceEvaluator(onnx.load(file)).run(None, {"x": x})
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


def test_misfits_are_refused_in_one_line(refused, tmp_path):
    file = onnx_file(tmp_path / "net.onnx")
    assert "--labels names 2 classes" in refused("import", file, "--labels", "a,b")
    assert "reads (2, 4, 5)" in refused("import", onnx_file(tmp_path / "two.onnx", channels=2))
    (tmp_path / "text.onnx").write_text("no model")
    assert "text.onnx is no ONNX model" in refused("import", tmp_path / "text.onnx")


def test_a_quantized_tflite_file_becomes_its_program(cli, refused, tmp_path):
    file = tmp_path / "net.tflite"
    file.write_bytes(a_net())
    code, out, _ = cli("import", file, "--labels", "a,b,c,d", "--json")
    assert code == 0
    facts = json.loads(out)
    program = blob.loads((tmp_path / "net.dpt").read_bytes())
    assert (facts["file"], facts["ops"][0]) == (str(tmp_path / "net.dpt"), "conv_2d_0")
    assert (program.name, program.labels) == ("net", ("a", "b", "c", "d"))
    assert str(program) == str(interop.program_from_tflite(file, name="net"))
    assert "--mean and --std are of float nets" in refused("import", file, "--mean", 0.5)
    assert "4 outputs" in refused("import", file, "--labels", "a,b")


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
