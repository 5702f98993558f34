"""The input and output of an exported model, in words and C for its README."""

from drypoint.program import Program

ELEMENTS = {"u8": "uint8_t", "i8": "int8_t"}


def describe_input(program: Program, name: str, pre: str) -> str:
    """How to make the bytes of an input: Markdown."""
    if program.input_parts:
        return _parts(program, name, pre)
    h, w, c = program.input_shape
    upper, element = name.upper(), ELEMENTS[program.input_type]
    together = f", the {c} channels of a place together" if c > 1 else ""
    order = f"{h} x {w} x {c}, row by row{together}"
    size = f"`{upper}_INPUT_SIZE` = {program.input_shape.size}"
    if program.reads_pixels:
        pixels = "gray pixels, a byte each" if c == 1 else "pixels, the bytes red, green, blue each"
        return (
            f"`{pre}input` is {size} bytes: {h} rows of {w} {pixels}, from 0 to 255. Scaling and "
            "mean are inside the net; convert an image of another colour or size before the call."
        )
    if program.front is not None:
        return _listens(program, name, size)
    if program.encoder is not None:
        together = f", the {c} channels of a step together" if c > 1 else ""
        order = f"{h} time steps from the oldest to the newest{together}"
    layout = order if (h, w) != (1, 1) else "one a value, in their order"
    return f"""\
`{pre}input` is {size} bytes of type `{element}`, {layout}.
{_quantize(program, name, pre)}

Python's `Program.integers` gives equal bytes."""


def _parts(program: Program, name: str, pre: str) -> str:
    """How to make the bytes of several inputs."""
    upper = name.upper()
    lines = [f"The inputs lie one after the other in `{pre}input`:", ""]
    calls = [f"static {ELEMENTS[program.input_type]} {pre}input[{upper}_INPUT_SIZE];"]
    for part in program.input_parts:
        macro, element = f"{upper}_INPUT_{part.name.upper()}", ELEMENTS[part.tensor.type]
        values = f"`{macro}_COUNT` = {part.tensor.shape.size} values of type `{element}`"
        lines.append(
            f"* {part.name}: {values} ({part.tensor.shape}) from `{pre}input[{macro}]` on."
        )
        place = f"({element} *){pre}input + {macro}"
        calls.append(f"{name}_{part.name}_quantize({part.name}, {macro}_COUNT, {place});")
    code = "\n".join(calls)
    text = "The header makes them of real numbers, as the float net was trained on:"
    return "\n".join([*lines, "", text, "", f"```c\n{code}\n```"])


def _listens(program: Program, name: str, size: str) -> str:
    """How a model takes samples."""
    upper, front = name.upper(), program.sound_border.front
    return f"""\
The model reads int16 samples, {front.rate} a second (`{upper}_SAMPLE_RATE`), in any portions:

```c
static uint32_t memory[{upper}_LISTEN_SIZE / 4]; /* state, front end and arena */
{name}_listen_reset(memory);
while ({name}_listen(memory, &samples, &n, scores) == DPT_OK) {{
    /* a decision: scores; the loop ends when all n samples are taken */
}}
```

{name}_listen makes rows of {front.channels} features, which are the input that dpt_run and
dpt_step take: {size} bytes."""


def _quantize(program: Program, name: str, pre: str) -> str:
    """The calls that make the bytes of an input."""
    upper, element = name.upper(), ELEMENTS[program.input_type]
    lines = [f"static {element} {pre}input[{upper}_INPUT_SIZE];"]
    lines += [f"{name}_quantize(samples, {upper}_INPUT_SIZE, {pre}input); /* float samples[] */"]
    text = "The header makes them of real numbers, as the float net was trained on"
    if program.encoder is not None:
        text = "The header makes them of samples in the unit of the training data"
    if program.border.counts is not None:
        call = f"{name}_quantize_counts(counts, {upper}_INPUT_SIZE, {pre}input);"
        lines += [f"{call} /* int16_t counts[] */"]
        count = float((program.encoder or {}).get("count", 1.0))
        text += f", or of a sensor's int16 counts, of which one stands for {count!r}"
    if program.encoder is not None:
        text += "; mean and deviation of each channel are inside"
    code = "\n".join(lines)
    return f"""\
{text}:

```c
{code}
```

Only `{name}_quantize` uses floating point; `-DDPT_NO_FLOAT` leaves it out."""


def describe_output(program: Program, name: str, pre: str) -> str:
    """What the outputs mean: Markdown."""
    upper = name.upper()
    if len(program.outputs) > 1:
        return _several(program, name, pre)
    if program.boxes is not None:
        return (
            f"`{name}_boxes({pre}scores, boxes, &n)` makes boxes of the outputs, best first: n of "
            f"them in `dpt_box boxes[{upper}_BOXES_MOST]`, with edges in sixteenths of a pixel. "
            f"`dpt_label(&{name}, boxes[i].value)` names the class."
        )
    argmax = f"`dpt_argmax({pre}scores, {upper}_OUTPUT_COUNT)`"
    if program.softmax == "channels":
        cell = f"{pre}scores + i * {upper}_OUTPUT_CHANNELS, {upper}_OUTPUT_CHANNELS"
        named = f", named by `dpt_label(&{name}, that)`" if program.labels else ""
        return (
            f"The class of pixel i is `dpt_argmax({cell})`{named}. `dpt_softmax({cell}, "
            f"{name}.softmax, ...)` makes its probabilities, in units of 2^-30."
        )
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
    if program.threshold is not None:
        return (
            "The outputs are the input's reconstruction. "
            f"`{name}_is_anomaly({pre}input, {pre}scores)` is 1 if "
            f"`{name}_reconstruction_error({pre}input, {pre}scores)` is larger than "
            f"`{upper}_THRESHOLD`, in integers."
        )
    real = f"The net's real output i is `{pre}scores[i] * {upper}_OUTPUT_SCALE`"
    if program.decoder is None and program.is_autoencoder:
        return (
            f"{real}. There are as many outputs as inputs. If the outputs are the input's "
            "reconstruction, `drypoint measure` with `--false-alarms` writes a threshold into the "
            f"program, and the next export has `{name}_is_anomaly()`."
        )
    if program.decoder is None and program.output_shape.size == program.input_shape.size:
        return f"{real}. There are as many outputs as inputs, as an autoencoder has."
    return f"{real}; where outputs are scores of classes, the class is {argmax}."


def _several(program: Program, name: str, pre: str) -> str:
    """What several outputs mean."""
    lines = [f"The outputs lie one after the other in `{pre}scores`:", ""]
    for output, op in zip(program.outputs, program.output_ops, strict=True):
        macro, (h, w, c) = f"{name.upper()}_OUTPUT_{output.name.upper()}", op.out_shape
        values = (
            f"`{macro}_COUNT` = {h * w * c} values ({h} x {w} x {c}) from `{pre}scores[{macro}]` on"
        )
        real = f"a real value is `{macro}_SCALE` times the integer"
        if output.softmax == "channels":
            real = (
                f"scores; `dpt_softmax` of the `{macro}_CHANNELS` values of each pixel, with the "
                f"scale `{macro}_SOFTMAX`, makes probabilities"
            )
        elif output.softmax:
            real = f"scores; `dpt_softmax` with the scale `{macro}_SOFTMAX` makes probabilities"
        if output.threshold is not None:
            call = f"{name}_{output.name}_is_anomaly({pre}input, {pre}scores + {macro})"
            real += (
                f"; `{call}` is 1 where the input's reconstruction is beyond `{macro}_THRESHOLD`"
            )
        lines.append(f"* {output.name}: {values}; {real}.")
    if program.labels:
        lines += ["", f"`dpt_label(&{name}, i)` names value i of the last output."]
    return "\n".join(lines)
