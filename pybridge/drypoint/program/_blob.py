"""A program as bytes and back: BLOB.md, format 1.1."""

import struct
import zlib
from typing import NamedTuple

from drypoint.common import DrypointError

from ._meta import MetaError, read_meta, write_meta
from ._ops import AvgPool, GroupedConv, MaxPool, Op, ProgramError, Shape
from ._program import Program
from ._records import OP, TYPES, append, append_tables, read_op, read_record, write_record

MAGIC = b"DPT\x1a"
VERSION = (1, 1)
HEADER = struct.Struct("<4sHHIIIHHBBHHHIIII16s")


class BlobError(DrypointError, ValueError):
    """Bytes that are not a blob this version reads, or a damaged one."""


class _Header(NamedTuple):
    """The fields of the header as they stand in the blob."""

    magic: bytes
    version: tuple[int, int]
    size: int
    crc: int
    arena_size: int
    n_ops: int
    n_labels: int
    in_type: int
    zero: int
    in_shape: Shape
    labels: tuple[int, int]  # offset and size
    meta: tuple[int, int]
    zeros: bytes


def dumps(program: Program) -> bytes:
    """The blob of a program; equal programs give equal bytes.

    Raises:
        ProgramError: encoder, decoder or provenance hold a value that a meta cannot (BLOB.md
            section 6).
    """
    body = bytearray(HEADER.size + OP.size * len(program.ops))
    offsets = [append_tables(body, op) for op in program.ops]
    labels = b"".join(label.encode() + b"\0" for label in program.labels)
    labels_at = append(body, labels)
    try:
        meta = write_meta(program)
    except MetaError as error:
        raise ProgramError(
            f"program {program.name!r}: encoder, decoder and provenance must fit JSON: {error}"
        ) from error
    meta_at = append(body, meta)
    at = HEADER.size
    for op, out_offset, tables in zip(program.ops, program.out_offsets, offsets, strict=True):
        body[at : at + OP.size] = write_record(op, out_offset, tables)
        at += OP.size
    counts = (program.arena_size, len(program.ops), len(program.labels))
    border = (TYPES.index(program.input_type), 0, *program.input_shape)
    places = (labels_at, len(labels), meta_at, len(meta), bytes(16))
    HEADER.pack_into(body, 0, MAGIC, *_version(program), len(body), 0, *counts, *border, *places)
    struct.pack_into("<I", body, 12, zlib.crc32(memoryview(body)[16:]))
    return bytes(body)


def loads(blob: bytes) -> Program:
    """The program that a blob holds, after every check of BLOB.md.

    Reading takes time and memory in proportion to the blob's size.

    Raises:
        BlobError: not a blob, of another version, damaged, or against a rule.
    """
    view = memoryview(blob)
    header = _read_header(view)
    try:
        meta = read_meta(_slice(view, *header.meta), header.n_ops)
        labels = _slice(view, *header.labels).decode().split("\0")
        program = Program(
            name=meta.name,
            ops=_read_ops(view, meta.ops),
            input_scale=meta.input_scale,
            output_scale=meta.output_scale,
            softmax=meta.softmax,
            labels=tuple(labels[:-1]),
            encoder=meta.encoder,
            decoder=meta.decoder,
            provenance=meta.provenance,
        )
    except MetaError as error:
        raise BlobError(f"the blob's meta: {error}") from error
    except ProgramError as error:
        raise BlobError(f"the blob breaks a rule: {error}") from error
    except ValueError as error:
        raise BlobError(f"the blob's fields do not fit together: {error}") from error
    if labels[-1]:
        raise BlobError("the blob's fields do not fit together: no zero byte ends the last label")
    _check_header(header, program)
    _check_records(view, program)
    return program


def _read_header(blob: memoryview) -> _Header:
    """The header of a blob; refuses a blob that is truncated, damaged or of an unknown version."""
    if len(blob) < HEADER.size or blob[:4] != MAGIC:
        raise BlobError(
            "not a drypoint blob: it does not start with a header of 64 bytes and its magic"
        )
    (magic, major, minor, size, crc, arena, n_ops, n_labels, in_type, zero, *rest) = (
        HEADER.unpack_from(blob)
    )
    header = _Header(
        magic=magic,
        version=(major, minor),
        size=size,
        crc=crc,
        arena_size=arena,
        n_ops=n_ops,
        n_labels=n_labels,
        in_type=in_type,
        zero=zero,
        in_shape=Shape(*rest[:3]),
        labels=(rest[3], rest[4]),
        meta=(rest[5], rest[6]),
        zeros=rest[7],
    )
    if header.version[0] != VERSION[0] or header.version[1] > VERSION[1]:
        raise BlobError(
            f"the blob's format is {header.version[0]}.{header.version[1]}; "
            f"this drypoint reads {VERSION[0]}.{VERSION[1]}"
        )
    if header.size != len(blob):
        raise BlobError(
            f"the blob says {header.size} bytes, but there are {len(blob)}: "
            "truncated or followed by more"
        )
    if header.crc != zlib.crc32(blob[16:]):
        raise BlobError("the blob is damaged: its CRC does not match")
    if header.n_ops == 0:
        raise BlobError("the blob has no ops")
    return header


def _read_ops(blob: memoryview, names: tuple[str, ...]) -> tuple[Op, ...]:
    if HEADER.size + OP.size * len(names) > len(blob):
        raise ValueError(f"the records of {len(names)} ops do not lie in {len(blob)} bytes")
    ops, used = [], 0
    for i, name in enumerate(names):
        op, used = read_op(blob, read_record(blob, HEADER.size + OP.size * i), name, used)
        ops.append(op)
    return tuple(ops)


def _version(program: Program) -> tuple[int, int]:
    """The lowest version of the format that has all ops of the program."""
    return VERSION if any(isinstance(op, GroupedConv) for op in program.ops) else (1, 0)


def _check_header(header: _Header, program: Program) -> None:
    """The fields of the header that follow from the ops and the labels."""
    fields: tuple[tuple[str, object, object], ...] = (
        ("version", header.version, _version(program)),
        ("arena_size", header.arena_size, program.arena_size),
        ("n_labels", header.n_labels, len(program.labels)),
        ("in_type", header.in_type, TYPES.index(program.input_type)),
        ("in", tuple(header.in_shape), tuple(program.input_shape)),
        ("byte 25", header.zero, 0),
        ("bytes 48 to 63", header.zeros, bytes(16)),
    )
    for what, came, wanted in fields:
        if came != wanted:
            raise BlobError(
                f"the blob's header is not what its ops ask for: {what} is {came!r}, not {wanted!r}"
            )


def _check_records(blob: memoryview, program: Program) -> None:
    """Check plan and unused bytes: each record equals the record that its op and the offsets of
    its tables give.
    """
    for i, (op, out_offset) in enumerate(zip(program.ops, program.out_offsets, strict=True)):
        at = HEADER.size + OP.size * i
        weight, bias, mult = read_record(blob, at).tables
        if isinstance(op, MaxPool | AvgPool):
            weight, bias, mult = 0, 0, (0 if isinstance(op, MaxPool) else mult)
        if write_record(op, out_offset, (weight, bias, mult)) != blob[at : at + OP.size]:
            raise BlobError(f"op {op.name!r} of the blob: the plan or an unused byte is wrong")


def _slice(blob: memoryview, offset: int, size: int) -> bytes:
    if offset + size > len(blob):
        raise ValueError(f"bytes {offset} to {offset + size} lie outside its {len(blob)} bytes")
    return bytes(blob[offset : offset + size])
