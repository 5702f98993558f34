"""Small programs, their blobs, and how to change a field of a blob with its CRC repaired.

Places in a record are named as in section 3 of BLOB.md; `place(op, field, byte)` is one of them.
The cases for readers are in broken_blobs.py (one broken rule each), graph_faults.py (tensors that
ops read, and the memory plan), rows_faults.py (ops that run row by row) and reader_faults.py (blobs
that each show one fault of a reader).
"""

import dataclasses
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from last_output import only_output

from drypoint.program import (
    Add,
    AvgPool,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    DType,
    GroupedConv,
    Lookup,
    MaxPool,
    Mul,
    Op,
    Plan,
    PReLU,
    Program,
    Resize,
    Shape,
    Slice,
    Tensor,
    Transpose,
    Upsample,
    blob,
)
from drypoint.program._records import KINDS
from drypoint.program.ops._binary import BinaryOp
from drypoint.program.ops._op import BaseOp

SIZE, MAGIC, VERSION, CRC, CAPACITY = -4, -5, -6, -7, -8
FIELD, SHAPE, TABLE, OVERFLOW, PLAN = -9, -10, -11, -12, -13
Change = tuple[int, str, int]
Cases = dict[str, tuple[int, bytes]]  # what is wrong: the status, and the blob

# Fields of a record.
UNKNOWN_KIND = 13  # of format 2.0
KIND, MARKS, SHIFT, BITS, READS, IN, IN2, OUT = 0, 1, 2, 3, 4, 8, 16, 24
KERNEL, STRIDE, DILATION, PADDING, POOL, GROUPS = 32, 36, 40, 44, 52, 56
LO, HI, FACTORS, OFFSET, WEIGHT, BIAS, MULT, PAD, ROWS = 60, 64, 68, 72, 76, 80, 84, 88, 92
# Fields of a tensor's descriptor; the header's begins at INPUT.
H, W, C, TYPE, ZERO, INPUT = 0, 2, 4, 6, 7, 24


def place(op: int, field: int, byte: int = 0) -> int:
    """Where a field of an op's record lies in the blob."""
    return 64 + 128 * op + field + byte


def u8(field: int, value: int, op: int = 0) -> Change:
    """A change of one unsigned byte of an op's record."""
    return place(op, field), "B", value


def i8(field: int, value: int, op: int = 0) -> Change:
    """A change of one signed byte of an op's record."""
    return place(op, field), "b", value


def u16(field: int, value: int, op: int = 0) -> Change:
    """A change of 16 bits of an op's record."""
    return place(op, field), "H", value


def u32(field: int, value: int, op: int = 0) -> Change:
    """A change of 32 bits of an op's record."""
    return place(op, field), "I", value


def i32(field: int, value: int, op: int = 0) -> Change:
    """A change of 32 bits of an op's record, with a sign."""
    return place(op, field), "i", value


def load_status(data: bytes | bytearray, n_ops: int = 0) -> int:
    """What the C library's loader answers, with room for these ops; 0: for as many as there are."""
    from drypoint.engine._native import ffi, lib

    n_ops = n_ops or struct.unpack_from("<H", data, 20)[0]
    model, ops = ffi.new("dpt_model *"), ffi.new("dpt_op[]", n_ops)
    return lib.dpt_model_load(model, ops, n_ops, ffi.from_buffer(data), len(data))


def listen_status(data: bytes) -> int:
    """The first status of `dpt_model_load` and `dpt_sound_load` that is not DPT_OK, or DPT_OK."""
    from drypoint.engine._native import ffi, lib

    model, ops = ffi.new("dpt_model *"), ffi.new("dpt_op[]", 50)
    listener, sound = ffi.new("dpt_listener *"), ffi.new("dpt_sound *")
    tables = np.empty(4096, np.uint32)
    status = int(lib.dpt_model_load(model, ops, 50, ffi.from_buffer(data), len(data)))
    if status == 0:
        to = ffi.cast("void *", tables.ctypes.data)
        where = listener, sound, to, tables.nbytes, model
        status = int(lib.dpt_sound_load(*where, ffi.from_buffer(data), len(data)))
    return status


def repaired(data: bytes | bytearray) -> bytes:
    """The bytes with the CRC that they should have."""
    data = bytearray(data)
    struct.pack_into("<I", data, 12, zlib.crc32(data[16:]))
    return bytes(data)


def resized(data: bytes | bytearray) -> bytes:
    """The bytes with the size and CRC that they should have."""
    data = bytearray(data)
    struct.pack_into("<I", data, 8, len(data))
    return repaired(data)


def changed(data: bytes, *changes: Change) -> bytes:
    """The blob with some fields changed (place, struct format, value), its CRC repaired."""
    copy = bytearray(data)
    for at, kind, value in changes:
        struct.pack_into("<" + kind, copy, at, value)
    return repaired(copy)


def table(data: bytes, field: int, op: int = 0) -> int:
    """Where a table of an op starts: `field` is WEIGHT, BIAS, MULT or PAD."""
    return int(struct.unpack_from("<I", data, place(op, field))[0])


def with_table_at_the_end(data: bytes, field: int, size: int, *, beyond: int) -> bytes:
    """A table of op 0 (`size` bytes) copied to the very end, its offset `beyond` bytes too far."""
    start = table(data, field)
    longer = data + data[start : start + size]
    return changed(longer, (8, "I", len(longer)), u32(field, len(data) + beyond))


def tensor(h: int, w: int, c: int, dtype: DType = "u8", zero: int = 0) -> Tensor:
    return Tensor(Shape(h, w, c), dtype, zero)


def program(*ops: Op, **fields: Any) -> Program:
    """A program of these ops; they form a line unless `reads` says otherwise."""
    base = {"name": "x", "ops": ops, "input_scale": 1.0, "outputs": only_output()}
    return Program(**(base | fields))


def _rule(output: Tensor, channels: int, **fields: Any) -> dict[str, Any]:
    """Requantization by 1/4, so that the clamp is reached: -20 .. 30 in the last op."""
    lo, hi = {"u8": (0, 255), "i8": (-128, 127), "i32": (-20, 30)}[output.type]
    base = {"shift": 0, "lo": lo, "hi": hi, "bias": np.zeros(channels, np.int32)}
    return base | {"mult": np.full(channels, 2**30, np.int32)} | fields


def dense(source: Tensor, output: Tensor, **fields: Any) -> Dense:
    """A dense op; its weights are 1 for even outputs and -1 for odd ones."""
    n = output.shape.c
    signs = np.where(np.arange(n) % 2, -1, 1).astype(np.int8)
    weight = np.ones((n, source.shape.size), np.int8) * signs[:, None]
    base = {"name": "d", "inputs": (source,), "output": output, "weight": weight}
    return Dense(**(base | _rule(output, n) | fields))


def convolution(
    source: Tensor,
    output: Tensor,
    kernel: tuple[int, int] = (1, 1),
    kind: type[Conv | GroupedConv | DepthwiseConv] = Conv,
    **fields: Any,
) -> Op:
    """A convolution of any kind; its weights are 1 in even output channels and -1 in odd ones."""
    n = output.shape.c
    signs = np.where(np.arange(n) % 2, -1, 1).astype(np.int8)
    if kind is DepthwiseConv:
        weight = np.ones((*kernel, n), np.int8) * signs
    else:
        read = source.shape.c // fields.get("groups", 1)
        weight = np.ones((n, *kernel, read), np.int8) * signs[:, None, None, None]
    base = {"name": "c", "inputs": (source,), "output": output, "weight": weight, "kernel": kernel}
    return kind(**(base | _rule(output, n) | fields))


def maximum(source: Tensor, output: Tensor, kernel: tuple[int, int] = (1, 1), **more: Any) -> Op:
    return MaxPool(name="m", inputs=(source,), output=output, kernel=kernel, **more)


def mean(source: Tensor, output: Tensor, kernel: tuple[int, int], **fields: Any) -> Op:
    base = {"name": "a", "inputs": (source,), "output": output, "kernel": kernel}
    return AvgPool(**(base | _rule(output, 1) | fields))


def binary(kind: type[BinaryOp], a: Tensor, b: Tensor, output: Tensor, **fields: Any) -> Op:
    """An op on pairs of values; its factors, where it has them, are 2 and 3."""
    base: dict[str, Any] = {"inputs": (a, b), "output": output} | _rule(output, 1)
    base["name"] = {"add": "+", "mul": "*"}.get(kind.kind, kind.kind)
    if "factors" in field_names(kind):
        base["factors"] = (2, 3)
    return cast("Op", kind(**(base | fields)))


def addition(a: Tensor, b: Tensor, output: Tensor, **fields: Any) -> Op:
    return binary(Add, a, b, output, **fields)


def product(a: Tensor, b: Tensor, output: Tensor, **fields: Any) -> Op:
    return binary(Mul, a, b, output, **fields)


def field_names(kind: type[BaseOp]) -> set[str]:
    """The names of the fields that an op of the kind has."""
    return {field.name for field in dataclasses.fields(kind)}


def concatenation(a: Tensor, b: Tensor, *, last: bool = False) -> Op:
    shape = Shape(*a.shape[:2], a.shape.c + b.shape.c)
    output = Tensor(shape, "i32") if last else a._replace(shape=shape)
    return Concat(name="|", inputs=(a, b), output=output)


def lookup(source: Tensor, output: Tensor) -> Op:
    """A table in which every entry differs from its neighbours."""
    kind = {"u8": np.uint8, "i8": np.int8, "i32": np.int32}[output.type]
    table = (np.arange(256) * 7 % 251).astype(kind)
    return Lookup(name="l", inputs=(source,), output=output, table=table)


def upsample(source: Tensor, output: Tensor, **fields: Any) -> Op:
    return Upsample(name="u", inputs=(source,), output=output, **fields)


def resize(source: Tensor, output: Tensor, **fields: Any) -> Op:
    return Resize(name="r", inputs=(source,), output=output, **_rule(output, 1), **fields)


def transpose(source: Tensor, output: Tensor, order: tuple[int, int, int]) -> Op:
    return Transpose(name="t", inputs=(source,), output=output, order=order)


def part(source: Tensor, output: Tensor, **fields: Any) -> Op:
    return Slice(name="s", inputs=(source,), output=output, **fields)


def prelu(source: Tensor, output: Tensor, **fields: Any) -> Op:
    base = {"name": "p", "inputs": (source,), "output": output}
    return PReLU(**(base | _rule(output, 1) | fields))


def widen(shape: Shape) -> Program:
    """One op that copies its input: a small blob for any shape."""
    return program(maximum(Tensor(shape, "u8"), Tensor(shape, "i32")))


def planned(
    net: Program,
    arena_size: int,
    *offsets: int,
    in_place: Sequence[int] = (),
    rows: Mapping[int, int] | None = None,
    fused: Sequence[int] = (),
) -> bytes:
    """The blob of a program with a memory plan of the caller's: the offsets of all ops but the
    last, the ops that are in place, the rows of ops, the ops that are fused. Nothing of it is
    checked here."""
    places = [u32(OFFSET, offset, i) for i, offset in enumerate(offsets)]
    places += [u8(MARKS, (i in in_place) + 2 * (i in fused), i) for i in range(len(net.ops))]
    places += [u16(ROWS, n, i) for i, n in (rows or {}).items()]
    return changed(blob.dumps(net), (16, "I", arena_size), *places)


def sharing(n_ops: int, side: int, *, factor: int, short: int = 0) -> bytes:
    """A blob of dense ops of side x side weights that all name the same tables. Its size is the sum
    of these tables divided by `factor`, rounded down, and then `short` bytes less."""
    source, ops = tensor(1, 1, side), []
    for i in range(n_ops):
        output = tensor(1, 1, side, "i32") if i + 1 == n_ops else source
        weight, mult = np.ones((side, side), np.int8), np.full(side, 2**26, np.int32)
        ops.append(dense(source, output, weight=weight, mult=mult, lo=0, hi=255))
    offsets = [i % 2 * side for i in range(n_ops - 1)]
    plan = Plan((*offsets, 0), (False,) * n_ops, max(offsets) + side)
    data = bytearray(blob.dumps(program(*ops, plan=plan)))
    tables = data[place(0, WEIGHT) : place(0, PAD)]
    for i in range(n_ops):
        data[place(i, WEIGHT) : place(i, PAD)] = tables
    meta, meta_size = struct.unpack_from("<II", data, 40)
    meta_at = table(bytes(data), MULT) + 4 * side
    struct.pack_into("<I", data, 40, meta_at)
    size = n_ops * side * (side + 8) // factor
    shorter = data[:meta_at] + data[meta : meta + meta_size]
    assert size - short >= len(shorter)
    return resized(shorter + bytes(size - short - len(shorter)))


def _good() -> Program:
    """A convolution with padding values, an addition in place with a skip over the convolution, a
    padded mean and a dense op; labels."""
    source, first, second = tensor(3, 4, 2), tensor(3, 4, 2, "i8", 5), tensor(3, 4, 2)
    third, last = tensor(2, 2, 2, "i8", -7), tensor(1, 1, 3, "i32")
    conv = convolution(
        source, first, (2, 3), padding=(1, 1, 0, 1), pad=np.array([7, 200], np.uint8)
    )
    pooled = mean(
        second, third, (2, 2), stride=(2, 2), padding=(1, 0, 0, 0), pad=np.array([3, 9], np.uint8)
    )
    ops = (conv, addition(first, source, second), pooled, dense(third, last))
    reads = ((0,), (1, 0), (2,), (3,))
    return program(*ops, reads=reads, labels=("no", "yes", "maybe"))


def _edge() -> Program:
    """3x1x2 bytes to two outputs; no labels; the first accumulator's bound is 2^31 - 1 exactly."""
    return program(
        dense(
            tensor(3, 1, 2), tensor(1, 1, 2, "i32"), lo=-9, hi=9,
            weight=np.array([[1, -2, 3, 4, 5, 6], [0] * 6], np.int8),
            bias=np.array([2**31 - 1 - 21 * 255, -5], np.int32), mult=np.array([2, 4], np.int32),
        )
    )  # fmt: skip


_PLANE, _WIDE = tensor(2, 3, 2), tensor(2, 3, 2, "i32")
_SIGNED = tensor(2, 3, 2, "i8", 3)
_VALUES = {"padding": (1, 0, 1, 2), "pad": np.array([5, 250], np.uint8)}
_CONV = convolution(_PLANE, tensor(2, 4, 3, "i32"), (3, 2), dilation=(1, 1), **_VALUES)
_GROUPED = convolution(
    tensor(2, 3, 4), tensor(1, 2, 6, "i32"), (2, 2), GroupedConv, groups=2,
    weight=np.arange(-24, 24, dtype=np.int8).reshape(6, 2, 2, 2), mult=np.full(6, 2, np.int32),
    lo=-9, hi=9,
)  # fmt: skip
_DEPTHWISE = convolution(
    _PLANE, tensor(2, 2, 4, "i32"), (2, 2), DepthwiseConv, dilation=(2, 3), **_VALUES
)
_MEAN = mean(tensor(2, 3, 2, "i8", 4), _WIDE, (2, 2), padding=(1, 0, 0, 1))

GOOD = blob.dumps(NET := _good())
DENSE = blob.dumps(_edge())
LABELLED = blob.dumps(program(dense(tensor(1, 1, 2), tensor(1, 1, 2, "i32")), labels=("a", "bc")))
CONV, GROUPED, DEPTHWISE, MEAN = (
    blob.dumps(program(op)) for op in (_CONV, _GROUPED, _DEPTHWISE, _MEAN)
)
MAXIMA = blob.dumps(program(maximum(_PLANE, _PLANE, (1, 1)), maximum(_PLANE, _WIDE, (1, 1))))
BINARY = {
    kind.kind: blob.dumps(program(binary(kind, _PLANE, _PLANE, _WIDE), reads=((0, 0),)))
    for kind in KINDS
    if issubclass(kind, BinaryOp)
}
ADD, PRODUCT = BINARY["add"], BINARY["mul"]
CONCAT = blob.dumps(program(concatenation(_PLANE, _PLANE, last=True), reads=((0, 0),)))
LOOKUP = blob.dumps(program(lookup(_PLANE, _WIDE)))
LOOKUPS = blob.dumps(  # the first writes bytes
    program(lookup(_PLANE, _SIGNED), dense(_SIGNED, tensor(1, 1, 1, "i32")))
)  # fmt: skip
_SHUFFLE = {"kernel": (2, 3), "padding": (1, 0, 0, 2)}
UPSAMPLE = blob.dumps(program(upsample(tensor(2, 3, 12), tensor(3, 7, 2, "i32"), **_SHUFFLE)))
RESIZE = blob.dumps(
    program(
        resize(tensor(2, 3, 2), tensor(4, 5, 2, "i32"), parts=(4, 5), stride=(2, 3), offset=(3, 4))
    )
)
SLICE = blob.dumps(
    program(part(tensor(6, 5, 7), tensor(2, 3, 4, "i32"), stride=(3, 1), first=(1, 2, 3)))
)
TRANSPOSE = blob.dumps(program(transpose(tensor(2, 3, 4), tensor(4, 2, 3, "i32"), (2, 0, 1))))
LARGE = blob.dumps(widen(Shape(16384, 16384, 1)))  # 2^28 values, the most that there may be
WIDEN = blob.dumps(widen(Shape(3, 4, 2)))
LABELS, LABELS_SIZE = struct.unpack_from("<II", LABELLED, 32)
