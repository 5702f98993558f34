"""`drypoint import`: what came out of PyTorch as ONNX becomes integers in two more commands."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from drypoint import data, measure, nn


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
