"""Files for other frameworks. Oracles: the net itself, run by onnx's evaluator, ONNX Runtime and
PyTorch; tests/tools/test_bench_peers.py holds the files of programs to the reference.
"""

import json
import sys

import numpy as np
import pytest

from drypoint import data, engine, interop, models, nn, quant
from drypoint.common import MissingPackageError

LAYERS = {
    "conv": nn.Conv2d(6, 3, padding="same", stride=2),
    "norm": nn.BatchNorm2d(),
    "relu": nn.ReLU(),
    "depth": nn.Conv2d(6, 3, groups=6, padding=((1, 0), (0, 1)), bias=False),
    "swish": nn.Hardswish(),
    "pool": nn.MaxPool2d(2, stride=1, padding=1),
    "pad": nn.ZeroPad2d((1, 0, 2, 0)),
    "mean": nn.AvgPool2d(2, padding=1),
    "leaky": nn.LeakyReLU(0.1),
    "a": nn.Conv2d(6, 1),
    "b": nn.Conv2d(6, 3, dilation=2, padding=2),
    "add": nn.Add(),
    "gate": nn.Hardsigmoid(),
    "mul": nn.Mul(),
    "cat": nn.Concat(),
    "relu6": nn.ReLU6(),
    "adaptive": nn.AdaptiveAvgPool2d(1),
    "shape": nn.Reshape((12,)),
    "drop": nn.Dropout(0.5),
    "fc": nn.Linear(8),
    "norm1": nn.BatchNorm1d(),
    "gelu": nn.GELU(),
    "silu": nn.SiLU(),
    "square": nn.Function("square"),
    "tanh": nn.Function("tanh"),
    "sin": nn.Sin(),
    "fc2": nn.Linear(5, bias=False),
    "softmax": nn.Softmax(),
}
EDGES = [
    ("input", "conv", "norm", "relu", "depth", "swish", "pool", "pad", "mean", "leaky", "a"),
    ("leaky", "b", "add.b"),
    ("a", "add.a"),
    ("add", "gate", "mul.b"),
    ("add", "mul.a"),
    ("mul", "cat.a"),
    ("a", "cat.b"),
    ("cat", "relu6", "adaptive", "shape", "drop", "fc", "norm1", "gelu", "silu", "square", "tanh"),
    ("tanh", "sin", "fc2", "softmax"),
]


def filled(net, seed=0):
    """The net with random parameters and batch norm statistics."""
    net = net.initialize(seed)
    rng = np.random.default_rng(seed)
    norms = {p: rng.uniform(0.5, 1.5, a.shape) for p, a in net.parameters().items() if "norm" in p}
    buffers = {p: rng.uniform(0.5, 1.5, s) for p, s in net.buffer_shapes().items()}
    return net.with_params(norms).with_buffers(buffers)


GRAPH = filled(nn.Graph(LAYERS, EDGES, {"input": (2, 12, 14)}))
CHAIN = filled(
    nn.Sequential(
        nn.Sequential(nn.Conv2d(4, 3), nn.ReLU()), nn.GlobalAvgPool2d(), nn.Linear(3), nn.Softmax()
    ).bind((3, 8, 8))
)


def inputs(net, n=3):
    return np.random.default_rng(1).normal(0, 1, (n, *net.input_shape)).astype(np.float32)


def test_an_onnx_file_of_a_net_computes_the_net():
    """Of all layers that have nodes. float32 sums have other orders: 1e-5 of values near 1."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    for net in (GRAPH, CHAIN):
        content = interop.to_onnx(net)
        onnx.checker.check_model(content, full_check=True)
        x = inputs(net)
        (found,) = ReferenceEvaluator(content).run(None, {"input": x})
        assert np.abs(found - net(x)).max() <= 1e-5


def test_onnx_runtime_runs_the_file_with_any_batch(toolbox):
    toolbox.need_package("onnx")
    toolbox.need_package("onnxruntime")
    import onnxruntime

    for net in (GRAPH, CHAIN):
        session = onnxruntime.InferenceSession(interop.to_onnx(net))
        for n in (1, 5):
            (found,) = session.run(None, {"input": inputs(net, n)})
            assert np.abs(found - net(inputs(net, n))).max() <= 1e-5


def test_the_file_names_layers_and_holds_encoder_and_classes():
    import onnx

    model = models.load("lenet-mnist")
    proto = onnx.load_model_from_string(interop.to_onnx(model))
    facts = {p.key: json.loads(p.value) for p in proto.metadata_props}
    assert data.encoder_from_config(facts["drypoint.encoder"]) == model.encoder
    assert facts["drypoint.classes"] == list(range(10))
    names = {init.name for init in proto.graph.initializer}
    assert len(names) == 8
    assert all(name.endswith((".weight", ".bias")) for name in names)


def test_what_has_no_node_is_named_all_at_once():
    layers = {"root": nn.Elementwise(np.sin, np.cos), "fc": nn.Linear(3), "dot": nn.Dot()}
    edges = [("input", "root", "fc", "dot.a"), ("fc", "dot.b")]
    net = nn.Graph(layers, edges, {"input": (3,)}).initialize(0)
    with pytest.raises(interop.ExportError) as caught:
        interop.to_onnx(net)
    assert str(caught.value) == (
        "ONNX nodes are not written for Elementwise at path 'root', Dot at path 'dot'"
    )
    for call, message in [
        (lambda: interop.to_onnx(nn.lenet()), "the net is untrained or its sizes are open: "),
        (lambda: interop.to_onnx(3), "source is 3; wanted: a Model, a net, or a Program"),
        (lambda: interop.to_tflite(CHAIN), "program is a Sequential; wanted: a Program, as "),
        (lambda: interop.to_onnx(PROGRAM), "inputs is None; wanted: inputs of the program, such"),
        (lambda: interop.to_torch_state_dict(nn.lenet()), "the net is untrained: train.fit"),
    ]:
        with pytest.raises(interop.ExportError) as caught:
            call()
        assert str(caught.value).startswith(message)


MODEL = models.load("lenet-mnist")
PROGRAM = models.load_program("lenet-mnist")


def test_files_of_a_program_decide_as_the_program(toolbox):
    """LeNet on test images, in ONNX Runtime and LiteRT. The scales in the files are real: an output
    is the program's within the steps of the file's last tensor."""
    toolbox.need_package("onnxruntime")
    toolbox.need_package("ai_edge_litert")
    import onnxruntime
    from ai_edge_litert.interpreter import Interpreter

    images = data.load("mnist", "test").x[:100]
    wanted = engine.Engine(PROGRAM).run(images)
    real = wanted * PROGRAM.output_scale
    content = interop.to_onnx(PROGRAM, images, batch=100)
    (found,) = onnxruntime.InferenceSession(content).run(None, {"input": images[:, None]})
    step = np.abs(real).max() / 120
    assert np.abs((found.astype(int) - 128) * step - real).max() <= 3 * step
    assert (found.argmax(axis=1) == wanted.argmax(axis=1)).mean() >= 0.99
    session = Interpreter(model_content=interop.to_tflite(PROGRAM, images, batch=100))
    session.allocate_tensors()
    first, last = session.get_input_details()[0], session.get_output_details()[0]
    session.set_tensor(first["index"], (images[..., None].astype(int) - 128).astype(np.int8))
    session.invoke()
    scale, zero = last["quantization"]
    found = session.get_tensor(last["index"]).astype(int)
    assert np.isclose(scale, step)
    assert np.isclose(first["quantization"][0], PROGRAM.input_scale)
    assert np.abs((found - zero) * scale - real).max() <= 3 * step
    assert (found.argmax(axis=1) == wanted.argmax(axis=1)).mean() >= 0.99


def test_a_state_dict_is_what_pytorch_loads():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    layers = {"conv": nn.Conv2d(4, 3, groups=2), "norm": nn.BatchNorm2d(), "flatten": nn.Flatten()}
    net = filled(nn.Sequential({**layers, "fc": nn.Linear(3)}, (2, 6, 6)))
    module = torch.nn.Sequential()
    module.add_module("conv", torch.nn.Conv2d(2, 4, 3, groups=2))
    module.add_module("norm", torch.nn.BatchNorm2d(4))
    module.add_module("flatten", torch.nn.Flatten())
    module.add_module("fc", torch.nn.Linear(64, 3))
    module.load_state_dict(interop.to_torch_state_dict(net))
    x = inputs(net)
    with torch.no_grad():
        found = module.eval()(torch.from_numpy(x)).numpy()
    assert np.abs(found - net(x)).max() <= 1e-5  # float32, sums in another order


def test_safetensors_hold_the_arrays(toolbox):
    toolbox.need_package("safetensors")
    import safetensors.numpy

    found = safetensors.numpy.load(interop.to_safetensors(MODEL))
    arrays = MODEL.net.parameters()
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    for module, extra, call in [
        ("onnx", "interop", lambda: interop.to_onnx(CHAIN)),
        ("onnx", "interop", lambda: interop.to_onnx(PROGRAM, np.zeros((1, 28, 28), np.uint8))),
        (
            "ai_edge_litert.schema_py_generated",
            "tflite",
            lambda: interop.to_tflite(PROGRAM, np.zeros((1, 28, 28), np.uint8)),
        ),
        ("torch", "torch", lambda: interop.to_torch_state_dict(CHAIN)),
        ("safetensors.numpy", "interop", lambda: interop.to_safetensors(CHAIN)),
    ]:
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingPackageError) as caught:
            call()
        top = module.partition(".")[0]
        assert str(caught.value) == (
            f"this needs the package {top}: pip install 'drypoint[{extra}]' (in a clone: "
            f".venv/bin/pip install '.[{extra}]')"
        )


def test_a_package_that_fails_to_load_is_not_said_to_be_missing_alone(tmp_path, monkeypatch):
    (tmp_path / "safetensors").mkdir()
    (tmp_path / "safetensors/__init__.py").write_text("import not_installed\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for module in [name for name in sys.modules if name.partition(".")[0] == "safetensors"]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(MissingPackageError) as caught:
        interop.to_safetensors(CHAIN)
    assert str(caught.value).endswith("(its import fails: No module named 'not_installed')")


def test_a_float_net_goes_out_and_comes_back():
    found = interop.from_onnx(interop.to_onnx(MODEL))
    x = MODEL.encode(data.load("mnist", "test").x[:5])
    assert np.abs(found(x) - MODEL.net(x)).max() <= 1e-5
    program = quant.quantize(nn.Model(found), quant.calibrate(nn.Model(found), x))
    assert len(program.ops) == 4
