"""A program as bytes and back: BLOB.md, format 2.1."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from drypoint.common import DrypointError, file_kind

from . import _softmax as softmax
from ._history import find_delays, state_offsets
from ._meta import MetaError, read_meta, write_meta
from ._outputs import CHANNELS, output_offsets
from ._plan import Plan, is_placed
from ._program import Program
from ._records import (
    OP,
    Record,
    Wiring,
    append,
    append_tables,
    read_op,
    read_record,
    read_tensor,
    tensor_fields,
    weight_bits,
    write_record,
)
from ._sound_record import append_sound, check_record, read_detector, read_front
from ._tensors import ProgramError, Tensor
from .ops import Op

MAGIC = b"DPT\x1a"
VERSION = (2, 1)  # the newest that it reads; it writes the lowest that can say the program
HEADER = struct.Struct("<4sHHIIIHH3HBb6IB3sI")
LAST_OF_2_0 = 12  # the largest number of a kind that format 2.0 has
FEW_BITS = (4, 2)  # weight bits that format 2.0 does not have
NO_SOFTMAX = softmax.SoftmaxScale(0, 0)


class BlobError(DrypointError, ValueError):
    """Bytes that are not a blob this version reads, or a damaged one."""


class _Header(NamedTuple):
    """The fields of the header that the ops and the meta must fit."""

    version: tuple[int, int]
    arena_size: int
    n_ops: int
    n_labels: int
    input: Tensor
    labels: tuple[int, int]  # offset and size
    meta: tuple[int, int]
    state_size: int
    softmax: tuple[int, int]  # mult and shift; 0, 0: the net does not end in a softmax
    zeros: bytes
    sound: int  # where the record of sound lies; 0: there is none


def identity(program: Program) -> int:
    """A number of a program that does not depend on its plan: generated code has it, and a device's
    log names it.

    It is the CRC-32 of the program's blob with a plan in which every output has its own bytes.
    """
    *offsets, arena = state_offsets(program.ops)
    delay_of = find_delays(program.ops)
    for i, values in output_offsets(program.ops).items():
        offsets[i] = values
    for i, op in enumerate(program.ops):
        if i in delay_of:
            offsets[i] = offsets[delay_of[i]]
        elif is_placed(program.ops, i):
            offsets[i], arena = arena, arena + op.output.bytes
    apart = Plan(tuple(offsets), (False,) * len(program.ops), arena)
    return zlib.crc32(dumps(replace(program, plan=apart)))


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
    sound_at = 0 if program.front is None else append_sound(body, program)
    at = HEADER.size
    wirings = Wiring.of(program.reads, program.plan)
    for op, wiring, tables in zip(program.ops, wirings, offsets, strict=True):
        body[at : at + OP.size] = write_record(op, wiring, tables)
        at += OP.size
    counts = (program.arena_size, len(program.ops), len(program.labels))
    places = (labels_at, len(labels), meta_at, len(meta), program.state_size)
    softmax_scale = _softmax_scale(program)
    border = (*tensor_fields(program.input), *places, *softmax_scale, bytes(3), sound_at)
    newer = any(
        op.number > LAST_OF_2_0 or weight_bits(op) in FEW_BITS or op.is_wide for op in program.ops
    )
    newer = newer or _has_classes_by_pixel(program) or bool(program.input_parts)
    newer = newer or program.boxes is not None
    version = (2, 1 if len(program.outputs) > 1 or sound_at or newer else 0)
    HEADER.pack_into(body, 0, MAGIC, *version, len(body), 0, *counts, *border)
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
        records = _read_records(view, header.n_ops)
        _check_version(records, header.version)
        n_outputs = _count_outputs(records, header.version)
        minor = header.version[1]
        meta = read_meta(_slice(view, *header.meta), header.n_ops, n_outputs, minor=minor)
        labels = _slice(view, *header.labels).decode().split("\0")
        sound = header.sound and minor
        program = Program(
            name=meta.name,
            ops=_read_ops(view, records, meta.ops),
            reads=tuple(record.wiring.reads for record in records),
            plan=_plan([record.wiring for record in records], header.arena_size),
            input_scale=meta.input_scale,
            input_parts=meta.input_parts,
            boxes=meta.boxes,
            outputs=meta.outputs,
            labels=tuple(labels[:-1]),
            encoder=meta.encoder,
            provenance=meta.provenance,
            front=read_front(view, header.sound) if sound else None,
            detector=read_detector(view, header.sound) if sound else None,
        )
        if program.front is not None:
            check_record(view, header.sound, program)
    except MetaError as error:
        raise BlobError(f"the blob's meta: {error}") from error
    except ProgramError as error:
        raise BlobError(f"the blob breaks a rule: {error}") from error
    except ValueError as error:
        raise BlobError(f"the blob's fields do not fit together: {error}") from error
    if labels[-1]:
        raise BlobError("the blob's fields do not fit together: no zero byte ends the last label")
    _check_header(header, program)
    _check_records(view, records, program)
    return program


def _plan(wirings: Sequence[Wiring], arena_size: int) -> Plan:
    offsets, in_place, rows, fused = zip(*(wiring[1:] for wiring in wirings), strict=True)
    return Plan(offsets, in_place, arena_size, *((rows, fused) if any(rows) or any(fused) else ()))


def _read_header(blob: memoryview) -> _Header:
    """The header of a blob; refuses a blob that is truncated, damaged or of an unknown version."""
    if len(blob) < HEADER.size or blob[:4] != MAGIC:
        raise BlobError(
            "not a drypoint blob: it does not start with a header of 64 bytes and its magic; "
            + (file_kind(bytes(blob)) or "Program.save writes one")
        )
    (_, major, minor, size, crc, arena, n_ops, n_labels, *rest) = HEADER.unpack_from(blob)
    if major != VERSION[0] or minor > VERSION[1]:
        raise BlobError(
            f"the blob's format is {major}.{minor}; this drypoint reads {VERSION[0]}.0 to "
            f"{VERSION[0]}.{VERSION[1]}: "
            + ("install a newer one" if (major, minor) > VERSION else "quantize the model again")
        )
    if size != len(blob):
        raise BlobError(
            f"the blob says {size} bytes, but there are {len(blob)}: truncated or followed by more"
        )
    if crc != zlib.crc32(blob[16:]):
        raise BlobError("the blob is damaged: its CRC does not match")
    if n_ops == 0:
        raise BlobError("the blob has no ops")
    try:
        border = read_tensor(tuple(rest[:5]), "the header")
    except ValueError as error:
        raise BlobError(f"the blob's fields do not fit together: {error}") from error
    return _Header(
        version=(major, minor),
        arena_size=arena,
        n_ops=n_ops,
        n_labels=n_labels,
        input=border,
        labels=(rest[5], rest[6]),
        meta=(rest[7], rest[8]),
        state_size=rest[9],
        softmax=(rest[10], rest[11]),
        zeros=rest[12],
        sound=rest[13],
    )


def _read_records(blob: memoryview, n_ops: int) -> list[Record]:
    if HEADER.size + OP.size * n_ops > len(blob):
        raise ValueError(f"the records of {n_ops} ops do not lie in {len(blob)} bytes")
    return [read_record(blob, HEADER.size + OP.size * i) for i in range(n_ops)]


def _check_version(records: list[Record], version: tuple[int, int]) -> None:
    """Refuse a kind, a type or weight bits that the blob's format does not have."""
    for i, record in enumerate(records):
        number = record.kind.number
        if version[1] == 0 and number > LAST_OF_2_0:
            raise ValueError(
                f"op {i} is of kind {number}, which format {version[0]}.{version[1]} does not have"
            )
        if version[1] == 0 and "i16" in (*(t.type for t in record.inputs), record.output.type):
            raise ValueError(
                f"op {i} has i16, which format {version[0]}.{version[1]} does not have"
            )
        if version[1] == 0 and record.weight_bits in FEW_BITS:
            raise ValueError(
                f"op {i} has weights of {record.weight_bits} bits, which format {version[0]}."
                f"{version[1]} does not have"
            )


def _count_outputs(records: list[Record], version: tuple[int, int]) -> int:
    """How many ops write an output: with minor 0 the last op alone does."""
    writers = [i for i, record in enumerate(records) if record.output.type == "i32"]
    if version[1] == 0 and writers[:1] not in ([], [len(records) - 1]):
        raise ValueError(
            f"op {writers[0]} writes i32, which in format {version[0]}.{version[1]} only the last "
            "op may"
        )
    return max(1, len(writers))


def _read_ops(blob: memoryview, records: list[Record], names: tuple[str, ...]) -> tuple[Op, ...]:
    ops, used = [], 0
    for record, name in zip(records, names, strict=True):
        op, used = read_op(blob, record, name, used)
        ops.append(op)
    return tuple(ops)


def _has_classes_by_pixel(program: Program) -> bool:
    """Whether labels or a softmax belong to the channels of each pixel: none of 2.0 do."""
    return program.softmax == CHANNELS or len(program.labels) not in (0, program.output_shape.size)


def _softmax_scale(program: Program) -> softmax.SoftmaxScale:
    return softmax.scale(program.output_scale) if program.softmax else NO_SOFTMAX


def _check_header(header: _Header, program: Program) -> None:
    """The fields of the header that follow from the ops, the labels and the meta."""
    if header.version[1] == 0 and _has_classes_by_pixel(program):
        raise BlobError(
            f"{len(program.labels)} labels for {program.output_shape.size} outputs, or a softmax "
            "of each pixel, which format 2.0 does not have"
        )
    fields: tuple[tuple[str, object, object], ...] = (
        ("n_labels", header.n_labels, len(program.labels)),
        ("in", header.input, program.input),
        ("state_size", header.state_size, program.state_size),
        ("softmax", header.softmax, tuple(_softmax_scale(program))),
        ("bytes 57 to 59", header.zeros, bytes(3)),
        ("sound_offset", header.sound, header.sound if header.version[1] else 0),
    )
    for what, came, wanted in fields:
        if came != wanted:
            raise BlobError(
                f"the blob's header is not what its ops and meta ask for: {what} is {came}, not "
                f"{wanted}"
            )


def _check_records(blob: memoryview, records: list[Record], program: Program) -> None:
    """Check unused bytes: each record is what its op, its place and its tables' offsets give."""
    for i, (op, record) in enumerate(zip(program.ops, records, strict=True)):
        at = HEADER.size + OP.size * i
        tables = record.tables.of(op)
        if write_record(op, record.wiring, tables) != blob[at : at + OP.size]:
            raise BlobError(f"op {op.name!r} of the blob: a field that its kind lacks is not 0")


def _slice(blob: memoryview, offset: int, size: int) -> bytes:
    if offset + size > len(blob):
        raise ValueError(f"bytes {offset} to {offset + size} lie outside its {len(blob)} bytes")
    return bytes(blob[offset : offset + size])
