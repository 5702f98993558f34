"""Nets from ONNX files, against onnx's reference evaluator.

Tolerance: both sum float32 products of at most a few hundred terms, in another order; 1e-4 of the
largest output is far above that and far below any misread weight, stride or pad.
"""

import numpy as np
import onnx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from drypoint import interop, nn
from drypoint.common import DrypointError


class File:
    """An ONNX file in the making: a chain of nodes."""

    def __init__(self, shape, *, batch="N", seed=0):
        self.rng = np.random.default_rng(seed)
        self.shape, self.batch = shape, batch
        self.nodes, self.constants, self.at = [], [], "input"

    def constant(self, array, dtype=np.float32):
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def drawn(self, *shape):
        return self.constant(self.rng.normal(0, 0.5, shape))

    def then(self, op, *constants, first=False, **attributes):
        inputs = [*constants, self.at] if first else [self.at, *constants]
        self.at = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [self.at], **attributes))
        return self

    def bytes(self, *, more_nodes=(), outputs=None):
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            [*self.nodes, *more_nodes],
            "net",
            [value("input", TensorProto.FLOAT, [self.batch, *self.shape])],
            [value(n, TensorProto.FLOAT, None) for n in (outputs or [self.at])],
            self.constants,
        )
        opset = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8)
        model = onnx.shape_inference.infer_shapes(model)  # a file states its outputs' shapes
        del model.graph.value_info[:]
        return model.SerializeToString()


def same(content, shape, n=3):
    """Check our net against onnx's evaluator on n examples; returns the net."""
    net = interop.from_onnx(content)
    x = np.random.default_rng(1).normal(0, 1, (n, *shape)).astype(np.float32)
    (wanted,) = ReferenceEvaluator(onnx.load_model_from_string(content)).run(None, {"input": x})
    got = net(x)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= 1e-4 * max(np.abs(wanted).max(), 1e-3)
    return net


def lenet():
    file = File((1, 28, 28))
    file.then("Conv", file.drawn(20, 1, 5, 5), file.drawn(20), kernel_shape=[5, 5])
    file.then("Relu").then("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    file.then("Conv", file.drawn(50, 20, 5, 5), file.drawn(50), kernel_shape=[5, 5])
    file.then("Relu").then("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    file.then("Reshape", file.constant([-1, 800], np.int64))
    file.then("Gemm", file.drawn(500, 800), file.drawn(500), transB=1).then("Relu")
    file.then("Dropout").then("MatMul", file.drawn(500, 10)).then("Add", file.drawn(10))
    return file.then("Softmax", axis=1)


def test_lenet_as_pytorch_and_keras_write_it():
    net = same(lenet().bytes(), (1, 28, 28))
    assert list(net.layers)[:3] == ["conv1", "relu1", "pool1"]
    assert net.n_params == nn.lenet().n_params
    assert net.info().macs == 2_293_000


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_chains_compute_what_onnx_computes(seed):
    rng = np.random.default_rng(seed)
    c, h, w = (int(rng.integers(low, high)) for low, high in ((1, 5), (6, 11), (6, 11)))
    file = File((c, h, w), seed=seed, batch=["N", 3][seed % 2])
    groups = int(rng.choice([g for g in range(1, c + 1) if c % g == 0]))
    o = groups * int(rng.integers(1, 4))
    kernel = [int(k) for k in rng.integers(1, 4, 2)]
    pads = rng.integers(0, 3, 4).tolist()
    padding = {"auto_pad": "SAME_UPPER"} if seed % 5 == 0 else {"pads": pads}
    bias = [file.drawn(o)] if seed % 3 else []
    strides = rng.integers(1, 3, 2).tolist()
    file.then("Conv", file.drawn(o, c // groups, *kernel), *bias, group=groups, strides=strides,
              kernel_shape=kernel, **padding)  # fmt: skip
    if seed % 7 < 3:
        positive = file.constant(rng.uniform(0.5, 2, o))
        arrays = (file.drawn(o), file.drawn(o), file.drawn(o), positive)
        file.then("BatchNormalization", *arrays, epsilon=1e-3)
    file.then(str(rng.choice(["Relu", "Sigmoid", "Tanh", "Sin", "Cos", "Identity"])))
    pool = str(rng.choice(["MaxPool", "AveragePool", "GlobalAveragePool", "Identity"]))
    if pool in ("MaxPool", "AveragePool"):
        size = [2, 2]
        more = {"count_include_pad": 1} if pool == "AveragePool" else {}
        file.then(pool, kernel_shape=size, strides=[1, 2], pads=[1, 0, 0, 1], **more)
    else:
        file.then(pool)
    (output,) = onnx.load_model_from_string(file.bytes()).graph.output
    dims = [dim.dim_value for dim in output.type.tensor_type.shape.dim][1:]
    assume(len(dims) == 3 and min(dims) > 0)  # the window may not fit
    file.then("Flatten")
    n = int(np.prod(dims))
    same(file.then("Gemm", file.drawn(n, 4), file.drawn(1, 4)).bytes(), (c, h, w))


def test_pooling_without_strides_steps_by_one_as_onnx_says():
    file = File((1, 4, 4)).then("MaxPool", kernel_shape=[2, 2])
    assert same(file.bytes(), (1, 4, 4)).output_shape((1, 4, 4)) == (1, 3, 3)


def test_constants_may_be_nodes_and_weights_may_be_double():
    file = File((3,))
    weight = np.arange(6, dtype=np.float32).reshape(3, 2)
    value = numpy_helper.from_array(weight, "value")
    file.nodes.append(helper.make_node("Constant", [], ["w"], value=value))
    net = same(file.then("MatMul", "w").bytes(), (3,))
    assert (net.parameters()["linear.weight"] == weight.T).all()


@pytest.mark.parametrize(
    ("build", "line"),
    [
        (lambda f: f.then("Transpose", perm=[0, 2, 3, 1]).then("Erf"), "2 of 2 nodes: Transpose"),
        (lambda f: f.then("MaxPool", kernel_shape=[2, 2], ceil_mode=1), "rounds sizes up"),
        (lambda f: f.then("AveragePool", kernel_shape=[2, 2], pads=[1, 1, 1, 1]), "leaves padding"),
        (lambda f: f.then("Flatten", axis=2), "does not keep the batch axis"),
        (lambda f: f.then("Flatten").then("LogSoftmax"), "without it, or with a softmax"),
        (lambda f: f.then("Softmax", axis=1), "over axis 1"),
        (lambda f: f.then("Add", f.drawn(1)), "adds a constant"),
        (lambda f: f.then("Identity"), "no layers"),
        (lambda f: f.then("Conv", f.drawn(2, 2, 1, 1), auto_pad="SAME_LOWER"), "SAME_LOWER"),
        (lambda f: f.then("Conv", f.drawn(2, 2, 1, 1), auto_pad="SAME_MIDDLE"), "'SAME_MIDDLE'"),
        (lambda f: f.then("MaxPool", kernel_shape=[2, 2], auto_pad="?"), "has auto_pad '?'"),
        (lambda f: f.then("Conv", f.constant(np.full((1, 2, 1, 1), np.inf))), "not finite"),
        (lambda f: f.then("Flatten").then("Gemm", f.drawn(32, 2), alpha=2.0), "alpha"),
        (lambda f: f.then("Reshape", f.constant([-1, 16], np.int64)), "batch axis"),
    ],
)
def test_what_no_layer_says_is_refused_in_one_line_that_names_the_node(build, line):
    with pytest.raises(interop.OnnxError) as found:
        interop.from_onnx(build(File((2, 4, 4))).bytes())
    assert line in str(found.value)
    assert "\n" not in str(found.value)


def test_a_graph_that_is_no_chain_is_refused():
    file = File((4,)).then("Relu")
    branch = helper.make_node("Sin", ["t0"], ["s"]), helper.make_node("Cos", ["t0"], ["c"])
    with pytest.raises(interop.OnnxError, match="only a chain"):
        interop.from_onnx(file.bytes(more_nodes=branch, outputs=["s"]))
    with pytest.raises(interop.OnnxError, match="2 outputs"):
        interop.from_onnx(file.bytes(more_nodes=branch, outputs=["s", "c"]))
    join = (helper.make_node("Add", ["t0", "input"], ["sum"]),)
    with pytest.raises(interop.OnnxError, match=r"read by Relu 't0', Add 'sum'"):
        interop.from_onnx(file.bytes(more_nodes=join, outputs=["sum"]))


def external(tensor, file):
    """A tensor with its data in another file."""
    del tensor.external_data[:]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=file)
    return tensor


def tensor_places(model):
    """Tensors in all places that an ONNX file has for them, one a time: as a name, and a model."""
    array = numpy_helper.from_array(np.eye(3, dtype=np.float32), "secret")
    value = helper.make_tensor_value_info
    relu = helper.make_node("Relu", ["x"], ["y"])
    inner = helper.make_graph([relu], "g", [], [value("y", TensorProto.FLOAT, None)], [array])
    sparse = onnx.SparseTensorProto(values=array, indices=array, dims=[3, 3])
    nodes = {
        "initializer of a branch": helper.make_node(
            "If", ["c"], ["d"], then_branch=inner, else_branch=inner
        ),
        "constant": helper.make_node("Constant", [], ["d"], value=array),
        "sparse constant": helper.make_node("Constant", [], ["d"], sparse_value=sparse),
        "tensors of a node": helper.make_node(
            "Own", [], ["d"], domain="own", tensors=[array, array]
        ),
        "sparse tensors of a node": helper.make_node("Own", [], ["d"], domain="own", some=[sparse]),
        "graphs of a node": helper.make_node("Own", [], ["d"], domain="own", graphs=[inner]),
    }
    for name, node in nodes.items():
        made = onnx.ModelProto.FromString(model)
        made.graph.node.insert(0, node)
        yield name, made
    places = {
        "initializer": lambda m: m.graph.initializer.append(array),
        "sparse initializer": lambda m: m.graph.sparse_initializer.append(sparse),
        "function": lambda m: m.functions.add(name="f", domain="own").node.append(
            nodes["constant"]
        ),
        "training": lambda m: m.training_info.add().algorithm.initializer.append(array),
    }
    for name, put in places.items():
        made = onnx.ModelProto.FromString(model)
        put(made)
        yield name, made


def tensors_in(message):
    """All tensors inside a message, by protobuf's own list of fields."""
    if isinstance(message, TensorProto):
        yield message
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE:
            for one in [value] if hasattr(value, "ListFields") else value:
                yield from tensors_in(one)


def test_data_in_other_files_are_refused_wherever_they_stand(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.eye(3, dtype=np.float32).tofile(tmp_path / "other.bin")
    plain = File((3,)).then("Relu").bytes()
    tried = []
    for name, model in tensor_places(plain):
        for tensor in tensors_in(model):
            if tensor.name == "secret":
                external(tensor, "other.bin")
        with pytest.raises(interop.OnnxError, match="without its weights: 'secret' is in another"):
            interop.from_onnx(model.SerializeToString())
        tried.append(name)
    assert len(tried) == 10
    file = File((3,))
    file.nodes.append(helper.make_node("Constant", [], ["w"], value=external(
        numpy_helper.from_array(np.eye(3, dtype=np.float32), "secret"), "other.bin")))  # fmt: skip
    model = file.then("Relu").bytes()
    assert b"other.bin" in model
    with pytest.raises(interop.OnnxError, match="'secret' is in another file; save all in one"):
        interop.from_onnx(model)


def test_open_sizes_are_refused():
    with pytest.raises(interop.OnnxError, match="is open"):
        interop.from_onnx(File((1, "H", "W")).then("Relu").bytes())


def test_bytes_that_are_no_model_are_refused_in_one_line(tmp_path):
    whole = lenet().bytes()
    rng = np.random.default_rng(0)
    for content in (
        b"",
        b"\x08",
        b"PK\x03\x04",
        *(whole[: rng.integers(len(whole))] for _ in "abc"),
    ):
        with pytest.raises(interop.OnnxError) as found:
            interop.from_onnx(content)
        assert "\n" not in str(found.value)
    with pytest.raises(DrypointError, match="cannot read"):
        interop.from_onnx(tmp_path / "none.onnx")


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(DrypointError, match=r"drypoint\[interop\]"):
        interop.from_onnx(b"")
