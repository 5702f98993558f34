"""The border in the generated header: what the input is; functions of real samples and counts."""

from collections.abc import Iterable
from importlib.resources import files
from string import Template

from ._border import Border
from ._codegen_sound import listen_declarations, listen_defines
from ._inputs import InputPart, part_offsets
from ._outputs import Output
from ._program import Program

ELEMENTS = {"u8": "uint8_t", "i8": "int8_t"}


def border_defines(program: Program, name: str) -> str:
    """The macros of the input. An encoder's pixels have no scale."""
    upper, (h, w, c) = name.upper(), program.input_shape
    lines = f"#define {upper}_INPUT_TYPE     DPT_{program.input_type.upper()}\n"
    for side, size in (("HEIGHT", h), ("WIDTH", w), ("CHANNELS", c)):
        lines += f"#define {upper}_INPUT_{side:<8} {size}\n"
    if program.input_parts:
        lines += _part_defines(program, upper)
    elif not program.reads_pixels:
        lines += (
            f"/* The input's integer q stands for {upper}_INPUT_SCALE * (q - {upper}_INPUT_ZERO"
        )
        lines += ").\n"
        maker = "quantize" if program.front is None else "listen"
        lines += f" * {name}_{maker}() makes the integers. */\n"
        lines += f"#define {upper}_INPUT_SCALE  {float(program.input_scale)!r}\n"
        lines += f"#define {upper}_INPUT_ZERO   {_signed_text(program.input.zero)}\n"
    if program.sample_rate is not None:
        lines += f"#define {upper}_SAMPLE_RATE  {program.sample_rate} /* time steps a second */\n"
    if program.front is not None:
        lines += listen_defines(program, name)
    return lines


def _part_defines(program: Program, upper: str) -> str:
    """The macros of each of several inputs."""
    lines = (
        "/* An input X lies from input[.._X] on, .._X_COUNT values of one byte, of .._X_TYPE. The\n"
        " * integer q stands for .._X_SCALE * (q - .._X_ZERO). */\n"
    )
    for part, at in zip(program.input_parts, part_offsets(program.input_parts), strict=True):
        macro, tensor = f"{upper}_INPUT_{part.name.upper()}", part.tensor
        lines += f"#define {macro} {at} /* {tensor.shape} */\n"
        lines += f"#define {macro}_COUNT {tensor.shape.size}\n"
        lines += f"#define {macro}_TYPE DPT_{tensor.type.upper()}\n"
        for side, size in zip(("HEIGHT", "WIDTH", "CHANNELS"), tensor.shape, strict=True):
            lines += f"#define {macro}_{side} {size}\n"
        lines += f"#define {macro}_SCALE {float(part.scale)!r}\n"
        lines += f"#define {macro}_ZERO {_signed_text(tensor.zero)}\n"
    return lines


def border_functions(program: Program, name: str) -> str:
    """The functions of a program that reads no pixels."""
    if program.reads_pixels:
        return ""
    if program.front is not None:
        return listen_declarations(program, name)
    if program.input_parts:
        return "".join(_part_functions(part, name) for part in program.input_parts)
    rule = program.border
    count = (program.encoder or {}).get("count", 1.0)
    values = _quantize_values(rule, name) | {
        "size": f"{name.upper()}_INPUT_SIZE",
        "count": repr(float(count)),
        "unit": ", in the unit of the training data" if program.encoder is not None else "",
        "integers": _integers(rule, name, _period(rule)),
    }
    text = _template("border.h.in").substitute(values)
    if rule.counts is not None:
        text += _template("border_counts.h.in").substitute(values)
    for output in program.outputs:
        if output.threshold is not None:
            fields = values | _error(program, name, output)
            text += _template("border_error.h.in").substitute(fields)
    return f"{text}\n"


def _part_functions(part: InputPart, name: str) -> str:
    """The function that makes integers of one of several inputs."""
    values = _quantize_values(part.border, f"{name}_{part.name}")
    size = f"{name.upper()}_INPUT_{part.name.upper()}_COUNT"
    return _template("border.h.in").substitute(values | {"size": size, "unit": ""}) + "\n"


def _quantize_values(rule: Border, name: str) -> dict[str, object]:
    """What the template of ``NAME_quantize()`` asks for."""
    return {
        "name": name,
        "upper": name.upper(),
        "element": ELEMENTS[rule.input.type],
        "channels": rule.input.shape.c,
        "period": _period(rule),
        "zero": _signed_text(rule.input.zero),
        "low": _signed_text(rule.low),
        "high": rule.high,
        "floats": _floats(rule, name, _period(rule)),
    }


def _period(rule: Border) -> int:
    """Channels after which the numbers of a border repeat."""
    rows = [rule.mean.tolist(), rule.gain.tolist(), *(rule.counts or ())]
    return 1 if all(len({*row}) == 1 for row in rows) else rule.input.shape.c


def _error(program: Program, name: str, output: Output) -> dict[str, object]:
    """The names and the numbers of the reconstruction error of an output."""
    (h, w, c), (mult, shift) = program.input_shape, program.error_scale_of(output)
    pairs = zip(program.outputs, program.output_ops, strict=True)
    shape = next(op.out_shape for each, op in pairs if each.name == output.name)
    several = len(program.outputs) > 1
    same = shape == program.input_shape or 1 in (h * w, c)
    macro = f"{name}_output_{output.name}" if several else name
    return {
        "error": f"{name}_{output.name}" if several else name,
        "macro": f"{macro.upper()}_THRESHOLD",
        "written": f"wrote as {output.name}" if several else "wrote",
        "threshold": output.threshold,
        "mult": mult,
        "shift": shift,
        "half": 2 ** (shift - 1),
        "order": "i" if same else f"i % {c} * {h * w} + i / {c}",
    }


def _template(name: str) -> Template:
    return Template(files(__package__).joinpath("templates", name).read_text("utf-8"))


def _floats(rule: Border, name: str, period: int) -> str:
    return "".join(
        _table("float", f"{name}_{what}", map(_float, row.tolist()[:period]))
        for what, row in (("mean", rule.mean), ("gain", rule.gain))
    )


def _integers(rule: Border, name: str, period: int) -> str:
    return "".join(
        _table("int64_t", f"{name}_{what}", (f"{value}LL" for value in row[:period]))
        for what, row in zip(("factor", "offset"), rule.counts or (), strict=False)
    )


def _table(kind: str, name: str, values: Iterable[str]) -> str:
    lines = "".join(f"        {value},\n" for value in values)
    return f"    static const {kind} {name}[] = {{\n{lines}    }};\n"


def _float(value: float) -> str:
    """A float32 as C: nine digits give the number back."""
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def _signed_text(value: int) -> str:
    """A number as the body of a macro."""
    return f"({value})" if value < 0 else str(value)
