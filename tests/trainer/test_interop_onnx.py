"""Nets from ONNX files, against onnx's reference evaluator.

Tolerance: both sum float32 products of at most a few hundred terms, in another order; 1e-4 of the
largest output is far above that and far below any misread weight, stride or pad.
"""

import numpy as np
import onnx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx_files import OnnxFile as File
from onnx_files import normals, onnx_runtime
from properties import examples

from drypoint import interop, nn
from drypoint.common import DrypointError


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


@examples(40)
@given(st.integers(0, 2**32 - 1))
def test_random_chains_compute_what_onnx_computes(seed):
    rng = np.random.default_rng(seed)
    c, h, w = (int(rng.integers(low, high)) for low, high in ((1, 5), (6, 11), (6, 11)))
    file = File((c, h, w), seed=seed, batch=["N", 3][seed % 2])
    groups = int(rng.choice([g for g in range(1, c + 1) if c % g == 0]))
    o = groups * int(rng.integers(1, 4))
    kernel = [int(k) for k in rng.integers(1, 4, 2)]
    pads = rng.integers(0, 3, 4).tolist()
    padding = {"pads": pads}
    if seed % 5 < 2:
        padding = {"auto_pad": ["SAME_UPPER", "SAME_LOWER"][seed % 5]}
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
        more["ceil_mode"] = int(pool == "MaxPool" and seed % 2)
        file.then(pool, kernel_shape=size, strides=[1, 2], pads=[1, 0, 0, 0], **more)
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


def test_an_image_narrower_than_its_channels_is_no_image_with_the_channels_last():
    """What is first takes any shape; the convolution says which axis is the channels."""
    file = File((6, 5, 3)).then("Relu")
    file.then("Conv", file.drawn(2, 6, 3, 3), kernel_shape=[3, 3])
    assert same(file.bytes(), (6, 5, 3)).input_shape == (6, 5, 3)


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
        (lambda f: f.then("Erf"), "Erf 't0') computes a function of one value that no layer has"),
        (
            lambda f: f.then("AveragePool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
            "use ceil_mode=False",
        ),
        (
            lambda f: f.then("AveragePool", kernel_shape=[2, 2], pads=[1, 1, 1, 1]),
            "use count_include_pad=True",
        ),
        (lambda f: f.then("Flatten", axis=2), "does not keep the batch axis"),
        (lambda f: f.then("Transpose", perm=[1, 0, 2, 3]), "whose batch axis is axis 1"),
        (lambda f: f.then("Identity"), "no layers"),
        (lambda f: f.then("Conv", f.drawn(2, 2, 1, 1), auto_pad="SAME_MIDDLE"), "'SAME_MIDDLE'"),
        (lambda f: f.then("MaxPool", kernel_shape=[2, 2], auto_pad="?"), "has auto_pad '?'"),
        (lambda f: f.then("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]), "(dilations)"),
        (lambda f: f.then("Conv", f.constant(np.full((1, 2, 1, 1), np.inf))), "not finite"),
        (lambda f: f.then("Reshape", f.ints(-1, 16)), "batch axis"),
        (lambda f: f.then("Mul", f.drawn(1, 2, 4, 4)), "one number, or one for each channel"),
        (lambda f: f.then("Pad", f.ints(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect"), "wanted zeros"),
        (lambda f: f.then("ReduceMean", axes=[1]), "goes over the channels"),
        (lambda f: f.then("GridSample", f.drawn(1, 2, 2, 2)), "is none of the layers"),
        (
            lambda f: f.then("QuantizeLinear", f.constant(1.0)).then(
                "DequantizeLinear", f.constant(1.0)
            ),
            "interop.program_from_onnx reads it",
        ),
        (lambda f: f.of("MatMul", f.at, f.at), "as attention does"),
        (
            lambda f: f.of("Add", "input", f.of("Flatten", f.of("Sin", "input"))),
            "joins tensors (2, 4, 4) and (32,); wanted one shape, or a factor for each channel",
        ),
        (
            lambda f: f.of("Min", f.of("Sin", "input"), f.of("ReduceMax", "input", axes=[2])),
            "only Add, Sub and Mul do",
        ),
    ],
)
def test_what_no_layer_computes_is_refused_in_one_line_that_names_the_node(build, line):
    with pytest.raises(interop.OnnxError) as found:
        file = File((2, 4, 4))
        build(file)
        interop.from_onnx(file.bytes())
    assert line in str(found.value)
    assert "\n" not in str(found.value)


def test_all_refused_nodes_are_named_with_a_line_for_each_kind():
    """Nodes after a refused one are checked too, by the shape that onnx infers."""
    file = File((2, 8, 8))
    file.then("InstanceNormalization", file.drawn(2), file.drawn(2))
    file.then("Conv", file.drawn(2, 2, 3, 3), name="early")
    file.then("InstanceNormalization", file.drawn(2), file.drawn(2))
    file.then("AveragePool", kernel_shape=[2, 2], pads=[1, 1, 1, 1], name="late")
    with pytest.raises(interop.OnnxError) as found:
        interop.from_onnx(file.bytes())
    first, *reasons = str(found.value).splitlines()
    assert first == "the bytes are no net that can be read: 3 of 4 nodes:"
    assert [line.partition("; ")[0] for line in reasons] == [
        "  2 InstanceNormalization ('t0', 't2'): each normalizes by statistics of the example",
        "  AveragePool 'late' leaves padding out of its means",
    ]


def test_inputs_that_no_output_depends_on_are_left_out():
    file = File((4,)).then("Relu")
    assert isinstance(interop.from_onnx(file.bytes()), nn.Sequential)
    model = file.proto()
    model.graph.input.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, ["N", 4]))
    assert isinstance(interop.from_onnx(model.SerializeToString()), nn.Sequential)


def test_a_classifier_of_skl2onnx_is_the_net_of_its_probabilities():
    """A StandardScaler, a label beside the probabilities, and a dictionary in place of these.
    Oracle: ONNX Runtime, float32 sums in another order: 1e-6 of probabilities.
    """
    f = File((6,))
    numbers = np.random.default_rng(1).uniform(0.5, 2, (2, 6)).tolist()
    f.of("Scaler", "input", domain="ai.onnx.ml", offset=numbers[0], scale=numbers[1])
    f.then("MatMul", f.drawn(6, 3)).then("Softmax", axis=1)
    model = f.proto()
    wanted = onnx_runtime(model.SerializeToString(), normals((6,)))
    model.graph.node.append(helper.make_node("ArgMax", [f.at], ["label"], axis=1))
    label = helper.make_tensor_value_info("label", TensorProto.INT64, ["N", 1])
    model.graph.output.insert(0, label)
    files = [model.SerializeToString()]
    labels = {"classlabels_int64s": [0, 1, 2], "domain": "ai.onnx.ml"}
    model.graph.node.append(helper.make_node("ZipMap", [f.at], ["zipped"], **labels))
    one = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    kind = helper.make_sequence_type_proto(helper.make_map_type_proto(TensorProto.INT64, one))
    model.graph.output[1].CopyFrom(helper.make_value_info("zipped", kind))
    for content in (*files, model.SerializeToString()):
        net = interop.from_onnx(content)
        assert np.abs(net(normals((6,))) - wanted).max() <= 1e-6


def chains():
    """Functions of one value as chains of nodes, and the layer that each is."""

    def silu(f, x):
        return f.of("Mul", x, f.of("Sigmoid", x))

    def gelu(f, x):
        erf = f.of("Erf", f.of("Div", x, f.constant(np.sqrt(2))))
        return f.of("Mul", f.of("Mul", x, f.of("Add", erf, f.constant(1.0))), f.constant(0.5))

    def gelu_tanh(f, x):
        cubed = f.of("Mul", f.of("Pow", x, f.constant(3.0)), f.constant(0.044715))
        inner = f.of("Tanh", f.of("Mul", f.of("Add", x, cubed), f.constant(np.sqrt(2 / np.pi))))
        return f.of("Mul", f.of("Mul", f.constant(0.5), x), f.of("Add", inner, f.constant(1.0)))

    def mish(f, x):
        return f.of("Mul", x, f.of("Tanh", f.of("Softplus", x)))

    def leaky(f, x):
        return f.of("Max", x, f.of("Mul", x, f.constant(0.25)))

    def clipped(f, x):
        return f.of("Min", f.of("Max", x, f.constant(-0.5)), f.constant(2.0))

    def softplus(f, x):
        return f.of("Log", f.of("Add", f.of("Exp", x), f.constant(1.0)))

    def hard(f, x):
        return f.of("HardSigmoid", x)  # alpha 0.2: a scaling and a clip

    def doubled(f, x):
        return f.of("Add", x, x)

    def chosen(f, x):
        return f.of("Where", f.of("Less", x, f.constant(0)), f.of("Mul", x, f.constant(0.25)), x)

    def softplus_of_pytorch(f, x):  # x where 2 x is above 20
        twice = f.of("Mul", x, f.constant(2.0))
        exact = f.of("Div", f.of("Softplus", twice), f.constant(2.0))
        return f.of("Where", f.of("Greater", twice, f.constant(20.0)), x, exact)

    return {
        "SiLU": silu, "GELU": gelu, "Function": gelu_tanh, "Mish": mish, "LeakyReLU": leaky,
        "Hardtanh": clipped, "Softplus": softplus, "BatchNorm1d, Hardtanh": hard,
        "BatchNorm1d": doubled, "Where": chosen, "Where beside a softplus": softplus_of_pytorch,
    }  # fmt: skip


@pytest.mark.parametrize("kinds", chains())
def test_a_chain_of_nodes_is_the_layer_that_computes_its_function(kinds):
    """Oracle: ONNX Runtime; 1e-6 is some roundings of float32."""
    file = File((50,))
    chains()[kinds](file, "input")
    net = interop.from_onnx(file.bytes())
    x = normals((50,)) * 3
    np.testing.assert_allclose(net(x), onnx_runtime(file.bytes(), x), rtol=1e-5, atol=1e-6)
    names = {"Mish": "Function", "Softplus": "Function", "Where": "LeakyReLU"}
    names["Where beside a softplus"] = "BatchNorm1d, Function, BatchNorm1d"
    assert ", ".join(type(layer).__name__ for layer in net.layers.values()) == names.get(
        kinds, kinds
    )


def test_slices_splits_and_shuffles_of_channels_are_layers_that_move_values():
    file = File((6, 5, 5))
    grouped = file.of("Reshape", "input", file.ints(-1, 2, 3, 5, 5))
    turned = file.of("Transpose", grouped, perm=[0, 2, 1, 3, 4])
    shuffled = file.of("Reshape", turned, file.ints(-1, 6, 5, 5))
    left, right = file.of("Split", shuffled, axis=1, outputs=2)
    places = file.ints(1, 0), file.ints(4, 9), file.ints(2, 3), file.ints(1, 2)
    taken, other = (file.of("Slice", part, *places) for part in (left, right))
    chosen = file.of("Gather", file.of("Sub", taken, other), file.ints(2, 0), axis=1)
    file.of("Concat", chosen, taken, axis=1)
    x = normals((6, 5, 5))
    net = interop.from_onnx(file.bytes())
    assert {nn.ChannelShuffle, nn.Slice} < {type(layer) for layer in net.layers.values()}
    assert (net(x) == onnx_runtime(file.bytes(), x)).all()


@pytest.mark.parametrize("lengths", [2, 3, (1, 3, 2)])
def test_parts_of_a_sequence_are_parts_of_a_split(lengths):
    """PyTorch writes `chunk` and `split` so: the size of all parts but the last, or all sizes."""
    file = File((6, 5, 5))
    split = file.of("SplitToSequence", "input", file.constant(lengths, np.int64), axis=1)
    parts = [file.of("SequenceAt", split, file.constant(i, np.int64)) for i in (1, 0)]
    file.of("Concat", *parts, axis=1)
    x = normals((6, 5, 5))
    assert (interop.from_onnx(file.bytes())(x) == onnx_runtime(file.bytes(), x)).all()


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
        with pytest.raises(interop.OnnxError, match="without its weights: 'secret' is in "):
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


def located(folder, location, **entries):
    """A file whose weights are in another one, by its location and other entries."""
    model = File((3,)).then("MatMul", "secret").proto()
    array = external(numpy_helper.from_array(np.eye(3, dtype=np.float32), "secret"), location)
    for key, value in entries.items():
        array.external_data.add(key=key, value=value)
    model.graph.initializer.append(array)
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_only_a_file_beside_the_model_is_opened(tmp_path):
    folder, other = tmp_path / "a", tmp_path / "secret.bin"
    folder.mkdir()
    np.eye(3, dtype=np.float32).tofile(folder / "w.bin")
    np.eye(3, dtype=np.float32).tofile(other)
    (folder / "link.bin").symlink_to(other)
    assert interop.from_onnx(located(folder, "w.bin")).n_params == 9
    whole = located(folder, "w.bin", offset="0", length="36")
    assert interop.from_onnx(whole).n_params == 9
    for name in ("../secret.bin", str(other), "a/../w.bin", "", ".", "..", "..\\w.bin", "C:w.bin"):
        with pytest.raises(interop.OnnxError, match="wanted a file beside the ONNX file"):
            interop.from_onnx(located(folder, name))
    with pytest.raises(interop.OnnxError, match="is a link to another folder"):
        interop.from_onnx(located(folder, "link.bin"))
    with pytest.raises(DrypointError, match=r"cannot read .*none\.bin"):
        interop.from_onnx(located(folder, "none.bin"))
    for entries in ({"offset": "4"}, {"length": "40"}, {"length": "8"}, {"offset": "-4"},
                    {"offset": "9" * 30}, {"length": "x"}):  # fmt: skip
        with pytest.raises(interop.OnnxError) as found:
            interop.from_onnx(located(folder, "w.bin", **entries))
        assert str(found.value).isprintable()


def test_a_file_whose_tensors_share_one_data_file_takes_no_more_memory_than_it_has(tmp_path):
    np.eye(3, dtype=np.float32).tofile(tmp_path / "w.bin")
    model = onnx.load_model_from_string(located(tmp_path, "w.bin").read_bytes())
    for i in range(9):
        tensor = model.graph.initializer.add()
        tensor.CopyFrom(model.graph.initializer[0])
        tensor.name = f"more{i}"
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(interop.OnnxError, match=r"take more than 4 times the bytes of 'w\.bin'"):
        interop.from_onnx(tmp_path / "net.onnx")


def test_constants_are_not_computed_to_far_more_than_the_file_has():
    for build in (
        lambda f: f.of("ConstantOfShape", f.ints(1 << 20, 1 << 20)),
        lambda f: f.of("Expand", f.constant([1.0]), f.ints(1 << 20, 1 << 20)),
        lambda f: f.of("Range", f.constant(0.0), f.constant(1e12), f.constant(1.0)),
        lambda f: f.of("Mul", f.drawn(400, 1), f.drawn(1, 400)),
    ):
        file = File((3,))
        made = build(file)
        file.of("Mul", "input", made)
        with pytest.raises(interop.OnnxError, match="far more bytes than the file has"):
            interop.from_onnx(file.bytes())


def test_attributes_without_a_value_are_refused():
    """An attribute may stand for one of a function's, and the main graph is none."""
    for change in ({"ref_attr_name": "slope"}, {"type": 0}):
        model = onnx.load_model_from_string(File((3,)).then("LeakyRelu", alpha=0.5).bytes())
        attribute = model.graph.node[0].attribute[0]
        for name, value in change.items():
            setattr(attribute, name, value)
        with pytest.raises(interop.OnnxError) as found:
            interop.from_onnx(model.SerializeToString())
        assert str(found.value).isprintable()


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


def test_a_slope_for_each_channel_is_one_layer():
    slopes = np.array([0.2, -0.5, 1.5], np.float32).reshape(3, 1, 1)
    sizes = TensorProto.FLOAT, [1, 3, 4, 5]
    ends = [[helper.make_tensor_value_info(name, *sizes)] for name in ("x", "y")]
    node = helper.make_node("PRelu", ["x", "s"], ["y"])
    graph = helper.make_graph([node], "g", *ends, [numpy_helper.from_array(slopes, "s")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    net = interop.from_onnx(model.SerializeToString())
    assert [type(layer) for layer in net.layers.values()] == [nn.PReLU]
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    np.testing.assert_array_equal(net(x), np.where(x > 0, x, slopes * x))
