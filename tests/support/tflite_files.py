"""Small TensorFlow Lite files, written with the schema's builders of the package ``tflite``, and
what LiteRT computes of them.
"""

import flatbuffers
import numpy as np
import pytest
import tflite
from same_values import check_close

from drypoint import engine, interop
from drypoint.program import reference

OPTIONS = {  # of an operator: the table, and the values of enumerations by their names
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "CONCATENATION": "ConcatenationOptions",
    "SOFTMAX": "SoftmaxOptions",
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "GELU": "GeluOptions",
    "MEAN": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "PACK": "PackOptions",
    "SHAPE": "ShapeOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "DEPTH_TO_SPACE": "DepthToSpaceOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SPLIT": "SplitOptions",
    "SPLIT_V": "SplitVOptions",
    "SQUEEZE": "SqueezeOptions",
    "VAR_HANDLE": "VarHandleOptions",
    "GATHER": "GatherOptions",
    "CALL_ONCE": "CallOnceOptions",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
}
ENUMERATIONS = {"Padding": tflite.Padding, "FusedActivationFunction": tflite.ActivationFunctionType}
TYPES = {
    "FLOAT32": np.float32, "FLOAT16": np.float16, "INT8": np.int8, "UINT8": np.uint8,
    "INT16": np.int16, "INT32": np.int32,
}  # fmt: skip


class TfliteFile:
    """A file in the making. Tensor 0 is its input, the last operator's output its output."""

    def __init__(self, shape, *, kind="INT8", scale=0.5, zero=0, seed=0):
        self.rng = np.random.default_rng(seed)
        self.tensors, self.operators = [], []
        self.variables = []  # name, shape, type, scale, zero
        self.states = set()  # numbers of tensors that an operator keeps from run to run
        self.kind, self.at, self.inputs = kind, None, [0]
        self.at = self.tensor(shape, scale=scale, zero=zero)

    def another_input(self, shape, *, scale=0.5, zero=0):
        """One more input; its number."""
        self.inputs.append(self.tensor(shape, scale=scale, zero=zero))
        return self.inputs[-1]

    def tensor(self, shape, values=None, *, kind=None, scale=None, zero=0, axis=0):
        """A tensor's number; float tensors have no scale."""
        kind = kind or self.kind
        scales = (
            []
            if scale is None or kind == "RESOURCE" or kind.startswith("FLOAT")
            else np.ravel(scale)
        )
        self.tensors.append((tuple(shape), kind, values, scales, zero, axis))
        return len(self.tensors) - 1

    def constant(self, values, kind="INT32", **quantized):
        """A constant's number."""
        values = np.asarray(values, TYPES[kind])
        return self.tensor(values.shape, values, kind=kind, **quantized)

    def drawn(self, *shape, axis=0):
        """Random weights; as integers with a scale for each index of ``axis``."""
        if self.kind == "FLOAT32":
            return self.constant(self.rng.normal(0, 0.5, shape), "FLOAT32")
        values = self.rng.integers(-127, 128, shape)
        return self.constant(
            values, "INT8", scale=self.rng.uniform(0.002, 0.01, shape[axis]), axis=axis
        )

    def bias(self, n):
        """Random biases."""
        if self.kind == "FLOAT32":
            return self.constant(self.rng.normal(0, 0.5, n), "FLOAT32")
        return self.constant(self.rng.integers(-900, 900, n), scale=np.full(n, 0.002))

    def then(self, kind, inputs, shape, *, scale=0.5, zero=0, type=None, **options):  # noqa: A002
        """An operator; its output's number."""
        self.at = self.tensor(shape, kind=type, scale=scale, zero=zero)
        self.operators.append((kind, list(inputs), [self.at], options))
        return self.at

    def lstm(self, at, units, *, scale=0.01, zero=0, **options):
        """A UNIDIRECTIONAL_SEQUENCE_LSTM, as the converter of Keras's writes it."""
        (_, steps, channels), quantized = self.tensors[at][0], {"scale": scale, "zero": zero}
        wide = {"kind": "INT16", "scale": 2.0**-12} if self.kind == "INT8" else {}

        def drawn(*shape):
            if self.kind == "FLOAT32":
                return self.drawn(*shape)
            values = self.rng.integers(-127, 128, shape)
            return self.constant(values, "INT8", scale=[0.005])

        def bias():
            if self.kind == "FLOAT32":
                return self.bias(units)
            values = self.rng.integers(-900, 900, units)
            return self.constant(values, scale=[0.005 * self.tensors[at][3][0]])

        matrices = [drawn(units, n) for n in (channels, units) for _ in range(4)]
        biases = [bias() for _ in range(4)]
        states = [
            self.tensor((1, units), **quantized), self.tensor((1, units), **wide),
        ]  # fmt: skip
        self.states |= {*states}
        inputs = [at, *matrices, *(-1,) * 3, *biases, -1, -1, *states, *(-1,) * 4]
        options = {"FusedActivationFunction": "TANH", "CellClip": 10.0, **options}
        made = (1, steps, units)
        return self.then("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, made, **quantized, **options)

    def split(self, at, *sizes):
        """A SPLIT_V of channels; the numbers of its outputs."""
        shape, kind, _, scales, zero, _ = self.tensors[at]
        inputs = [at, self.constant(sizes), self.constant(-1)]
        made = [self.tensor((*shape[:-1], n), kind=kind, scale=scales, zero=zero) for n in sizes]
        self.operators.append(("SPLIT_V", inputs, made, {"NumSplits": len(sizes)}))
        return made

    def rows(self, at, first, last=0):
        """A STRIDED_SLICE of rows, counted from the end."""
        shape, kind, _, scales, zero, _ = self.tensors[at]
        ends = [self.constant([0, n, *(0 for _ in shape[2:])]) for n in (first, last)]
        made = (1, last - first, *shape[2:])
        masks = {"BeginMask": 0b1101, "EndMask": 0b1101 if last else 0b1111}
        inputs = [at, *ends, self.constant([1 for _ in shape])]
        quantized = {"type": kind, "scale": scales, "zero": zero}
        return self.then("STRIDED_SLICE", inputs, made, **quantized, **masks)

    def buffer(self, at, rows, name):
        """A ring buffer: the number of the tensor of the variable's rows and the new ones."""
        shape, kind, _, scales, zero, _ = self.tensors[at]
        quantized = {"type": kind, "scale": scales, "zero": zero}
        self.variables.append((name, (1, rows, *shape[2:]), kind, scales, zero))
        handle = self.tensor((), kind="RESOURCE")
        self.operators.append(("VAR_HANDLE", [], [handle], {"SharedName": name.encode()}))
        read = self.then("READ_VARIABLE", [handle], self.variables[-1][1], **quantized)
        joined = (1, rows + shape[1], *shape[2:])
        at = self.then("CONCATENATION", [read, at], joined, **quantized, Axis=1)
        kept = self.rows(at, -rows)
        self.operators.append(("ASSIGN_VARIABLE", [handle, kept], [], {}))
        self.at = at
        return at

    def bytes(self, outputs=None):
        """The file, whose outputs are the tensors of these numbers, or the last operator's."""
        b = flatbuffers.Builder(1024)
        outputs = outputs or [self.at]
        graphs = [(self.tensors, self.operators, self.inputs, outputs)]
        if self.variables:
            once = ("CALL_ONCE", [], [], {"InitSubgraphIndex": 1})
            graphs = [(self.tensors, [once, *self.operators], [0], outputs), self._start()]
        kinds = sorted({kind for graph in graphs for kind, *_ in graph[1]})
        buffers, made = [self._buffer(b, None)], []
        for tensors, operators, inputs, outputs in graphs:
            first = len(buffers)
            buffers += [self._buffer(b, tensor[2]) for tensor in tensors]
            fields = {
                "Tensors": [self._tensor(b, first + i, tensor) for i, tensor in enumerate(tensors)]
            }
            fields |= {"Operators": [self._operator(b, kinds, operator) for operator in operators]}
            fields = {field: offsets(b, tables) for field, tables in fields.items()}
            fields |= {"Inputs": numbers(b, inputs), "Outputs": numbers(b, outputs)}
            made.append(table(b, "SubGraph", fields))
        codes = [self._code(b, getattr(tflite.BuiltinOperator, kind)) for kind in kinds]
        fields = {"Version": 3, "OperatorCodes": offsets(b, codes)}
        fields |= {"Subgraphs": offsets(b, made), "Buffers": offsets(b, buffers)}
        b.Finish(table(b, "Model", fields), file_identifier=b"TFL3")
        return bytes(b.Output())

    def _start(self):
        """The graph that gives the variables their first values: real zeros."""
        tensors, operators = [], []
        for name, shape, kind, scales, zero in self.variables:
            at = len(tensors)
            values = np.full(shape, zero, TYPES[kind])
            tensors += [((), "RESOURCE", None, [], 0, 0), (shape, kind, values, scales, zero, 0)]
            operators.append(("VAR_HANDLE", [], [at], {"SharedName": name.encode()}))
            operators.append(("ASSIGN_VARIABLE", [at, at + 1], [], {}))
        return tensors, operators, [], []

    def _buffer(self, b, values):
        fields = {} if values is None else {"Data": b.CreateByteVector(values.tobytes())}
        return table(b, "Buffer", fields)

    def _tensor(self, b, buffer, tensor):
        shape, kind, values, scales, zero, axis = tensor
        fields = {
            "Name": b.CreateString(f"t{buffer - 1}"),
            "Shape": numbers(b, shape),
            "Type": getattr(tflite.TensorType, kind),
        }
        fields |= {"Buffer": buffer if values is not None else 0}
        fields |= {"IsVariable": True} if buffer - 1 in self.states else {}
        if len(scales):
            given = {"Scale": b.CreateNumpyVector(np.asarray(scales, np.float32))}
            given |= {"ZeroPoint": b.CreateNumpyVector(np.full(len(scales), zero, np.int64))}
            given |= {"QuantizedDimension": axis}
            fields |= {"Quantization": table(b, "QuantizationParameters", given)}
        return table(b, "Tensor", fields)

    def _operator(self, b, kinds, operator):
        kind, inputs, outputs, options = operator
        fields = {"OpcodeIndex": kinds.index(kind), "Inputs": numbers(b, inputs)}
        fields |= {"Outputs": numbers(b, outputs)}
        if kind in OPTIONS:
            values = {
                field: getattr(ENUMERATIONS[field], value)
                if isinstance(value, str)
                else b.CreateString(value)
                if isinstance(value, bytes)
                else numbers(b, value)
                if isinstance(value, list)
                else value
                for field, value in options.items()
            }
            fields |= {"BuiltinOptions": table(b, OPTIONS[kind], values)}
            fields |= {"BuiltinOptionsType": getattr(tflite.BuiltinOptions, OPTIONS[kind])}
        return table(b, "Operator", fields)

    def _code(self, b, code):
        fields = {"DeprecatedBuiltinCode": min(code, 127), "BuiltinCode": code, "Version": 1}
        return table(b, "OperatorCode", fields)


def table(b, kind, fields):
    """A table of the schema, from its fields."""
    getattr(tflite, f"{kind}Start")(b)
    for name, value in fields.items():
        getattr(tflite, f"{kind}Add{name}")(b, value)
    return getattr(tflite, f"{kind}End")(b)


def numbers(b, values):
    """A vector of int32."""
    return b.CreateNumpyVector(np.asarray(values, np.int32))


def offsets(b, values):
    """A vector of tables."""
    b.StartVector(4, len(values), 4)
    for value in reversed(values):
        b.PrependUOffsetTRelative(value)
    return b.EndVector()


def windows(kernel=None, stride=(1, 1), padding="SAME", **more):
    """Options of a convolution, or with a kernel of a pool."""
    options = {"StrideH": stride[0], "StrideW": stride[1], "Padding": padding, **more}
    if kernel is None:
        return options
    return options | {"FilterHeight": kernel[0], "FilterWidth": kernel[1]}


def a_net(kind="INT8"):
    """A file with most operators: a residual block with a PAD, pools, a concatenation, a dense
    layer and a softmax. Reads (1, 8, 6, 3) and gives four classes.
    """
    relu = {"FusedActivationFunction": "RELU"}
    f = TfliteFile((1, 8, 6, 3), kind=kind, scale=0.02, zero=-3)
    quantized = {"scale": 0.05, "zero": -128}
    stem = f.then("CONV_2D", [f.at, f.drawn(8, 3, 3, 3), f.bias(8)], (1, 8, 6, 8), **quantized,
                  **windows(), **relu)  # fmt: skip
    by_channel = windows(DepthMultiplier=1)
    deep = f.then("DEPTHWISE_CONV_2D", [stem, f.drawn(1, 3, 3, 8, axis=3), f.bias(8)],
                  (1, 8, 6, 8), scale=0.06, zero=5, **by_channel)  # fmt: skip
    added = f.then("ADD", [stem, deep], (1, 8, 6, 8), **quantized, **relu)
    around = f.constant([[0, 0], [1, 1], [0, 2], [0, 0]])
    padded = f.then("PAD", [added, around], (1, 10, 8, 8), **quantized)
    left = f.then("CONV_2D", [padded, f.drawn(4, 3, 3, 8), f.bias(4)], (1, 4, 3, 4), scale=0.1,
                  **windows(stride=(2, 2), padding="VALID"))  # fmt: skip
    right = f.then("MAX_POOL_2D", [added], (1, 4, 3, 8), **quantized,
                   **windows((2, 2), (2, 2), "VALID"))  # fmt: skip
    right = f.then("CONV_2D", [right, f.drawn(4, 1, 1, 8), f.bias(4)], (1, 4, 3, 4), scale=0.1,
                   **windows())  # fmt: skip
    joined = f.then("CONCATENATION", [left, right], (1, 4, 3, 8), scale=0.1, Axis=3)
    flat = f.then("RESHAPE", [joined, f.constant([1, 96])], (1, 96), scale=0.1)
    f.then("FULLY_CONNECTED", [flat, f.drawn(4, 96), f.bias(4)], (1, 4), scale=0.2, zero=7)
    f.then("SOFTMAX", [f.at], (1, 4), scale=1 / 256, zero=-128, Beta=1.0)
    return f.bytes()


def a_stream(kind="INT8", branch=9):
    """A streaming file: three rows of 8 features a run, a convolution of stride 3, depthwise
    convolutions of 5 and ``branch`` rows on halves of the channels, a residual connection with the
    delay of their buffer, and a dense layer of four rows. Quotients of the scales make few ties.
    """
    relu = {"FusedActivationFunction": "RELU"}
    f = TfliteFile((1, 3, 8), kind=kind, scale=0.0517, zero=-128)
    plane = f.then("RESHAPE", [0, f.constant([1, 3, 1, 8])], (1, 3, 1, 8), scale=0.0517, zero=-128)
    at = f.buffer(plane, 2, "first")
    stem = f.then("CONV_2D", [at, f.drawn(6, 5, 1, 8), f.bias(6)], (1, 1, 1, 6), scale=0.0813,
                  zero=-128, **windows(stride=(3, 1), padding="VALID"), **relu)  # fmt: skip
    rows = f.buffer(stem, branch - 1, "second")
    halves, parts = f.split(rows, 3, 3), []
    for half, kernel in zip(halves, (5, branch), strict=True):
        weights = [f.drawn(1, kernel, 1, 3, axis=3), f.bias(3)]
        at = f.rows(half, -kernel)
        parts.append(f.then("DEPTHWISE_CONV_2D", [at, *weights], (1, 1, 1, 3), scale=0.1021, zero=5,
                            **windows(padding="VALID", DepthMultiplier=1)))  # fmt: skip
    mixed = f.then("CONCATENATION", parts, (1, 1, 1, 6), scale=0.1021, zero=5, Axis=-1)
    late = f.rows(rows, -3, -2)
    added = f.then("ADD", [mixed, late], (1, 1, 1, 6), scale=0.1207, zero=-10)
    at = f.buffer(added, 3, "third")
    flat = f.then("RESHAPE", [at, f.constant([1, 24])], (1, 24), scale=0.1207, zero=-10)
    f.then("FULLY_CONNECTED", [flat, f.drawn(4, 24), f.bias(4)], (1, 4), scale=0.2031, zero=7)
    return f.bytes()


def a_dilation(kind="INT8", crops=((0, 1), (0, 0)), block=(2, 3), weights=(5, 3, 3, 4)):
    """A convolution 3x3 of the phases of a plane."""
    f = TfliteFile((1, 7, 9, 4), kind=kind, scale=0.02, zero=-3)
    pads = [[2, 3], [3, 3]]
    rows, columns = (7 + 5) // 2, (9 + 6) // 3
    blocks = f.constant(block)
    at = f.then("SPACE_TO_BATCH_ND", [0, blocks, f.constant(pads)], (1, rows, columns, 4),
                scale=0.02, zero=-3)  # fmt: skip
    valid = windows(padding="VALID", DilationHFactor=1, DilationWFactor=1)
    at = f.then("CONV_2D", [at, f.drawn(*weights), f.bias(5)], (1, rows - 2, columns - 2, 5),
                scale=0.04, zero=3, **valid)  # fmt: skip
    cut = [n - sum(side) for n, side in zip((8, 9), crops, strict=True)]
    f.then("BATCH_TO_SPACE_ND", [at, blocks, f.constant(crops)], (1, *cut, 5), scale=0.04, zero=3)
    return f.bytes()


def run_litert(content, x, kernels="AUTO"):
    """LiteRT's outputs by name, each with its scale and zero point, from a run for each example.

    Args:
        content: the file.
        x: the examples, or the examples of several inputs by name.
        kernels: of `OpResolverType`.
    """
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    resolver = getattr(interpreter.OpResolverType, kernels)
    running = interpreter.Interpreter(model_content=content, experimental_op_resolver_type=resolver)
    running.allocate_tensors()
    inputs, ends = running.get_input_details(), running.get_output_details()
    examples = x if isinstance(x, dict) else {inputs[0]["name"]: x}
    outputs = {end["name"]: [] for end in ends}
    for i in range(len(next(iter(examples.values())))):
        for given in inputs:
            values = examples[given["name"]][i].reshape(given["shape"]).astype(given["dtype"])
            running.set_tensor(given["index"], values)
        running.invoke()
        for end in ends:
            outputs[end["name"]].append(running.get_tensor(end["index"]).copy())
    return {end["name"]: (np.array(outputs[end["name"]]), *end["quantization"]) for end in ends}


def litert(content, x, kernels="AUTO"):
    """What LiteRT computes of each example, integers less their zero point."""
    ((values, _, zero),) = run_litert(content, x, kernels).values()
    rows = values.reshape(len(values), -1)
    return rows if rows.dtype == np.float32 else rows - np.int64(zero)


def int8s(shape, n=40):
    return np.random.default_rng(1).integers(-128, 128, (n, *shape)).astype(np.int8)


def check_integers(content, share=1.0, case=""):
    """The program of a file, which computes what the engine computes, and what LiteRT computes but
    for steps of 1 in at most this share of the values.
    """
    program = interop.program_from_tflite(content)
    x = int8s(program.input_shape)
    outputs = reference.run(program, x)
    off = np.abs(outputs - litert(content, x))
    assert off.max() <= 1, case
    assert (off > 0).mean() <= share, case
    assert (engine.Engine(program).run(x) == outputs).all(), case
    assert len(np.unique(outputs)) > 5, case
    return program


def check_floats(content):
    """The net of a file, which computes what LiteRT computes."""
    net = interop.from_tflite(content)
    x = np.random.default_rng(1).normal(0, 1, (3, *net.input_shape)).astype(np.float32)
    wanted = litert(content, x.transpose(0, 2, 3, 1) if x.ndim == 4 else x)
    found = net(x)
    check_close(found.transpose(0, 2, 3, 1) if found.ndim == 4 else found, wanted)
    return net
