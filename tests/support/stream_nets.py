"""Random programs that read windows of a signal, and what their streams must give."""

from dataclasses import replace

import numpy as np
from last_output import only_output
from line_nets import SCALES, dense, rule
from random_ops import (
    INT8_STYLES,
    binary_op,
    random_op,
    random_output,
    random_pads,
    requantization,
    weighted_op,
)

from drypoint.program import (
    AvgPool,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    GroupedConv,
    MaxPool,
    Program,
    Shape,
    Tensor,
    reference,
)

KINDS = ("conv", "depthwise", "grouped", "max", "avg", "lookup", "residual", "branches")


class _Line:
    """A program in the making; `tensor` is the number of the tensor that the next op reads."""

    def __init__(self, seed: int, causal: bool) -> None:
        self.rng, self.causal = np.random.default_rng(seed), causal
        shape = Shape(int(self.rng.integers(6, 24)), int(self.rng.choice([1, 1, 3])), 3)
        self.tensors, self.ops, self.reads = [random_output(self.rng, shape, False)], [], []
        self.tensor = 0

    @property
    def source(self) -> Tensor:
        return self.tensors[self.tensor]

    def append(self, op, *reads: int) -> int:
        self.ops.append(op)
        self.reads.append(reads)
        self.tensors.append(op.output)
        self.tensor = len(self.ops)
        return self.tensor

    def name(self) -> str:
        return f"op{len(self.ops)}"

    def windows(self, kind: str, **fixed: int) -> int:
        """An op that reads windows; `fixed` may say kernel, stride, dilation and front padding."""
        rng, (h, w, c) = self.rng, self.source.shape
        dilation = fixed.get("dilation", int(rng.integers(1, 3)))
        dilation = 1 if kind in ("max", "avg") else dilation
        kernel = min(fixed.get("kernel", int(rng.integers(1, 5))), (h - 1) // dilation + 1)
        reach = (kernel - 1) * dilation + 1
        front = min(
            reach - 1, fixed.get("front", int(rng.integers(0, reach)) if self.causal else 0)
        )
        plane = h + front - reach + 1
        stride = fixed.get("stride", int(rng.choice([1, 1, 2, 3])))
        rows = (plane - 1) // stride + 1
        across = 1 if w == 1 or fixed else int(rng.integers(1, 3))
        left = int(rng.integers(0, across))
        columns = w + left - across + 1
        more = {"kernel": (kernel, across), "stride": (stride, 1), "padding": (front, left, 0, 0)}
        if kind in ("max", "avg"):
            return self.pool(kind, Shape(rows, columns, c), **more)
        pool = 1 if fixed or (self.causal and rows < 4) else int(rng.choice([1, 1, min(2, rows)]))
        more |= {"dilation": (dilation, 1), "pool": (pool, 1)}
        more["pad"] = random_pads(rng, self.source, more["padding"])
        n, op, weight = int(rng.integers(1, 6)), Conv, (c,)
        if kind == "depthwise":
            op, n, weight = DepthwiseConv, c * int(rng.integers(1, 3)), ()
        elif kind == "grouped" and c % 2 == 0:
            op, n, weight, more["groups"] = GroupedConv, 2 * n, (c // 2,), 2
        n = fixed.get("channels", n)
        base = {"name": self.name(), "inputs": (self.source,)}
        base["output"] = random_output(rng, Shape(rows // pool, columns, n), False)
        style = str(rng.choice(INT8_STYLES))
        shape = (n, kernel, across, *(weight or (1,)))
        if op is DepthwiseConv:
            shape = (n, kernel, across)
        return self.append(weighted_op(rng, op, style, base, shape, **more), self.tensor)

    def pool(self, kind: str, shape: Shape, **windows) -> int:
        base = {"name": self.name(), "inputs": (self.source,), **windows}
        if kind == "max":
            return self.append(
                MaxPool(**base, output=self.source._replace(shape=shape)), self.tensor
            )
        output, count = random_output(self.rng, shape, False), int(np.prod(windows["kernel"]))
        bias = self.rng.integers(-99, 100, 1).astype(np.int32)
        rule = requantization(self.rng, 99 + 255 * count, output.type, 1)
        pad = random_pads(self.rng, self.source, windows["padding"])
        return self.append(AvgPool(**base, **rule, output=output, bias=bias, pad=pad), self.tensor)

    def residual(self) -> None:
        """A convolution that keeps the height, and its sum with what it reads, or the product."""
        before, source = self.tensor, self.source
        shape, kernel = source.shape, min(3, source.shape.h)
        front = kernel - 1 if self.causal else 0
        kernel = kernel if self.causal else 1
        more = {"dilation": 1, "stride": 1, "front": front, "channels": shape.c}
        self.windows("conv", kernel=kernel, **more)
        if self.source.shape != shape:
            return
        kind = "mul" if self.rng.random() < 0.3 else "add"
        op = binary_op(self.rng, self.name(), self.source, source, last=False, kind=kind)
        self.append(op, self.tensor, before)

    def branches(self) -> None:
        """Two convolutions of one tensor, with kernels of their own, side by side or added."""
        source, made = self.tensor, []
        stride, kernel = int(self.rng.integers(1, 4)), int(self.rng.integers(1, 5))
        for k in (kernel, int(self.rng.integers(1, 5)), kernel):
            self.tensor = source
            front = k - 1 if self.causal else 0
            fixed = {"stride": stride, "dilation": 1, "channels": 2, "front": front}
            made.append(self.windows("conv", kernel=k, **fixed))
            tensors = [self.tensors[number] for number in made[-2:]]
            if len(made) == 2 and tensors[0].shape != tensors[1].shape:
                if stride == 1:  # two sums over all rows: the later one meets a delayed one
                    made = [self.whole(number) for number in made]
                    tensors = [self.tensors[number] for number in made]
                    break
                for part in (self.ops, self.reads, self.tensors):
                    part.pop()
                made.pop()
            elif len(made) == 2:
                break
        if self.rng.random() < 0.5 and len({t[1:] for t in tensors}) == 1:
            a = tensors[0]
            shape = Shape(*a.shape[:2], 2 * a.shape.c)
            op = Concat(name=self.name(), inputs=tuple(tensors), output=a._replace(shape=shape))
            self.append(op, *made)
        else:
            op = binary_op(self.rng, self.name(), *tensors, last=False, kind="add")
            self.append(op, *made)

    def whole(self, number: int) -> int:
        self.tensor = number
        base = {"name": self.name(), "inputs": (self.source,)}
        base["output"] = random_output(self.rng, Shape(1, 1, 3), False)
        shape = (3, self.source.shape.size)
        return self.append(weighted_op(self.rng, Dense, "any", base, shape), number)

    def end(self) -> None:
        """A mean or a maximum over all rows now and then, and a dense op or a row for each time."""
        choice = self.rng.random()
        if choice < 0.4:
            shape = self.source.shape
            kind = "max" if choice < 0.2 else "avg"
            whole = {"kernel": shape[:2], "stride": shape[:2], "padding": (0, 0, 0, 0)}
            self.pool(kind, Shape(1, 1, shape.c), **whole)
        last = self.rng.random() < 0.8
        source = self.source
        base = {"name": self.name(), "inputs": (source,)}
        if last:
            base["output"] = Tensor(Shape(1, 1, 3), "i32")
            op = weighted_op(self.rng, Dense, "any", base, (3, source.shape.size))
        else:
            base["output"] = Tensor(source.shape._replace(c=2), "i32")
            op = weighted_op(self.rng, Conv, "any", base, (2, 1, 1, source.shape.c), kernel=(1, 1))
        self.append(op, self.tensor)


def random_windows(seed: int, *, causal: bool = False) -> Program:
    """A program that reads windows and can stream: convolutions, pools, strides, dilations,
    branches. A causal one has padding in front of the signal, and residuals."""
    line = _Line(seed, causal)
    for _ in range(int(line.rng.integers(1, 6))):
        kind = str(line.rng.choice(KINDS))
        if kind == "residual":
            line.residual()
        elif kind == "branches":
            line.branches()
        elif kind == "lookup":
            line.append(
                random_op(line.rng, line.name(), line.source, last=False, kind="lookup"),
                line.tensor,
            )
        else:
            line.windows(kind)
    line.end()
    scales = {"input_scale": 0.5, "outputs": only_output(0.25)}
    return Program(name=f"w{seed}", ops=tuple(line.ops), reads=tuple(line.reads), **scales)


def streams(seeds) -> list[Program]:
    """Streaming programs: every second one is of a causal program."""
    return [random_windows(seed, causal=seed % 2 == 1).streaming() for seed in seeds]


def wake_word() -> Program:
    """The shapes of MLPerf Tiny's wake word: 30 frames of 40 features, depthwise convolutions along
    the time and pixelwise ones in turn; weights by a formula."""
    tensor, ops = Tensor(Shape(30, 1, 40), "u8"), []
    for taps, width in ((3, 128), (5, 128), (10, 128), (15, 32)):
        h, _, c = tensor.shape
        for kind, kernel, shape in (
            (DepthwiseConv, (taps, 1), (taps, 1, c)),
            (Conv, (1, 1), (width, 1, 1, c)),
        ):
            channels = width if kind is Conv else c
            output = Tensor(Shape(h - taps + 1, 1, channels), "u8")
            weight = (np.arange(np.prod(shape)) * 37 % 251 - 125).astype(np.int8).reshape(shape)
            base = {"name": f"op{len(ops)}", "inputs": (tensor,), "output": output}
            ops.append(kind(**base, kernel=kernel, weight=weight, **rule(output, channels)))
            tensor = output
    return Program(name="wake_word", ops=(*ops, dense("last", tensor)), **SCALES)


def rows_needed(program: Program) -> int:
    """The rows of a window up to the last one on which the first row of the output depends."""
    last = {len(program.ops): 0}  # of each tensor the last row needed
    for i in range(len(program.ops) - 1, -1, -1):
        op, row = program.ops[i], last.get(i + 1, -1)
        for tensor in program.reads[i]:
            if isinstance(op, Dense):
                need = op.in_shape.h - 1
            elif hasattr(op, "stride"):
                pool = getattr(op, "pool", (1, 1))[0]
                need = ((row + 1) * pool - 1) * op.stride[0] + op.reach[0] - 1 - op.padding[0]
            else:
                need = row
            last[tensor] = max(last.get(tensor, -1), need)
    return last[0] + 1


def stretch(program: Program, height: int) -> list[np.ndarray]:
    """The program's ops for a signal of `height` rows: for each op a function of its planes."""

    def dense_as_conv(op):
        kernel = op.in_shape[:2]
        fields = {"kernel": kernel, "weight": op.weight.reshape(-1, *kernel, op.in_shape.c)}
        fields |= {"bias": op.bias, "mult": op.mult, "shift": op.shift, "lo": op.lo, "hi": op.hi}
        return Conv(name=op.name, inputs=op.inputs, output=op.output, **fields)

    ops, tensors = [], [program.input._replace(shape=program.input_shape._replace(h=height))]
    for op, reads in zip(program.ops, program.reads, strict=True):
        inputs = tuple(tensors[number] for number in reads)
        if isinstance(op, Dense):
            op = dense_as_conv(op)  # noqa: PLW2901
        fields = {"inputs": inputs}
        rows = min(tensor.shape.h for tensor in inputs)
        fields["inputs"] = tuple(t._replace(shape=t.shape._replace(h=rows)) for t in inputs)
        if hasattr(op, "kernel"):
            pool = getattr(op, "pool", (1, 1))[0]
            stride = op.stride[0]
            if op.out_shape.h == 1:  # every window, whatever the op's stride
                assert pool == 1
                stride = 1
                fields["stride"] = (1, op.stride[1])
            rows = ((rows + op.padding[0] - op.reach[0]) // stride + 1) // pool
        if rows < 1:
            return None
        fields["output"] = op.output._replace(shape=op.out_shape._replace(h=rows))
        ops.append(replace(op, **fields))
        tensors.append(fields["output"])
    return ops


def run_stretched(program: Program, signal: np.ndarray) -> np.ndarray:
    """The rows (N, values) that the program gives for all of a signal (steps, 1, w, c)."""
    return outputs_stretched(program, signal)[-1]


def outputs_stretched(program: Program, signal: np.ndarray) -> list[np.ndarray]:
    """The rows (N, values) of each output for all of a signal (steps, 1, w, c)."""
    ops = stretch(program, len(signal))
    if ops is None:
        shapes = [op.out_shape for op in program.output_ops]
        return [np.zeros((0, shape.w * shape.c), np.int32) for shape in shapes]
    tensors = [signal.reshape(1, -1, *signal.shape[2:])]
    for op, reads in zip(ops, program.reads, strict=True):
        pairs = zip(reads, op.inputs, strict=True)
        planes = [tensors[number][:, : tensor.shape.h] for number, tensor in pairs]
        tensors.append(reference.apply(op, *planes))
    planes = [plane for plane, op in zip(tensors[1:], ops, strict=True) if op.out_type == "i32"]
    return [plane.reshape(plane.shape[1], -1) for plane in planes]
