"""Random recurrent programs, and their steps by the oracle's plain loops."""

import dataclasses

import numpy as np
import oracle
from last_output import only_output
from random_ops import requantization, weighted_op

from drypoint.program import (
    LIMITS,
    NUMPY_TYPE,
    Add,
    AvgPool,
    Delay,
    Dense,
    History,
    Lookup,
    Mul,
    Op,
    Program,
    Shape,
    Tensor,
)


class _Net:
    """The ops of a random recurrent program so far."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng([seed, 1997])
        self.ops: list[Op] = []
        self.reads: list[tuple[int, ...]] = []
        self.tensors = [self.tensor(int(self.rng.integers(1, 6)), "u8", "i8")]

    def tensor(self, channels: int, *types: str, shape: tuple[int, int] = (1, 1)) -> Tensor:
        dtype = str(self.rng.choice(types))
        zero = int(self.rng.integers(-128, 128)) if dtype == "i8" and self.rng.random() < 0.4 else 0
        return Tensor(Shape(*shape, channels), dtype, zero)

    def append(self, kind: type[Op], reads: tuple[int, ...], output: Tensor, **fields) -> int:
        """Append an op; the number of its tensor."""
        base = {"name": f"op{len(self.ops)}", "output": output, **fields}
        self.ops.append(kind(**base, inputs=tuple(self.tensors[number] for number in reads)))
        self.reads.append(reads)
        self.tensors.append(output)
        return len(self.ops)

    def rule(self, bound: int, output: Tensor) -> dict:
        """Multipliers for accumulators up to a bound, which mostly leave some bits of values."""
        rule = requantization(self.rng, bound + 99, output.type, 1)
        return {**rule, "bias": self.rng.integers(-99, 100, 1).astype(np.int32)}

    def value(self, kind: type[Op], a: int, b: int, output: Tensor) -> int:
        """A sum or a product of two tensors."""
        x, y = self.tensors[a], self.tensors[b]
        fields, bound = {}, (x.magnitude + abs(x.zero)) * (y.magnitude + abs(y.zero))
        if kind is Add:
            fields["factors"] = tuple(int(n) for n in self.rng.choice([1, 300, 16384, 32767], 2))
            pairs = zip(fields["factors"], (x, y), strict=True)
            bound = sum(factor * tensor.magnitude for factor, tensor in pairs)
        return self.append(kind, (a, b), output, **fields, **self.rule(bound, output))

    def narrow(self, source: int, *types: str) -> int:
        """A tensor of 8 bits, or an output, of the values of one of 16 bits."""
        output = self.tensor(self.tensors[source].shape.c, *types)._replace(
            shape=self.tensors[source].shape
        )
        ones = {"kernel": (1, 1), "stride": (1, 1)}
        rule = self.rule(self.tensors[source].magnitude, output)
        return self.append(AvgPool, (source,), output, **ones, **rule)

    def dense(self, source: int, output: Tensor) -> int:
        base = {"name": "", "inputs": (self.tensors[source],), "output": output}
        shape = (output.shape.c, self.tensors[source].shape.size)
        op = weighted_op(self.rng, Dense, "any", base, shape)
        fields = {f.name: getattr(op, f.name) for f in dataclasses.fields(op)}
        del fields["name"], fields["inputs"], fields["output"]
        return self.append(Dense, (source,), output, **fields)

    def lookup(self, source: int, output: Tensor) -> int:
        low, high = LIMITS[output.type]
        table = self.rng.integers(low, high + 1, 256).astype(NUMPY_TYPE[output.type])
        return self.append(Lookup, (source,), output, table=table)

    def history(self, source: int) -> int:
        read, kept = self.tensors[source], int(self.rng.integers(1, 4))
        height, stride = int(self.rng.integers(1, kept + 1)), int(self.rng.integers(1, 3))
        output = read._replace(shape=read.shape._replace(h=height))
        front = int(self.rng.integers(0, kept))
        windows = {"kernel": (kept, 1), "stride": (stride, 1), "padding": (front, 0, 0, 0)}
        return self.append(History, (source,), output, **windows)

    def layer(self, source: int) -> int:
        """A layer with one or two states; the tensor of the one that it carries."""
        channels, rng = int(self.rng.integers(1, 12)), self.rng
        state = self.tensor(channels, "i16", "i16", "u8", "i8")
        pad = None
        if rng.random() < 0.5:
            low, high = LIMITS[state.type]
            pad = rng.integers(low, high + 1, channels).astype(NUMPY_TYPE[state.type])
        before = self.append(Delay, (source,), state, carries=1, pad=pad)
        read = before
        if state.type == "i16" or rng.random() < 0.3:
            read = self.narrow(before, "u8", "i8")
        inner = self.tensor(channels, "u8", "i8")
        gate = self.value(Add, self.dense(source, inner), self.dense(read, inner), inner)
        wide = self.tensor(channels, "i16")
        gate = self.lookup(gate, wide if rng.random() < 0.7 else inner)
        kept = self.value(Mul, gate, before, wide if rng.random() < 0.7 else inner)
        over = before if rng.random() < 0.4 else self.lookup(self.dense(source, inner), wide)
        pair = (kept, over) if rng.random() < 0.5 else (over, kept)
        after = self.value(rng.choice([Add, Mul]), *pair, state)
        self.ops[before - 1] = dataclasses.replace(self.ops[before - 1], carries=after)
        return after if state.type != "i16" else self.narrow(after, "u8", "i8")


def random_recurrent(seed: int) -> Program:
    """A recurrent program of one to three layers, some after a history, now and then of a pixel
    that multiplies a plane, or with an output of 16-bit values."""
    net = _Net(seed)
    source = 0
    if seed % 4 == 1:
        source = net.history(source)
    for _ in range(int(net.rng.integers(1, 4))):
        source = net.layer(source)
    net.dense(source, net.tensor(3, "i32"))
    return Program(
        name=f"r{seed}", ops=tuple(net.ops), reads=tuple(net.reads), input_scale=0.5,
        outputs=only_output(0.25),
    )  # fmt: skip


def recurrent(seeds) -> list[Program]:
    return [random_recurrent(seed) for seed in seeds]


def plain_steps(program: Program, signal: np.ndarray) -> list[np.ndarray]:
    """The output of every op in all steps of a signal (steps, h, w, c), 0 where it does not run."""
    planes = [np.zeros((len(signal), *op.out_shape), NUMPY_TYPE[op.out_type]) for op in program.ops]
    carried, rows = {}, {}
    for step, row in enumerate(signal):
        tensors = [row]
        for i, op in enumerate(program.ops):
            first, period = program.clocks[i]
            runs = step + 1 >= first and (step + 1 - first) % period == 0
            tensors.append(np.zeros(op.out_shape, NUMPY_TYPE[op.out_type]))
            if not runs:
                continue
            if isinstance(op, Delay):
                pad = 0 if op.pad is None else op.pad
                tensors[-1] = carried.get(op.carries, tensors[-1] + pad).astype(tensors[-1].dtype)
            elif isinstance(op, History):
                before = np.zeros((op.kernel[0], *op.in_shape[1:]), tensors[-1].dtype)
                kept = [*rows.get(i, before), tensors[program.reads[i][0]][0]][1:]
                rows[i], tensors[-1] = kept, np.array(kept[: op.out_shape.h])
            else:
                tensors[-1] = oracle.apply(op, *(tensors[k] for k in program.reads[i]))
            planes[i][step] = tensors[-1]
        for i in range(len(program.ops)):
            first, period = program.clocks[i]
            if step + 1 >= first and (step + 1 - first) % period == 0:
                carried[i + 1] = tensors[i + 1]
    return planes
