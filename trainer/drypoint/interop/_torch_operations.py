"""PyTorch's operations (ATen) as ONNX's operators: name without overload -> what adds the nodes."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Operation = Callable[[Any], str]  # of a call, as `_torch._Call` has it


def _same(op: str) -> Operation:
    """An operator of one tensor without attributes."""
    return lambda call: str(call.add(op, [call.tensor()]))


def _pair(op: str) -> Operation:
    """An operator of two tensors, or of a tensor and a number."""

    def add(call: Any) -> str:
        if call.get("rounding_mode") is not None:
            return str(call.add("division that rounds", [call.tensor()]))
        other = call.tensor("other")
        alpha = call.get("alpha", 1)
        if alpha != 1:
            other = call.part("scaled", "Mul", [other, call.constant(np.float32(alpha))])
        return str(call.add(op, [call.tensor(), other]))

    return add


def _convolution(call: Any) -> str:
    axes = len(call.shape("weight")) - 2
    if call.get("transposed", False):
        return _transposed(call)
    dilation = call.ints("dilation", axes, 1)
    kernel = call.shape("weight")[2:]
    padding = call.get("padding", 0)
    if isinstance(padding, str):
        same = padding == "same"
        total = [same * d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        pads = (*(n // 2 for n in total), *(n - n // 2 for n in total))
    else:
        pads = call.ints("padding", axes) * 2
    bias = [call.tensor("bias")] if call.get("bias") is not None else []
    return str(
        call.add(
            "Conv",
            [call.tensor(), call.tensor("weight"), *bias],
            kernel_shape=kernel,
            strides=call.ints("stride", axes, 1),
            pads=pads,
            dilations=dilation,
            group=call.get("groups", 1),
        )
    )


def _transposed(call: Any) -> str:
    axes = len(call.shape("weight")) - 2
    bias = [call.tensor("bias")] if call.get("bias") is not None else []
    return str(
        call.add(
            "ConvTranspose",
            [call.tensor(), call.tensor("weight"), *bias],
            kernel_shape=call.shape("weight")[2:],
            strides=call.ints("stride", axes, 1),
            pads=call.ints("padding", axes, 0) * 2,
            output_padding=call.ints("output_padding", axes, 0),
            dilations=call.ints("dilation", axes, 1),
            group=call.get("groups", 1),
        )
    )


def _resized(mode: str) -> Operation:
    def add(call: Any) -> str:
        sizes = call.constant(np.array(call.shape(), np.int64))
        how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return str(call.add("Resize", [call.tensor(), "", "", sizes], mode=mode, **how))

    return add


def _shuffled(call: Any) -> str:
    size = call.get("upscale_factor")
    return str(call.add("DepthToSpace", [call.tensor()], blocksize=size, mode="CRD"))


def _linear(call: Any) -> str:
    bias = [call.tensor("bias")] if call.get("bias") is not None else []
    return str(call.add("Gemm", [call.tensor(), call.tensor("weight"), *bias], transB=1))


def _batch_norm(call: Any) -> str:
    if call.get("running_mean") is None:
        return str(call.add("batch_norm without running statistics", [call.tensor()]))
    n = call.shape("input")[1]
    given = {"weight": np.ones(n), "bias": np.zeros(n)}
    arrays = [
        call.tensor(name)
        if call.get(name) is not None
        else call.constant(values.astype(np.float32))
        for name, values in given.items()
    ]
    statistics = [call.tensor(name) for name in ("running_mean", "running_var")]
    reads = [call.tensor(), *arrays, *statistics]
    return str(call.add("BatchNormalization", reads, epsilon=call.get("eps", 1e-5)))


def _max_pool(call: Any) -> str:
    axes = len(call.shape("input")) - 2
    kernel = call.ints("kernel_size", axes)
    return str(
        call.add(
            "MaxPool",
            [call.tensor()],
            kernel_shape=kernel,
            strides=call.ints("stride", axes) if call.get("stride") else kernel,
            pads=call.ints("padding", axes, 0) * 2,
            dilations=call.ints("dilation", axes, 1),
            ceil_mode=int(call.get("ceil_mode", False)),
        )
    )


def _mean_pool(call: Any) -> str:
    axes = len(call.shape("input")) - 2
    kernel = call.ints("kernel_size", axes)
    return str(
        call.add(
            "AveragePool",
            [call.tensor()],
            kernel_shape=kernel,
            strides=call.ints("stride", axes) if call.get("stride") else kernel,
            pads=call.ints("padding", axes, 0) * 2,
            ceil_mode=int(call.get("ceil_mode", False)),
            count_include_pad=int(call.get("count_include_pad", True)),
        )
    )


def _adaptive(pool: str) -> Operation:
    """Pooling to a size that divides that of the image."""

    def add(call: Any) -> str:
        sizes, wanted = call.shape("input")[2:], call.shape()[2:]
        if all(n == 1 for n in wanted):
            return str(call.add(f"Global{pool}", [call.tensor()]))
        if any(n % m for n, m in zip(sizes, wanted, strict=True)):
            return str(call.add("AdaptivePool of parts of different sizes", [call.tensor()]))
        kernel = tuple(n // m for n, m in zip(sizes, wanted, strict=True))
        return str(call.add(pool, [call.tensor()], kernel_shape=kernel, strides=kernel))

    return add


def _reduced(op: str) -> Operation:
    """The mean or the maximum over axes."""

    def add(call: Any) -> str:
        axes = call.get("dim") or range(1, len(call.shape("input")))
        axes = [axes] if isinstance(axes, int) else list(axes)
        keep = int(call.get("keepdim", False))
        return str(call.add(op, [call.tensor()], axes=tuple(axes), keepdims=keep))

    return add


def _reshape(call: Any) -> str:
    sizes = np.array([-1, *call.shape()[1:]], np.int64)
    if call.shape()[0] != call.shape("input")[0]:
        sizes = np.array(call.shape(), np.int64)  # the batch axis is joined: the reader refuses it
    return str(call.add("Reshape", [call.tensor(), call.constant(sizes)]))


def _permute(call: Any) -> str:
    rank = len(call.shape("input"))
    axes = list(range(rank))
    if call.get("dims") is not None:
        axes = [int(n) % rank for n in call.get("dims")]
    else:
        names = ("dim0", "dim1") if call.get("dim0") is not None else ("axis0", "axis1")
        a, b = (int(call.get(name)) % rank for name in names)
        axes[a], axes[b] = axes[b], axes[a]
    return str(call.add("Transpose", [call.tensor()], perm=tuple(axes)))


def _concat(call: Any) -> str:
    rank = len(call.shape())
    return str(call.add("Concat", call.tensors("tensors"), axis=int(call.get("dim", 0)) % rank))


def _softmax(op: str) -> Operation:
    return lambda call: str(call.add(op, [call.tensor()], axis=call.axis()))


def _clip(call: Any) -> str:
    names = ("min_val", "max_val") if call.get("max_val") is not None else ("min", "max")
    ends = [call.get(name) for name in names]
    consts = [call.constant(np.float32(end)) if end is not None else "" for end in ends]
    return str(call.add("Clip", [call.tensor(), *consts]))


def _relu6(call: Any) -> str:
    ends = [call.constant(np.float32(end)) for end in (0, 6)]
    return str(call.add("Clip", [call.tensor(), *ends]))


def _pad(call: Any) -> str:
    rank, given = len(call.shape("input")), list(call.get("pad"))
    before, after = [0] * rank, [0] * rank
    for i in range(len(given) // 2):
        before[rank - 1 - i], after[rank - 1 - i] = given[2 * i], given[2 * i + 1]
    mode = str(call.get("mode", "constant"))
    sides = call.constant(np.array([*before, *after], np.int64))
    value = call.constant(np.float32(call.get("value", 0.0)))
    return str(call.add("Pad", [call.tensor(), sides, value], mode=mode))


def _slice(call: Any, axis: int, start: int, end: int, step: int = 1) -> str:
    numbers = [call.constant(np.array([n], np.int64)) for n in (start, end, axis, step)]
    return str(call.add("Slice", [call.tensor(), *numbers]))


def _sliced(call: Any) -> str:
    axis = call.axis("dim", 0)
    size = call.shape("input")[axis]
    start, end = call.get("start", 0), min(call.get("end", size), size)
    if axis == 0 and (start, end) == (0, size):
        return str(call.add("Identity", [call.tensor()]))
    return _slice(call, axis, start, end, call.get("step", 1))


def _max(call: Any) -> str:
    """The larger of two tensors, or the maximum over an axis."""
    return _pair("Max")(call) if call.get("other") is not None else _reduced("ReduceMax")(call)


def _subtracted_from(call: Any) -> str:
    """A tensor or number less a tensor."""
    if call.get("alpha", 1) != 1:
        return str(call.add("rsub with a factor", [call.tensor()]))
    return str(call.add("Sub", [call.tensor("other"), call.tensor()]))


def _selected(call: Any) -> str:
    """One index of an axis, such as the last step of a signal."""
    axis = call.axis("dim", 0)
    number = int(call.get("index")) % call.shape("input")[axis]
    return str(call.add("Gather", [call.tensor(), call.constant(np.int64(number))], axis=axis))


def _split(call: Any) -> str:
    """Nothing: each part that is read becomes a slice of what is split."""
    return str(call.tensor())


def _part(call: Any) -> str:
    """One of the parts of a split tensor."""
    whole, number = call.node.args
    if not any(kind in str(whole.target) for kind in ("split", "chunk")):
        if number != 0 and call.node.users:  # such as the places of maxima
            return str(call.add(f"output {number} of {whole.target}", [call.names[whole.name]]))
        return str(call.add("Identity", [call.names[whole.name]]))
    parts = [tuple(one.shape) for one in whole.meta["val"]]
    (source,) = whole.all_input_nodes
    sizes = tuple(source.meta["val"].shape)
    axis = next((i for i, n in enumerate(sizes) if any(p[i] != n for p in parts)), 1)
    start = sum(int(part[axis]) for part in parts[:number])
    ends = (start, start + int(parts[number][axis]), axis, 1)
    numbers = [call.constant(np.array([n], np.int64)) for n in ends]
    return str(call.add("Slice", [call.names[source.name], *numbers]))


def _silu(call: Any) -> str:
    share = call.part("sigmoid", "Sigmoid", [call.tensor()])
    return str(call.add("Mul", [call.tensor(), share]))


def _power(call: Any) -> str:
    return str(call.add("Pow", [call.tensor(), call.tensor("exponent")]))


def _leaky(call: Any) -> str:
    return str(call.add("LeakyRelu", [call.tensor()], alpha=call.get("negative_slope", 0.01)))


def _gelu(call: Any) -> str:
    return str(call.add("Gelu", [call.tensor()], approximate=str(call.get("approximate", "none"))))


def _hard_sigmoid(call: Any) -> str:
    return str(call.add("HardSigmoid", [call.tensor()], alpha=1 / 6, beta=0.5))


def _elu(call: Any) -> str:
    return str(call.add("Elu", [call.tensor()], alpha=call.get("alpha", 1.0)))


def _softplus(call: Any) -> str:
    """log(1 + exp(beta * x)) / beta; from a threshold of 20 on x itself differs by 2e-9 at most."""
    beta, threshold = float(call.get("beta", 1.0)), float(call.get("threshold", 20.0))
    if threshold < 20:
        return str(call.add(f"softplus with the threshold {threshold:g}", [call.tensor()]))
    if beta == 1:
        return str(call.add("Softplus", [call.tensor()]))
    number = call.constant(np.float32(beta))
    made = call.part("scaled", "Mul", [call.tensor(), number])
    return str(call.add("Div", [call.part("softplus", "Softplus", [made]), number]))


def _matmul(call: Any) -> str:
    return str(call.add("MatMul", [call.tensor(), call.tensor("other")]))


def _prelu(call: Any) -> str:
    return str(call.add("PRelu", [call.tensor(), call.tensor("weight")]))


REFUSED = {
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), "LSTM"),
    "layer_norm": "LayerNormalization",
    "group_norm": "GroupNormalization",
    "instance_norm": "InstanceNormalization",
    "argmax": "ArgMax",
    "topk": "TopK",
    "where": "Where",
    "einsum": "Einsum",
    "sum": "ReduceSum",
}
"""Operations that no layer computes -> ONNX's name, for which the reader has a hint."""

OPERATIONS: Mapping[str, Operation] = {
    **dict.fromkeys(("conv1d", "conv2d", "convolution"), _convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d"), _transposed),
    **dict.fromkeys(("upsample_nearest1d", "upsample_nearest2d"), _resized("nearest")),
    **dict.fromkeys(("upsample_linear1d", "upsample_bilinear2d"), _resized("linear")),
    "pixel_shuffle": _shuffled,
    **dict.fromkeys(("max_pool1d", "max_pool2d"), _max_pool),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d"), _mean_pool),
    **dict.fromkeys(("adaptive_avg_pool1d", "adaptive_avg_pool2d"), _adaptive("AveragePool")),
    **dict.fromkeys(("adaptive_max_pool1d", "adaptive_max_pool2d"), _adaptive("MaxPool")),
    **dict.fromkeys(("view", "reshape", "flatten", "unsqueeze", "squeeze", "unflatten"), _reshape),
    **dict.fromkeys(("_unsafe_view",), _reshape),
    **dict.fromkeys(("permute", "transpose", "swapaxes"), _permute),
    **dict.fromkeys(
        ("dropout", "feature_dropout", "alpha_dropout", "contiguous", "clone", "detach", "alias",
         "to", "_to_copy", "lift_fresh_copy"), _same("Identity"),
    ),
    "_assert_tensor_metadata": lambda call: str(call.add("Identity", [call.tensor("a")])),
    **dict.fromkeys(("cat", "concat"), _concat),
    **dict.fromkeys(("clamp", "clamp_min", "clamp_max", "hardtanh", "clip"), _clip),
    **dict.fromkeys(("pad", "constant_pad_nd"), _pad),
    **dict.fromkeys(("split", "chunk", "split_with_sizes"), _split),
    **dict.fromkeys(("matmul", "mm"), _matmul),
    "getitem": _part,
    "linear": _linear,
    "batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "mean": _reduced("ReduceMean"),
    "max": _max,
    "rsub": _subtracted_from,
    "square": lambda call: str(call.add("Mul", [call.tensor(), call.tensor()])),
    "amax": _reduced("ReduceMax"),
    "slice": _sliced,
    "select": _selected,
    "softmax": _softmax("Softmax"),
    "_softmax": _softmax("Softmax"),
    "log_softmax": _softmax("LogSoftmax"),
    "_log_softmax": _softmax("LogSoftmax"),
    "add": _pair("Add"),
    "sub": _pair("Sub"),
    "mul": _pair("Mul"),
    "div": _pair("Div"),
    "true_divide": _pair("Div"),
    "multiply": _pair("Mul"),
    "subtract": _pair("Sub"),
    "minimum": _pair("Min"),
    "maximum": _pair("Max"),
    "pow": _power,
    "relu": _same("Relu"),
    "relu6": _relu6,
    "leaky_relu": _leaky,
    "prelu": _prelu,
    "elu": _elu,
    "selu": _same("Selu"),
    "silu": _silu,
    "gelu": _gelu,
    "hardswish": _same("HardSwish"),
    "hardsigmoid": _hard_sigmoid,
    "mish": _same("Mish"),
    "softplus": _softplus,
    "sigmoid": _same("Sigmoid"),
    "tanh": _same("Tanh"),
    "exp": _same("Exp"),
    "log": _same("Log"),
    "sqrt": _same("Sqrt"),
    "abs": _same("Abs"),
    "neg": _same("Neg"),
    "sin": _same("Sin"),
    "cos": _same("Cos"),
}  # fmt: skip
"""The name of an operation -> the function that adds its nodes."""
