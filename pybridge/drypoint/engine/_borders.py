"""The input and output of an exported model, in words and C for its README."""

import numpy as np

from drypoint.program import NUMPY_TYPE, Program


def reads(program: Program, name: str) -> str:
    """How to make the bytes of an input: Markdown.

    Args:
        program: the model.
        name: its C name.
    """
    h, w, c = program.input_shape
    upper, element = name.upper(), "uint8_t" if program.input_type == "u8" else "int8_t"
    order = f"{h} x {w} x {c}, row by row, the {c} channels of a place together"
    size = f"`{upper}_INPUT_SIZE` = {program.input_shape.size}"
    if program.encoder is not None:
        color = "RGB pixels" if c == 3 else "gray pixels"
        return (
            f"`input` is {size} bytes: {color} from 0 to 255, {order}. Scaling and mean are inside "
            "the net; colour and size are not: bring an image to them first."
        )
    limits = np.iinfo(NUMPY_TYPE[program.input_type])
    layout = order if (h, w) != (1, 1) else "one a value, in their order"
    return f"""\
`input` is {size} bytes of type `{element}`, {layout}. A real number
x, as the float net was trained on, becomes x / `{upper}_INPUT_SCALE`, rounded to the nearest
integer (halves to the even one), plus `{upper}_INPUT_ZERO`, clamped to
{limits.min} .. {limits.max}.
In C, with `rint` of `math.h`:

```c
double v = rint(x / {upper}_INPUT_SCALE) + {upper}_INPUT_ZERO;
{element} byte = ({element})(v < {limits.min} ? {limits.min} : v > {limits.max} ? {limits.max} : v);
```

What the program that trained the net did to a number before the net saw it (a mean, a scale), do
first. In Python `Program.integers` gives the same bytes."""


def writes(program: Program, name: str, pre: str) -> str:
    """What the outputs mean: Markdown.

    Args:
        program: the model.
        name: its C name.
        pre: what stands before ``scores`` in the README's lines of C.
    """
    upper = name.upper()
    argmax = f"`dpt_argmax({pre}scores, {upper}_OUTPUT_COUNT)`"
    if program.labels or program.softmax:
        name_of_class = (
            f"its name `dpt_label(&{name}, that)`" if program.labels else "without a name"
        )
        text = f"The class is {argmax}, {name_of_class}."
        if program.softmax:
            count = f"{upper}_OUTPUT_COUNT"
            text += (
                f" `dpt_softmax({pre}scores, {count}, {name}.softmax, {pre}scores)` makes "
                "probabilities of the scores, in units of 2^-30, without floating point."
            )
        return text
    return (
        f"The net's real output i is `{pre}scores[i] * {upper}_OUTPUT_SCALE`; where outputs are "
        f"scores of classes, the class is {argmax}."
    )
