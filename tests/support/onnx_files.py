"""Small ONNX files, written with the package ``onnx``, and what ONNX Runtime computes of a file."""

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from same_values import check_close, check_engine

from drypoint import interop
from drypoint.program import reference

FORMS = ["QDQ int8", "QDQ uint8", "QOperator"]


class OnnxFile:
    """An ONNX file in the making. ``at`` is the name of the last node's output.

    Args:
        shape: of one example of the input.
        batch: the size of the batch axis, or its name.
        opset: the version of ONNX's operators.
        seed: of the weights that are drawn.
    """

    def __init__(self, shape, *, batch="N", opset=17, seed=0):
        self.rng = np.random.default_rng(seed)
        self.shape, self.batch, self.opset = shape, batch, opset
        self.nodes, self.constants, self.at = [], [], "input"
        self.inputs = {"input": shape}

    def another_input(self, name, shape):
        """One more input; its name."""
        self.inputs[name] = shape
        return name

    def constant(self, array, dtype=np.float32):
        """A constant's name."""
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def ints(self, *values):
        """A constant of int64, one axis."""
        return self.constant(values, np.int64)

    def drawn(self, *shape):
        """Random weights."""
        return self.constant(self.rng.normal(0, 0.5, shape))

    def positive(self, *shape):
        """Random numbers above 0."""
        return self.constant(self.rng.uniform(0.5, 2, shape))

    def of(self, op, *inputs, domain="", outputs=1, **attributes):
        """A node that reads the named tensors; its output's name, or names."""
        names = [f"t{len(self.nodes)}"] + [f"t{len(self.nodes)}_{i}" for i in range(1, outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, domain=domain, **attributes))
        self.at = names[0]
        return names[0] if outputs == 1 else names

    def then(self, op, *constants, **attributes):
        """A node that reads the last one's output, then constants."""
        self.of(op, self.at, *constants, **attributes)
        return self

    def norm(self, channels, **attributes):
        """A batch norm of the last node's output."""
        arrays = (self.positive(channels), self.drawn(channels), self.drawn(channels))
        return self.then("BatchNormalization", *arrays, self.positive(channels), **attributes)

    def proto(self, *, outputs=None):
        """The ``onnx.ModelProto``."""
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            "net",
            [value(n, TensorProto.FLOAT, [self.batch, *s]) for n, s in self.inputs.items()],
            [value(n, TensorProto.FLOAT, None) for n in (outputs or [self.at])],
            self.constants,
        )
        others = {"com.microsoft": 1, "ai.onnx.ml": 1}
        opsets = [helper.make_opsetid(*opset) for opset in {"": self.opset, **others}.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        model = onnx.shape_inference.infer_shapes(model)  # a file states its outputs' shapes
        for output in model.graph.output:
            if not output.type.tensor_type.HasField("shape"):  # nothing infers it
                output.CopyFrom(value(output.name, TensorProto.FLOAT, ["N", "n"]))
        del model.graph.value_info[:]
        return model

    def bytes(self, **more):
        """The file."""
        return self.proto(**more).SerializeToString()


def onnx_runtime(content, x, *, plain=False):
    """What ONNX Runtime computes of examples, one at a time.

    Args:
        content: the file's bytes or path.
        x: float32 (n, *example).
        plain: without its own changes of the graph: a quantized file is computed node by node.
    """
    ort = pytest.importorskip("onnxruntime")
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    if plain:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    content = content if isinstance(content, bytes) else str(content)
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return np.concatenate([session.run(None, {given.name: image[None]})[0] for image in x])


def qdq(f, name, scale, zero, kind=np.int8):
    """A QuantizeLinear and a DequantizeLinear."""
    steps = (f.constant(scale), f.constant(zero, kind))
    return f.of("DequantizeLinear", f.of("QuantizeLinear", name, *steps), *steps)


def normals(shape, n=4, seed=1):
    """Random examples."""
    return np.random.default_rng(seed).normal(0, 1, (n, *shape)).astype(np.float32)


def as_ours(net, x):
    """Examples as a net of `interop.from_onnx` takes them: images with the channels first, signals
    (C, L) as (C, 1, L).
    """
    if x.shape[1:] == net.input_shape:
        return x
    channels = net.input_shape[0]
    if x.ndim > 2 and x.shape[1] != channels and x.shape[-1] == channels:
        x = np.moveaxis(x, -1, 1)
    return x.reshape(len(x), *net.input_shape)


def quantized(content, shape, form):
    """A file as ``onnxruntime.quantization.quantize_static`` writes it, calibrated on random
    examples of a shape, or on examples of several inputs by name.
    """
    pytest.importorskip("onnxruntime")
    from onnxruntime import quantization as q

    class Reader(q.CalibrationDataReader):
        def __init__(self):
            x = shape if isinstance(shape, dict) else {"input": normals(shape, 20)}
            count = len(next(iter(x.values())))
            self.left = [{n: values[i : i + 1] for n, values in x.items()} for i in range(count)]

        def get_next(self):
            return self.left.pop() if self.left else None

    kinds = {"activation_type": q.QuantType.QUInt8, "weight_type": q.QuantType.QInt8}
    options = {
        "QDQ int8": {"per_channel": True},
        "QDQ uint8": kinds,
        "QOperator": {"quant_format": q.QuantFormat.QOperator, "per_channel": True, **kinds},
    }[form]
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "float.onnx", Path(folder) / "quantized.onnx"
        source.write_bytes(content)
        q.quantize_static(str(source), str(out), Reader(), **options)
        return out.read_bytes()


def check_net(content, shape, tolerance=1e-5):
    """The net of a file, which computes what ONNX Runtime computes."""
    net, x = interop.from_onnx(content), normals(shape)
    wanted, found = onnx_runtime(content, x), net(as_ours(net, x))
    if found.ndim == 4 and found.shape[1] != wanted.shape[1]:  # channels last
        found = np.moveaxis(found, 1, -1)
    check_close(found, wanted, tolerance)
    return net


def check_quantized(content, shape):
    """The program of a quantized file, which computes what the engine computes, and nearly
    everywhere what ONNX Runtime computes without its own changes of the graph. ONNX Runtime rounds
    in float32, so a byte of one op may differ by a step, and the ops after it pass that on.
    """
    program, x = interop.program_from_onnx(content), normals(shape, 40, seed=3)
    wanted, plane = onnx_runtime(content, x, plain=True), program.ops[0].in_shape
    integers = program.integers(x.reshape(len(x), plane.c, plane.h, plane.w))
    found = reference.run(program, integers).reshape(len(x), *program.output_shape)
    found = found.transpose(0, 3, 1, 2).reshape(wanted.shape)
    steps = np.abs(found - wanted / program.output_scale)
    assert steps.max() < 3
    assert (steps < 0.01).mean() > 0.97
    check_engine(program, integers)
    return program
