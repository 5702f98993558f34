"""A program as bytes and back: BLOB.md, format 1.1."""

import json
import struct
import zlib
from typing import Any, assert_never

import numpy as np

from drypoint.common import DrypointError

from ._ops import (
    AvgPool,
    Conv,
    Dense,
    DType,
    GroupedConv,
    MaxPool,
    Op,
    ProgramError,
    Shape,
    Weighted,
)
from ._program import Program

MAGIC = b"DPT\x1a"
VERSION = (1, 1)
HEADER = struct.Struct("<4sHHIIIHHBBHHHIIII16s")
OP = struct.Struct("<BBBB3H3H2B2B4B2BHiiIIII12s")
TYPES: tuple[DType, ...] = ("u8", "i8", "i32")
KINDS: dict[type[Op], int] = {Conv: 1, Dense: 2, MaxPool: 3, AvgPool: 4, GroupedConv: 5}


class BlobError(DrypointError, ValueError):
    """Bytes that are not a blob this version reads, or a damaged one."""


def dumps(program: Program) -> bytes:
    """The blob of a program; the same program gives the same bytes.

    Raises:
        ProgramError: encoder, decoder or provenance hold what JSON cannot.
    """
    body = bytearray(HEADER.size + OP.size * len(program.ops))
    offsets = [_append_tables(body, op) for op in program.ops]
    labels = b"".join(label.encode() + b"\0" for label in program.labels)
    labels_at = _append(body, labels)
    meta = _meta_bytes(program)
    meta_at = _append(body, meta)
    for i, (op, at, tables) in enumerate(
        zip(program.ops, program.out_offsets, offsets, strict=True)
    ):
        OP.pack_into(body, HEADER.size + OP.size * i, *_record(op, at, tables))
    header = [MAGIC, *_version(program), len(body), 0, program.arena_size, len(program.ops)]
    header += [len(program.labels), TYPES.index(program.input_type), 0, *program.input_shape]
    header += [labels_at, len(labels), meta_at, len(meta), bytes(16)]
    HEADER.pack_into(body, 0, *header)
    struct.pack_into("<I", body, 12, zlib.crc32(body[16:]))
    return bytes(body)


def loads(blob: bytes) -> Program:
    """The program that a blob holds. All that BLOB.md demands is checked.

    Raises:
        BlobError: not a blob, of another version, damaged, or against a rule.
    """
    if len(blob) < HEADER.size or blob[:4] != MAGIC:
        raise BlobError(
            "not a drypoint blob: it does not start with a header of 64 bytes and its magic"
        )
    (_, major, minor, size, crc, arena, n_ops, n_labels, in_type, zero, *rest) = HEADER.unpack_from(
        blob
    )
    in_shape, (labels_at, labels_size, meta_at, meta_size, zeros) = Shape(*rest[:3]), rest[3:]
    if major != VERSION[0] or minor > VERSION[1]:
        raise BlobError(
            f"the blob's format is {major}.{minor}; this drypoint reads {VERSION[0]}.{VERSION[1]}"
        )
    if size != len(blob):
        raise BlobError(
            f"the blob says {size} bytes, but there are {len(blob)}: truncated or followed by more"
        )
    if crc != zlib.crc32(blob[16:]):
        raise BlobError("the blob is damaged: its CRC does not match")
    try:
        meta = json.loads(_slice(blob, meta_at, meta_size).decode(), parse_constant=_no_constant)
        labels = _slice(blob, labels_at, labels_size).decode().split("\0")
        ops = tuple(_read_op(blob, i, str(meta["ops"][i])) for i in range(n_ops))
        program = _assemble(ops, meta, tuple(labels[:-1]))
    except ProgramError as error:
        raise BlobError(f"the blob breaks a rule: {error}") from error
    except (LookupError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BlobError(
            f"the blob's fields do not fit together ({type(error).__name__}: {error})"
        ) from error
    told = ((major, minor), arena, n_labels, in_type, zero, in_shape, labels[-1], zeros)
    sizes = (_version(program), program.arena_size, len(program.labels))
    true = (*sizes, TYPES.index(program.input_type), 0, program.input_shape, "", bytes(16))
    if told != true:
        raise BlobError("the blob's header is not what its ops ask for")
    _check_records(blob, program)
    return program


def _version(program: Program) -> tuple[int, int]:
    """The lowest one whose readers know all that is in the program."""
    return VERSION if any(isinstance(op, GroupedConv) for op in program.ops) else (1, 0)


def _check_records(blob: bytes, program: Program) -> None:
    """Plan and unused bytes: each record is the one its op makes, given where its tables lie."""
    for i, (op, at) in enumerate(zip(program.ops, program.out_offsets, strict=True)):
        record = _slice(blob, HEADER.size + OP.size * i, OP.size)
        tables = OP.unpack(record)[24:27]
        if isinstance(op, MaxPool | AvgPool):
            tables = (0, 0, 0 if isinstance(op, MaxPool) else tables[2])
        if OP.pack(*_record(op, at, tables)) != record:
            raise BlobError(f"op {op.name!r} of the blob: the plan or an unused byte is wrong")


def _append(body: bytearray, data: bytes) -> int:
    """Append at the next multiple of 16 (a friend to wide loads); the offset, or 0 for nothing."""
    if not data:
        return 0
    body += bytes(-len(body) % 16)
    at = len(body)
    body += data
    return at


def _append_tables(body: bytearray, op: Op) -> tuple[int, int, int]:
    """Weights, biases and multipliers of an op; their offsets."""
    weight = op.weight.tobytes() if isinstance(op, Weighted) else b""
    bias = op.bias.astype("<i4").tobytes() if isinstance(op, Weighted) else b""
    mult = b"" if isinstance(op, MaxPool) else op.mult.astype("<i4").tobytes()
    return _append(body, weight), _append(body, bias), _append(body, mult)


def _record(op: Op, out_offset: int, tables: tuple[int, int, int]) -> tuple[Any, ...]:
    kernel = stride = pool = (0, 0)
    padding = (0, 0, 0, 0)
    groups = op.groups if isinstance(op, GroupedConv) else 0
    match op:
        case Conv() | GroupedConv():
            kernel, stride, padding, pool = op.kernel, op.stride, op.padding, op.pool
        case Dense():
            pass
        case MaxPool() | AvgPool():
            kernel, stride = op.kernel, op.stride
        case _:
            assert_never(op)
    shift, lo, hi = (0, 0, 0) if isinstance(op, MaxPool) else (op.shift, op.lo, op.hi)
    head = (KINDS[type(op)], TYPES.index(op.in_type), TYPES.index(op.out_type), shift)
    planes = (*op.in_shape, *op.out_shape)
    return (
        *head,
        *planes,
        *kernel,
        *stride,
        *padding,
        *pool,
        groups,
        lo,
        hi,
        out_offset,
        *tables,
        bytes(12),
    )


def _read_op(blob: bytes, index: int, name: str) -> Op:
    at = HEADER.size + OP.size * index
    fields = OP.unpack(_slice(blob, at, OP.size))
    kind, in_type, out_type, shift = fields[:4]
    in_shape, out_shape = Shape(*fields[4:7]), Shape(*fields[7:10])
    kernel, stride, padding, pool = fields[10:12], fields[12:14], fields[14:18], fields[18:20]
    groups, lo, hi, (weight, bias, mult) = *fields[20:23], fields[24:27]
    base = {"name": name, "in_type": TYPES[in_type], "out_type": TYPES[out_type]}
    base |= {"in_shape": in_shape, "out_shape": out_shape}
    rule = {"shift": shift, "lo": lo, "hi": hi}
    channels = out_shape.c

    def table(offset: int, n: int) -> Any:
        return np.frombuffer(_slice(blob, offset, 4 * n), "<i4").astype(np.int32)

    def weights(*shape: int) -> Any:
        n = int(np.prod(shape, dtype=object))
        return np.frombuffer(_slice(blob, weight, n), np.int8).reshape(shape)

    if kind in (KINDS[Conv], KINDS[GroupedConv]):
        tables = {"bias": table(bias, channels), "mult": table(mult, channels)}
        windows: dict[str, Any] = {
            "kernel": kernel,
            "stride": stride,
            "padding": padding,
            "pool": pool,
        }
        if kind == KINDS[Conv]:
            weight_of = weights(channels, *kernel, in_shape.c)
            return Conv(**base, **rule, **tables, **windows, weight=weight_of)
        weight_of = weights(channels, *kernel, in_shape.c // max(1, groups))
        return GroupedConv(**base, **rule, **tables, **windows, weight=weight_of, groups=groups)
    if kind == KINDS[Dense]:
        tables = {"bias": table(bias, channels), "mult": table(mult, channels)}
        return Dense(**base, **rule, **tables, weight=weights(channels, in_shape.size))
    if kind == KINDS[MaxPool]:
        return MaxPool(**base, kernel=kernel, stride=stride)
    if kind == KINDS[AvgPool]:
        return AvgPool(**base, **rule, mult=table(mult, 1), kernel=kernel, stride=stride)
    raise ValueError(f"op {index} is of unknown kind {kind}")


def _slice(blob: bytes, offset: int, size: int) -> bytes:
    if offset + size > len(blob):
        raise ValueError(f"bytes {offset} to {offset + size} are asked for, of {len(blob)}")
    return blob[offset : offset + size]


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _meta_bytes(program: Program) -> bytes:
    try:
        return json.dumps(
            _meta(program),
            separators=(",", ":"),
            sort_keys=True,
            ensure_ascii=False,
            allow_nan=False,
        ).encode()
    except (TypeError, ValueError) as error:
        raise ProgramError(
            f"program {program.name!r}: encoder, decoder and provenance must fit JSON: {error}"
        ) from error


def _meta(program: Program) -> dict[str, Any]:
    border_in: dict[str, Any] = {"scale": program.input_scale}
    border_out: dict[str, Any] = {"scale": program.output_scale, "softmax": program.softmax}
    if program.encoder is not None:
        border_in["encoder"] = dict(program.encoder)
    if program.decoder is not None:
        border_out["decoder"] = dict(program.decoder)
    return {
        "name": program.name,
        "ops": [op.name for op in program.ops],
        "input": border_in,
        "output": border_out,
        "provenance": dict(program.provenance),
    }


def _assemble(ops: tuple[Op, ...], meta: dict[str, Any], labels: tuple[str, ...]) -> Program:
    border_in, border_out = meta["input"], meta["output"]
    return Program(
        name=str(meta["name"]),
        ops=ops,
        input_scale=float(border_in["scale"]),
        output_scale=float(border_out["scale"]),
        softmax=bool(border_out["softmax"]),
        labels=labels,
        encoder=border_in.get("encoder"),
        decoder=border_out.get("decoder"),
        provenance=meta["provenance"],
    )
