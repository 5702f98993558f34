"""The border of a program in the generated header: the input's type, shape, scale and zero point,
and the functions that make integers of real samples and of int16 counts.
"""

from collections.abc import Iterable
from importlib.resources import files
from string import Template

from ._border import Border
from ._codegen_sound import listen_declarations, listen_defines
from ._program import Program

ELEMENTS = {"u8": "uint8_t", "i8": "int8_t"}


def border_defines(program: Program, name: str) -> str:
    """The macros of the input. An encoder's pixels have no scale."""
    upper, (h, w, c) = name.upper(), program.input_shape
    lines = f"#define {upper}_INPUT_TYPE     DPT_{program.input_type.upper()}\n"
    for side, size in (("HEIGHT", h), ("WIDTH", w), ("CHANNELS", c)):
        lines += f"#define {upper}_INPUT_{side:<8} {size}\n"
    if not program.reads_pixels:
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


def border_functions(program: Program, name: str) -> str:
    """The functions of a program that reads no pixels.

    Raises:
        ProgramError: as `Program.border`.
    """
    if program.reads_pixels:
        return ""
    if program.front is not None:
        return listen_declarations(program, name)
    rule = program.border
    rows = [rule.mean.tolist(), rule.gain.tolist(), *(rule.counts or ())]
    period = 1 if all(len({*row}) == 1 for row in rows) else program.input_shape.c
    count = (program.encoder or {}).get("count", 1.0)
    values: dict[str, object] = {
        "name": name,
        "upper": name.upper(),
        "element": ELEMENTS[program.input_type],
        "channels": program.input_shape.c,
        "period": period,
        "zero": _signed_text(program.input.zero),
        "low": _signed_text(rule.low),
        "high": rule.high,
        "count": repr(float(count)),
        "unit": ", in the unit of the training data" if program.encoder is not None else "",
        "floats": _floats(rule, name, period),
        "integers": _integers(rule, name, period),
    }
    text = _template("border.h.in").substitute(values)
    if rule.counts is not None:
        text += _template("border_counts.h.in").substitute(values)
    if program.threshold is not None:
        text += _template("border_error.h.in").substitute({**values, **_error(program)})
    return f"{text}\n"


def _error(program: Program) -> dict[str, object]:
    """The numbers of the reconstruction error."""
    (h, w, c), (mult, shift) = program.input_shape, program.error_scale
    same = program.output_shape == program.input_shape or 1 in (h * w, c)
    return {
        "threshold": program.threshold,
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
