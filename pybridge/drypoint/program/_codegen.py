"""Generates the C of a program: tables, not logic. It compiles with engine_c and nothing else."""

import re
import zlib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from string import Template
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drypoint.common import printable

from . import _softmax as softmax
from ._blob import FEW_BITS, identity
from ._c_names import check_c_name
from ._codegen_border import border_defines, border_functions
from ._codegen_boxes import boxes_declarations, boxes_selftest, boxes_source
from ._codegen_sound import listen_selftest, listen_source
from ._history import Clock
from ._outputs import CHANNELS, is_output, output_offsets
from ._packing import KernelSet, exported_op, kernel_set, pack, stack_bound
from ._packing_depthwise import is_single
from ._packing_mve import mve_kernels
from ._program import Program
from ._records import FIELDS, KINDS, TABLES, Wiring, own_fields, stored_weights, weight_bits
from ._reference import trace
from ._tensors import ProgramError, Tensor
from .ops import Conv, Delay, DepthwiseConv, Op
from .ops._weighted import WeightedOp

CODEGEN_VERSION = 8  # DPT_CODEGEN in drypoint.h
_EXPORT_CRC = "@EXPORT_CRC@"  # where the CRC-32 of header and source goes, without itself
PACKED_FEW_BITS = 0x100  # added to the number of a layout with weights of 4 or 2 bits
TITLES = {"weight": "weights", "table": "the output for each stored byte"}  # of tables
TYPES = {"u8": "DPT_U8", "i8": "DPT_I8", "i32": "DPT_I32", "i16": "DPT_I16"}
WIDE = "wide"  # in the place of a kind: the kernel of ops that read or write i16


def generate(
    program: Program, name: str, golden: NDArray[np.integer], *, kernels: str = "scalar"
) -> dict[str, str]:
    """The program as C source.

    Args:
        program: the program.
        name: the C name of the model and of its files: a lower-case identifier.
        golden: inputs (N, h, w, c), at least one, that the self-test compiles in; of a streaming
            program N steps, at least up to the first output.
        kernels: a name of ``KERNEL_SETS``; weights are written in the layout of these kernels.

    Returns:
        File name to text: ``<name>.h``, ``<name>.c`` and ``selftest.c``. The C files stop the
        compiler beside a header of another export.

    Raises:
        ProgramError: ``name`` is no C identifier or taken, ``golden`` does not fit the program or
            is empty, or there are no such kernels.
    """
    chosen = kernel_set(kernels)
    check_c_name(name)
    inputs = program.encode(golden)
    least = program.clocks[-1].first
    if len(inputs) < least:
        what = f"{least} steps, up to the first output" if program.is_streaming else "one input"
        raise ProgramError(f"the self-test needs at least {what}; there are {len(inputs)}")
    header, source = _header(program, name, chosen), _source(program, name, chosen)
    texts = {
        f"{name}.h": header,
        f"{name}.c": source,
        "selftest.c": _selftest(program, name, inputs),
    }
    crc = f"0x{zlib.crc32((header + source).encode()):08X}u"
    return {file: text.replace(_EXPORT_CRC, crc) for file, text in texts.items()}


def _fill(template: str, **values: object) -> str:
    """A template of this part with its ``$names`` replaced."""
    text = files(__package__).joinpath("templates", template).read_text("utf-8")
    return Template(text).substitute(values)


def _common(program: Program, name: str) -> dict[str, object]:
    return {
        "name": name,
        "upper": name.upper(),
        "banner": _banner(program),
        "export_crc": _EXPORT_CRC,
        "n_ops": len(program.ops),
    }


def _header(program: Program, name: str, chosen: KernelSet) -> str:
    run = "one run" if program.front is None else f"{name}_listen"
    valid = f"/* of {run} at most; gcc, -Os to -O3 */"
    bound = stack_bound(chosen, program)
    stack_size = f"#define {name.upper()}_STACK_SIZE   {bound} {valid}\n"
    return _fill(
        "model.h.in",
        **_common(program, name),
        codegen=CODEGEN_VERSION,
        arena_size=program.arena_size,
        state=_state(program, name),
        input_size=program.input_shape.size,
        input_type=program.input_type,
        input_shape=program.input_shape,
        output_count=program.output_count,
        call="dpt_step" if program.is_streaming else "dpt_run",
        outputs=_outputs(program, name),
        id=f"{identity(program):08X}",
        stack=(stack_size if bound else "") + _scales(program, name),
        border=border_functions(program, name) + boxes_declarations(program, name),
        include=_include(program),
    )


def _include(program: Program) -> str:
    """The engine's header that the generated one includes."""
    if program.boxes is not None:
        return "drypoint_boxes.h"
    return "drypoint.h" if program.front is None else "drypoint_listen.h"


def _state(program: Program, name: str) -> str:
    """The macros of a streaming program, and how it is called."""
    if not program.is_streaming:
        return ""
    first, period = program.clocks[-1]
    rows = (
        ("STATE_SIZE  ", program.state_size, "bytes at the arena's front that last between steps"),
        ("FIRST_OUTPUT", first, "number of the first step that has an output"),
        ("OUTPUT_PERIOD", period, "steps from an output to the next"),
    )
    return "".join(f"#define {name.upper()}_{what} {n} /* {say} */\n" for what, n, say in rows)


def _scales(program: Program, name: str) -> str:
    """The macros of the input, and the scale of the output, which a softmax's logits have not."""
    lines, upper = border_defines(program, name), name.upper()
    if len(program.outputs) > 1:
        return lines
    if program.softmax == CHANNELS:
        lines += (
            f"#define {upper}_OUTPUT_CHANNELS {program.output_shape.c} /* logits of a pixel */\n"
        )
    if not program.softmax:
        lines += f"/* A real output is {upper}_OUTPUT_SCALE times the int32. */\n"
        lines += f"#define {upper}_OUTPUT_SCALE {float(program.output_scale)!r}\n"
    return lines


def _outputs(program: Program, name: str) -> str:
    """The macros of each of several outputs."""
    if len(program.outputs) == 1:
        return ""
    head = f"{name.upper()}_OUTPUT"
    text = (
        "/* The values of an output X are output[.._X] to output[.._X + .._X_COUNT - 1]. A real\n"
        " * value is .._X_SCALE times the int32; logits have .._X_SOFTMAX, for dpt_softmax. */\n"
    )
    places = output_offsets(program.ops).values()
    for output, op, at in zip(program.outputs, program.output_ops, places, strict=True):
        macro = f"{head}_{output.name.upper()}"
        text += f"#define {macro} {at} /* {op.out_shape} */\n"
        text += f"#define {macro}_COUNT {op.out_shape.size}\n"
        if output.softmax == CHANNELS:
            text += f"#define {macro}_CHANNELS {op.out_shape.c} /* logits of a pixel */\n"
        if output.softmax:
            text += f"#define {macro}_SOFTMAX {{{_list(softmax.scale(output.scale))}}}\n"
        else:
            text += f"#define {macro}_SCALE {float(output.scale)!r}\n"
    return text


def _source(program: Program, name: str, chosen: KernelSet) -> str:
    exported = [exported_op(op, chosen) for op in program.ops]
    packed = [pack(op, chosen) for op in exported]
    wirings = Wiring.of(program.reads, program.plan)
    clocks = program.clocks if program.is_streaming else (None,) * len(program.ops)
    ops = zip(exported, wirings, clocks, map(bool, packed), strict=True)
    return _fill(
        "model.c.in",
        **_common(program, name),
        tables="".join(
            _packed_table(op, i, packed[i]) if packed[i] else _tables(op, i)
            for i, op in enumerate(exported)
        ),
        ops="".join(
            _op(op, i, wiring, clock, is_packed)
            for i, (op, wiring, clock, is_packed) in enumerate(ops)
        ),
        n_labels=len(program.labels),
        labels="".join(_label(label) for label in program.labels) or "    '\\0',\n",
        kernels=_kernels(program, chosen),
        packing=_packing_number(exported, chosen),
        softmax=_list(softmax.scale(program.output_scale) if program.softmax else (0, 0)),
        listen=listen_source(program, name) + boxes_source(program, name),
        state=f"\n    .state_size = {name.upper()}_STATE_SIZE," if program.is_streaming else "",
    )


def _packing_number(ops: Iterable[Op], chosen: KernelSet) -> int:
    """The number of the packed layout; few bits have their own, which no 8-bit backend reads."""
    few = any(weight_bits(op) in FEW_BITS for op in ops)
    return chosen.number + (PACKED_FEW_BITS if few and chosen.number else 0)


class KernelTable(NamedTuple):
    """The C functions that run a program's ops: by kind and weight bits; of groups of rows."""

    kinds: Mapping[str, Mapping[int, str]]
    runner: str | None


def kernel_table(program: Program, chosen: KernelSet) -> KernelTable:
    """The kernels that the ops of a program need, the only ones that its C names."""
    ops = [exported_op(op, chosen) for op in program.ops]
    own = _own_kernels(ops, chosen)
    kinds = {
        kind: {
            bits: _few_bits_kernel(kind, bits, chosen)
            if bits in FEW_BITS
            else own.get(kind, f"dpt_scalar_{kind}")
            for bits in sorted({weight_bits(op) for op in ops if _kernel(op) == kind})
        }
        for kind in (*(row.kind for row in KINDS), WIDE)
    }
    runner = "dpt_dsp_run_group" if chosen.name == "dsp" else "dpt_run_rows"
    return KernelTable(
        {kind: by_bits for kind, by_bits in kinds.items() if by_bits},
        runner if any(program.plan.rows) else None,
    )


def _kernels(program: Program, chosen: KernelSet) -> str:
    """The table of the kernels that the ops need: the linker leaves out the others."""
    kinds, runner = kernel_table(program, chosen)
    functions, lines = "", ""
    for kind, by_bits in kinds.items():
        names = {*by_bits.values()}
        if len(names) > 1:
            functions += _dispatch(kind, by_bits)
            names = {f"kernel_{kind}"}
        lines += "".join(f"        [DPT_{kind.upper()}] = {name},\n" for name in names)
    number = _packing_number([exported_op(op, chosen) for op in program.ops], chosen)
    return (
        f"{functions}static int available(void) {{\n    return 1;\n}}\n\n"
        "/* Only the kernels that the ops need: the linker leaves out the others. */\n"
        "static const dpt_backend kernels = {\n"
        f'    "{chosen.name}", available, {number},\n    {{\n{lines}    }},\n'
        f"    {runner or 0},\n}};\n\n"
    )


def _few_bits_kernel(kind: str, bits: int, chosen: KernelSet) -> str:
    """A kind's kernel for weights of 4 or 2 bits: the plain one, but for depthwise convolutions."""
    if chosen.number:
        return chosen.kernel(kind, bits)
    return f"dpt_scalar_{'grouped' if kind == 'conv' else kind}"


def _dispatch(kind: str, by_bits: Mapping[int, str]) -> str:
    """A function that runs each op of a kind by the kernel for its weight bits."""
    *few, last = sorted(by_bits.items())
    choice = "".join(f"op->weight_bits == {bits} ? {name} : " for bits, name in few)
    return (
        f"static void kernel_{kind}(const dpt_op *op, const void *const in[2], void *out, "
        f"size_t n) {{\n    ({choice}{last[1]})(op, in, out, n);\n}}\n\n"
    )


def _own_kernels(ops: Iterable[Op], chosen: KernelSet) -> Mapping[str, str]:
    """By kind, a backend's smallest kernel that computes all 8-bit ops; the rest are plain."""
    ops = [op for op in ops if weight_bits(op) not in FEW_BITS and _kernel(op) != WIDE]
    if chosen.name == "mve":
        return mve_kernels(ops)
    small = chosen.quads is None
    more = ("grouped",) if small else ("add", "mul", "maxpool", "avgpool")
    own = {kind: chosen.kernel(kind) for kind in ("conv", "dense", "depthwise", *more)}
    if not small:
        own["grouped"] = own["conv"]  # one kernel runs all convolutions
    depthwise = [op for op in ops if isinstance(op, DepthwiseConv)]
    if small and chosen.number and all(is_single(op) and pack(op, chosen) for op in depthwise):
        own["depthwise"] = chosen.kernel("single")
    return own


def _kernel(op: Op) -> str:
    """The kind whose kernel runs an op, as kernel_of in dpt_run.c: grouped runs dilated ones."""
    if op.is_wide and not isinstance(op, Delay):
        return WIDE
    return "grouped" if isinstance(op, Conv) and op.dilated else op.kind


def _selftest(program: Program, name: str, golden: NDArray[np.integer]) -> str:
    planes = trace(program, golden)
    rows = [plane.reshape(len(golden), -1) for plane in planes]
    outputs = [row for row, op in zip(rows, program.ops, strict=True) if is_output(op)]
    in_arena = [not is_output(op) for op in program.ops[:-1]]
    crcs = [
        [
            f"0x{zlib.crc32(plane[i].tobytes()) if has_crc and _runs(clock, i) else 0:08X}u"
            for has_crc, plane, clock in zip(in_arena, planes, program.clocks, strict=False)
        ]
        for i in range(len(golden))
    ]
    return _fill(
        "selftest_stream.c.in" if program.is_streaming else "selftest.c.in",
        **_common(program, name),
        n_golden=len(golden),
        n_inner=max(1, len(planes) - 1),
        element="uint8_t" if program.input_type == "u8" else "int8_t",
        inputs=_nested_list(golden),
        crcs="".join(f"    {{{', '.join(row) or '0'}}},\n" for row in crcs),
        outputs=_nested_list(np.concatenate(outputs, axis=1)),
        boxes=boxes_selftest(program, name, outputs[-1]),
        right="0" if program.boxes is None else "wrong_boxes(result, i)",
        **_listening(program, name),
    )


def _listening(program: Program, name: str) -> dict[str, str]:
    """What a self-test says and does where the program reads samples or finds boxes."""
    listened = "0" if program.front is None else "listen_selftest()"
    fields = {"listen": listen_selftest(program, name), "listened": listened}
    if program.front is None and program.boxes is None:
        return {**fields, "listens": "", "listen_words": ""}
    n_ops = len(program.ops)
    wrong = (
        f"{name}_boxes finds others"
        if program.front is None
        else f"{name}_listen decides otherwise"
    )
    words = f'    }} else if (wrong == {n_ops + 1}) {{\n        printf("{name}: {wrong}\\n");\n'
    return {**fields, "listens": f",\n * or {n_ops + 1}: {wrong}", "listen_words": words}


def _runs(clock: Clock, index: int) -> bool:
    """Whether an op runs in step ``index``, counted from 0."""
    return index + 1 >= clock.first and (index + 1 - clock.first) % clock.period == 0


def _banner(program: Program) -> str:
    """The listing as a comment."""
    lines = _comment(str(program)).splitlines()
    text = "\n".join(f" * {line}".rstrip() for line in lines)
    return f"/* Generated by drypoint. Do not edit: export the model again.\n *\n{text}\n */\n"


def _tables(op: Op, index: int) -> str:
    """The byte tables of one op: weights as numbers, int32 as four bytes each."""
    text = ""
    for field in TABLES:
        values = getattr(op, field, None)
        if values is None:
            continue
        if field in TITLES:
            text += f"/* {_comment(op.name)}: {TITLES[field]} */\n"
        if field == "weight":
            if isinstance(op, WeightedOp) and op.weight_bits < 8:
                values = stored_weights(op).view(np.int8)
            lists = values.reshape(len(values), -1).tolist()
            rows = "".join(_wrap([str(v) for v in row]) for row in lists)
            text += f"static const int8_t weight{index}[] DPT_IN_TABLE = {{\n{rows}}};\n"
        else:
            text += _table(f"{field}{index}", values)
    return text + "\n" if text else ""


def _packed_table(op: Op, index: int, table: bytes) -> str:
    """An op's tables as its kernels read them: words, so that they are aligned."""
    words = [f"0x{word:08X}u" for word in np.frombuffer(table, "<u4").tolist()]
    head = f"/* {_comment(op.name)}: biases, multipliers, packed weights */\n"
    text = f"static const uint32_t packed{index}[] DPT_IN_TABLE = {{\n{_wrap(words)}}};\n"
    pad = getattr(op, "pad", None)
    return f"{head}{text}{'' if pad is None else _table(f'pad{index}', pad)}\n"


def _table(name: str, values: NDArray[np.integer]) -> str:
    """A table of bytes: int32 values as four bytes each, others as they are stored."""
    if values.dtype == np.int32:
        numbers = [f"DPT_LE32({_int(v)})" for v in values.tolist()]
    else:
        stored = values.astype(values.dtype.newbyteorder("<"))
        numbers = [str(v) for v in stored.view(np.uint8).tolist()]
    return f"static const uint8_t {name}[] DPT_IN_TABLE = {{\n{_wrap(numbers)}}};\n"


def _op(op: Op, index: int, wiring: Wiring, clock: Clock | None, packed: bool) -> str:
    """The initializer of a dpt_op: fields that are not 0; in a streaming program with a clock."""
    fields: dict[str, object] = {"kind": f"DPT_{op.kind.upper()}"}
    marks = {"DPT_IN_PLACE": wiring.in_place, "DPT_FUSED": wiring.fused}
    fields["marks"] = " | ".join(mark for mark, has in marks.items() if has) or 0
    fields["rows"] = wiring.rows
    fields["weight_bits"] = weight_bits(op)
    fields["reads"] = f"{{{_list(wiring.reads)}}}"
    fields["in"] = _tensor(op.inputs[0])
    fields["in2"] = _tensor(op.inputs[1]) if len(op.inputs) > 1 else 0
    fields["out"] = _tensor(op.output)
    for name, values in own_fields(op).items():
        if name == "factors":
            fields[name] = f"{{{_list(values)}}}"
        else:
            fields |= zip(FIELDS[name], map(_int, values), strict=True)
    fields["out_offset"] = wiring.out_offset
    if clock is not None:
        fields |= {"first": clock.first, "period": clock.period}
    if packed:
        fields["packed"] = f"packed{index}"
    tables = ("pad",) if packed else TABLES
    fields |= {name: f"{name}{index}" for name in tables if getattr(op, name, None) is not None}
    words = [f".{name} = {value}" for name, value in fields.items() if value not in (0, "0")]
    lines = "".join(f"    {line}\n" for line in _wrap(words).splitlines())
    return f"    /* {_comment(op.name)} */\n    {{\n{lines}    }},\n"


def _tensor(tensor: Tensor) -> str:
    return f"{{{_list(tensor.shape)}, {TYPES[tensor.type]}, {tensor.zero}}}"


def _comment(text: str) -> str:
    """A name or a listing that may stand in a comment: it neither opens nor closes one, has no
    trigraph (``??/`` is a backslash in C99), and a compiler reads it as an editor shows it.
    """
    shown = printable(text, lines=True).replace("*/", "* /").replace("/*", "/ *")
    return re.sub(r"\?(?=\?)", "? ", shown)


def _int(value: int) -> str:
    """An int32 as C: -2147483648 has no literal of its own."""
    return "INT32_MIN" if value == -(2**31) else str(value)


def _list(values: Iterable[int]) -> str:
    return ", ".join(str(v) for v in values)


def _nested_list(planes: NDArray[np.integer]) -> str:
    rows = planes.reshape(len(planes), -1).tolist()
    return "".join(f"    {{\n{_wrap([_int(v) for v in row])}    }},\n" for row in rows)


def _wrap(words: list[str]) -> str:
    """Words with commas, in lines of at most 100 columns."""
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) + 2 > 100:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return "\n".join([*lines, line]) + "\n"


def _label(label: str) -> str:
    """The label's UTF-8 bytes and a zero as characters: C99 limits a string, but not an array."""
    return _wrap([_character(byte) for byte in (*label.encode(), 0)])


def _character(byte: int) -> str:
    plain = 32 <= byte < 127 and chr(byte) not in "'\\"
    return f"'{chr(byte)}'" if plain else f"'\\{byte:o}'"
