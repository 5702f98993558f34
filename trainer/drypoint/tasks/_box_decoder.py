"""The decoder of boxes of a net: which output has it, its thresholds, what it finds."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from drypoint.data import BoxDecoder, FoundBox
from drypoint.nn import Model
from drypoint.program import Program

from ._task import Runner, TaskError, decoders_of, output_names, reader_of, values_of

Finder: TypeAlias = Callable[[BoxDecoder], list[list[FoundBox]]]


def decoder_of(reader: Model | Program) -> BoxDecoder:
    """The decoder of boxes of a model or program.

    Raises:
        TaskError: it has none.
    """
    return _box_output(reader)[1]


def box_decoder_of(reader: Model | Program, output: str) -> BoxDecoder | None:
    """The decoder of boxes of an output; a program's last output has one if the program has."""
    decoder = decoders_of(reader).get(output)
    if isinstance(reader, Program) and reader.boxes is None and output == reader.outputs[-1].name:
        return None
    return decoder if isinstance(decoder, BoxDecoder) else None


def _box_output(reader: Model | Program) -> tuple[str, BoxDecoder]:
    """The output with a decoder of boxes, the last of several, and the decoder."""
    for name in reversed(output_names(reader)):
        if (decoder := box_decoder_of(reader, name)) is not None:
            return name, decoder
    raise TaskError("the net has no decoder of boxes: drypoint train --task detect makes one")


def with_thresholds(
    reader: Model | Program, *, conf: float | None, iou: float | None
) -> Model | Program:
    """A model or program whose decoder has another ``conf`` or ``iou``; None: its own.

    Raises:
        TaskError: it has no decoder of boxes.
        CoderError: a value is out of its range.
    """
    if conf is None and iou is None:
        return reader
    name, found = _box_output(reader)
    conf, iou = found.conf if conf is None else conf, found.iou if iou is None else iou
    decoder = replace(found, conf=conf, iou=iou)
    if isinstance(reader, Model):
        return with_box_decoder(reader, decoder)
    if reader.boxes is not None:
        return with_decoder(reader, decoder)
    outputs = (
        replace(output, decoder=decoder.config()) if output.name == name else output
        for output in reader.outputs
    )
    return replace(reader, outputs=tuple(outputs))


def with_box_decoder(model: Model, decoder: BoxDecoder) -> Model:
    """A model whose decoder of boxes is another one."""
    if len(model.net.output_ports) == 1:
        return model.with_decoder(decoder)
    return model.with_decoder({**model.decoders, _box_output(model)[0]: decoder})


def with_decoder(program: Program, decoder: BoxDecoder) -> Program:
    """A program whose last output is a map of cells, with a decoder of boxes.

    Raises:
        ProgramError: the decoder reads other maps.
    """
    *others, last = program.outputs
    outputs = (*others, replace(last, decoder=decoder.config()))
    return replace(
        program,
        outputs=outputs,
        boxes=decoder.integers(last.scale),
        labels=decoder.channel_names,
    )


def find_boxes(runner: Runner, x: Any, decoder: BoxDecoder) -> list[list[FoundBox]]:
    """What a net finds in pictures, best first: a list a picture."""
    return run_net(runner, x)(decoder)


def run_net(runner: Runner, x: Any) -> Finder:
    """The maps of a net of pictures, as a function of the decoder that reads them."""
    name, _ = _box_output(reader_of(runner))
    if isinstance(runner, Model):
        floats = values_of(runner.predict_proba(x), name)
        return lambda decoder: list(decoder(floats))  # type: ignore[arg-type]  # of a batch
    program, outputs = runner.program, runner.run(runner.program.encode(x))
    scale = next(output.scale for output in program.outputs if output.name == name)

    def find(decoder: BoxDecoder) -> list[list[FoundBox]]:
        found = program.find_boxes(outputs, decoder.integers(scale), name)
        return decoder.name_boxes(found, scale)

    return find
