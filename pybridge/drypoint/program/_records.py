"""The 128-byte record of an op and its tables in a blob: sections 3 and 4 of BLOB.md."""

import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from ._plan import Plan
from ._tensors import DType, Shape, Tensor
from .ops import Op
from .ops._bits import LARGEST_WEIGHT, pack_weights, packed_length, unpack_weights
from .ops._weighted import WeightedOp

OP = struct.Struct("<4B2H3HBb3HBb3HBb2H2H2H4H2HHH2i2HI4IH34s")
TYPES: tuple[DType, ...] = ("u8", "i8", "i32", "i16")
KINDS: tuple[type[Op], ...] = get_args(Op)
_CLASSES: dict[int, type[Op]] = {kind.number: kind for kind in KINDS}
FIELDS: dict[str, tuple[str, ...]] = {
    "stride": ("stride_h", "stride_w"),
    "kernel": ("kernel_h", "kernel_w"),
    "padding": ("pad_top", "pad_left", "pad_bottom", "pad_right"),
    "dilation": ("dilation_h", "dilation_w"),
    "pool": ("pool_h", "pool_w"),
    "groups": ("groups",),
    "factors": ("factors[0]", "factors[1]"),
    "shift": ("shift",),
    "lo": ("lo",),
    "hi": ("hi",),
}
"""The numbers of a record, by the names of `BaseOp.record_fields`, as the members of ``dpt_op``: in
the order of generated code. A number that an op does not have is 0 in its record.
"""
TABLES = {"weight": "weight", "table": "weight", "bias": "bias", "mult": "mult", "pad": "pad"}
"""The tables of an op, by the names of its fields, and the offsets of a record."""
TABLE_LIMIT = 4  # all tables together are at most this many times as large as the blob
IN_PLACE, FUSED = 1, 2  # marks


class Wiring(NamedTuple):
    """What a record says about an op's place in its program."""

    reads: tuple[int, ...]
    out_offset: int
    in_place: bool = False
    rows: int = 0
    fused: bool = False

    @classmethod
    def of(cls, reads: Sequence[tuple[int, ...]], plan: Plan) -> "Iterator[Wiring]":
        """The wiring of every op of a program."""
        for i, tensors in enumerate(reads):
            place = plan.offsets[i], plan.in_place[i], plan.rows_of(i), plan.is_fused(i)
            yield cls(tensors, *place)


class Tables(NamedTuple):
    """The offsets of an op's tables in the blob; 0 for a table that the op does not have."""

    weight: int  # of a lookup: its table
    bias: int
    mult: int
    pad: int

    def of(self, op: Op) -> "Tables":
        """The offsets, with 0 for each table that the op does not have."""
        own = {TABLES[field] for field in op.table_shapes(op)}
        return Tables(*(getattr(self, name) if name in own else 0 for name in self._fields))


class Record(NamedTuple):
    """The fields of a record as they stand in the blob."""

    kind: type[Op]
    marks: int
    shift: int
    weight_bits: int
    reads: tuple[int, int]
    inputs: tuple[Tensor, Tensor]
    output: Tensor
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int, int, int]
    pool: tuple[int, int]
    groups: int
    lo: int
    hi: int
    factors: tuple[int, int]
    out_offset: int
    tables: Tables
    rows: int

    @property
    def wiring(self) -> Wiring:
        """The op's place in its program."""
        in_place, fused = self.marks & IN_PLACE != 0, self.marks & FUSED != 0
        return Wiring(self.reads[: self.kind.arity], self.out_offset, in_place, self.rows, fused)


def tensor_fields(tensor: Tensor) -> tuple[int, ...]:
    """A descriptor's numbers: sizes, type, zero point."""
    return (*tensor.shape, TYPES.index(tensor.type), tensor.zero)


def read_tensor(fields: tuple[int, ...], at: str) -> Tensor:
    """The tensor of a descriptor's numbers."""
    if fields[3] >= len(TYPES):
        raise ValueError(f"{at} has a tensor of unknown type {fields[3]}")
    return Tensor(Shape(*fields[:3]), TYPES[fields[3]], fields[4])


def own_fields(op: Op) -> dict[str, tuple[int, ...]]:
    """The numbers of the fields of `FIELDS` that an op has."""
    own = op.record_fields()
    values = ((field, own[field]) for field in FIELDS if field in own)
    return {field: value if isinstance(value, tuple) else (value,) for field, value in values}


def weight_bits(op: Op) -> int:
    """The bits of a weight of an op, as its record has them: 0 of an op without weights."""
    if isinstance(op, WeightedOp):
        return op.weight_bits
    return 8 if "weight" in op.table_shapes(op) else 0


def write_record(op: Op, wiring: Wiring, tables: Tables) -> bytes:
    """The record of an op. Fields that its kind does not have are 0."""
    own = {name: (0,) * len(members) for name, members in FIELDS.items()} | own_fields(op)
    marks = IN_PLACE * wiring.in_place + FUSED * wiring.fused
    head = (op.number, marks, *own["shift"], weight_bits(op), *(*wiring.reads, 0)[:2])
    second = tensor_fields(op.inputs[1]) if op.arity > 1 else (0,) * 5
    tensors = (*tensor_fields(op.inputs[0]), *second, *tensor_fields(op.output))
    pairs = (*own["kernel"], *own["stride"], *own["dilation"])
    geometry = (*pairs, *own["padding"], *own["pool"], *own["groups"], 0)
    rule = (*own["lo"], *own["hi"], *own["factors"], wiring.out_offset)
    return OP.pack(*head, *tensors, *geometry, *rule, *tables, wiring.rows, bytes(34))


def read_record(blob: memoryview, at: int) -> Record:
    """The record that begins at byte ``at`` of a blob."""
    (kind, marks, shift, bits, *rest) = OP.unpack_from(blob, at)
    where = f"the op at byte {at}"
    if kind not in _CLASSES:
        raise ValueError(f"{where} is of unknown kind {kind}")
    if issubclass(_CLASSES[kind], WeightedOp) and bits not in LARGEST_WEIGHT:
        raise ValueError(f"{where} has weights of {bits} bits; wanted: 8, 4 or 2")
    return Record(
        kind=_CLASSES[kind],
        marks=marks,
        shift=shift,
        weight_bits=bits,
        reads=(rest[0], rest[1]),
        inputs=(
            read_tensor(tuple(rest[2:7]), where),
            read_tensor(tuple(rest[7:12]), where),
        ),
        output=read_tensor(tuple(rest[12:17]), where),
        kernel=(rest[17], rest[18]),
        stride=(rest[19], rest[20]),
        dilation=(rest[21], rest[22]),
        padding=(rest[23], rest[24], rest[25], rest[26]),
        pool=(rest[27], rest[28]),
        groups=rest[29],
        lo=rest[31],
        hi=rest[32],
        factors=(rest[33], rest[34]),
        out_offset=rest[35],
        tables=Tables(*rest[36:40]),
        rows=rest[40],
    )


def read_op(blob: memoryview, record: Record, name: str, used: int) -> tuple[Op, int]:
    """The op of a record, and how many bytes of tables this op and the ops before it have."""
    tables: dict[str, Any] = {}
    for field, (dtype, shape) in record.kind.table_shapes(record).items():
        offset = getattr(record.tables, TABLES[field])
        if field == "pad" and offset == 0:
            continue
        stored = _stored_shape(record, field, shape)
        size = math.prod(stored) * dtype.itemsize
        if offset + size > len(blob):
            raise ValueError(
                f"op {name!r} has a table at bytes {offset} to {offset + size}, outside the blob's "
                f"{len(blob)}"
            )
        used += size
        if used > TABLE_LIMIT * len(blob):
            raise ValueError(
                f"the tables of op {name!r} and the ops before it have {used} bytes, more than "
                f"{TABLE_LIMIT} times the blob's {len(blob)}"
            )
        values = np.frombuffer(blob[offset : offset + size], dtype.newbyteorder("<"))
        if field == "weight" and issubclass(record.kind, WeightedOp):
            _, count = record.kind.stored_shape(record)
            values = unpack_weights(
                values.view(np.uint8).reshape(stored), count, record.weight_bits
            )
        tables[field] = values.astype(dtype, copy=False).reshape(shape)
    return _op(record, name, tables), used


def _stored_shape(record: Record, field: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a table as a blob has it, which differs where it has weights of few bits."""
    if field != "weight" or not issubclass(record.kind, WeightedOp):
        return shape
    rows, count = record.kind.stored_shape(record)
    return rows, packed_length(count, record.weight_bits)


def stored_weights(op: WeightedOp) -> NDArray[np.uint8]:
    """The weights of an op as a blob has them: uint8, a row for each that begins at a byte."""
    return pack_weights(op.weight.reshape(op.stored_shape(op)), op.weight_bits)


def _op(r: Record, name: str, tables: dict[str, Any]) -> Op:
    fields = {"name": name, "inputs": r.inputs[: r.kind.arity], "output": r.output, **tables}
    return r.kind(**r.kind.fields_of_record(r) | fields)


def append_tables(body: bytearray, op: Op) -> Tables:
    """Append the tables of an op; their offsets, 0 for a table that the op does not have."""
    places = dict.fromkeys(Tables._fields, 0)
    for field, place in TABLES.items():
        values = getattr(op, field, None)
        if field == "weight" and isinstance(op, WeightedOp):
            places[place] = append(body, stored_weights(op).tobytes())
        elif values is not None:
            places[place] = append(body, values.astype(values.dtype.newbyteorder("<")).tobytes())
    return Tables(**places)


def append(body: bytearray, data: bytes) -> int:
    """Append at the next multiple of 16 (a friend to wide loads); the offset, or 0 for nothing."""
    if not data:
        return 0
    body += bytes(-len(body) % 16)
    at = len(body)
    body += data
    return at
