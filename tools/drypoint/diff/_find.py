"""`find_difference`: the first op that differs between a program and another side."""

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import check_kind, count_of, kind_of
from drypoint.engine import Compiled, Engine
from drypoint.nn import Model
from drypoint.program import Op, Program, blob, reference

from ._boxes import with_boxes
from ._causes import explain_op
from ._difference import INPUT, Cause, Difference, DiffError
from ._floats import find_in_floats
from ._inputs import Plane, explain_input
from ._log import Log


def find_difference(
    right: Program | Model, other: Program | Engine | Compiled | Log, inputs: Any = None
) -> Difference:
    """Compare what another side computes with a program or a float model, op by op.

    A program is compared to the byte. A float model is compared with a program in decibels, against
    the error that its own quantization has (`quant.report`).

    Args:
        right: what is right: a program, by the NumPy reference, or a float model.
        other: another program, an engine, compiled C, or a device's log; with a float model a
            program.
        inputs: at least one input, as `Program.encode` or the model's encoder takes it; None: the
            inputs in the log.

    Raises:
        DiffError: inputs are missing, or the two are of different nets.
        ProgramError: the inputs do not fit the program.
    """
    wanted = "a Program, or a Model"
    check_kind(right, (Program, Model), name="right", wanted=wanted, error=DiffError)
    if not isinstance(other, Program | Log | Engine | Compiled):
        raise DiffError(f"other is {kind_of(other)}; wanted: a Program, Engine, Compiled or Log")
    if isinstance(right, Model):
        if not isinstance(other, Program):
            raise DiffError(
                "a float model is compared with a program: compare the program with the log or the "
                "C code, and the model with the program"
            )
        if inputs is None:
            raise DiffError("a float model and a program are compared on inputs: give some")
        return find_in_floats(right, other, inputs)
    if inputs is None:
        if not isinstance(other, Log):
            raise DiffError("inputs are missing: only a log has its own")
        inputs = other.inputs
    encoded = _integers(right, inputs)
    if not len(encoded):
        raise DiffError("there are no inputs to compare on: give at least one")
    if isinstance(other, Log):
        return _with_log(right, other, encoded)
    if isinstance(other, Program):
        _check_planes(right, other)
        planes = reference.trace(other, encoded)
        found = _compare(right, encoded, planes, other=other)
    else:
        planes = other.trace(encoded)
        found = _compare(right, encoded, planes, reads_input=True)
    if isinstance(other, Compiled):
        return found
    return with_boxes(found, right, other, encoded, planes[-1])


def _integers(right: Program, inputs: Any) -> Plane:
    """Inputs as the program reads them; the recordings of a streaming program one after another,
    without a reset between."""
    if not right.is_streaming or (np.ndim(inputs) == 4 and np.asarray(inputs).itemsize == 1):
        return right.encode(inputs)
    if not len(inputs):
        raise DiffError("there are no inputs to compare on: give at least one")
    return np.concatenate([right.encode_recording(recording) for recording in inputs])


def _with_log(right: Program, log: Log, inputs: Plane) -> Difference:
    if len(inputs) < len(log.inputs):
        raise DiffError(
            f"{log.name} has {len(log.inputs)} runs, and got {count_of(len(inputs), 'example')}: "
            "give the inputs of its runs, in their order"
        )
    inputs = inputs[: len(log.inputs)]
    found = _compare(right, log.inputs, log.outputs, log=log)
    if np.array_equal(inputs, log.inputs):
        return found
    cause, words, proven = explain_input(inputs, log.inputs, right.input, right.encoder)
    wrong = inputs != log.inputs
    facts = f"The input differs: {_amount(inputs, log.inputs)}"
    facts += f", on {int(wrong.any(axis=(1, 2, 3)).sum())} of {count_of(len(inputs), 'example')}."
    if found.equal:
        words += " On the actual input all ops are right."
    else:
        words += f" On the actual input {found.op} differs too. {found.reason}"
    return Difference(
        examples=len(inputs),
        op=INPUT,
        index=-1,
        cause=cause,
        facts=facts,
        reason=words,
        proven=proven,
    )


def _compare(
    right: Program,
    inputs: Plane,
    outputs: list[NDArray[np.integer]],
    *,
    other: Program | None = None,
    log: Log | None = None,
    reads_input: bool = False,
) -> Difference:
    """The first op with another output. What it reads is equal on both sides."""
    tensors: list[Plane] = [inputs, *reference.trace(right, inputs)]
    if [(a.shape, a.dtype) for a in tensors[1:]] != [(b.shape, b.dtype) for b in outputs]:
        raise DiffError(
            f"the other side has {len(outputs)} ops, and the program {right.name!r} has "
            f"{len(right.ops)}, or their outputs have other shapes: they are of different nets"
        )
    names = _numbers(right, log)
    pairs = zip(tensors[1:], outputs, strict=True)
    index = next((i for i, (a, b) in enumerate(pairs) if not np.array_equal(a, b)), None)
    if index is None:
        n = sum(plane.nbytes for plane in outputs)
        size = f"{n:,} bytes of {count_of(len(outputs), 'op')}"
        facts = f"Nothing differs: {size} on {_amount_of(right, inputs)}."
        return Difference(
            examples=len(inputs), op=None, index=-1, cause="none", facts=facts, reason=names,
            proven=True,
        )  # fmt: skip
    op, expected, actual = right.ops[index], tensors[index + 1], outputs[index]
    cause, words, proven = _explain(right, other, index, tensors, actual, reads_input=reads_input)
    if names and not proven:
        cause, words = "stale program", names
    elif names:
        words = f"{words} {names}"
    return Difference(
        examples=len(inputs),
        op=op.name,
        index=index,
        cause=cause,
        facts=_facts(right, index, expected, actual),
        reason=words,
        proven=proven,
    )


def _explain(
    right: Program,
    other: Program | None,
    index: int,
    tensors: list[Plane],
    actual: NDArray[np.integer],
    *,
    reads_input: bool,
) -> tuple[Cause, str, bool]:
    op = right.ops[index]
    if other is not None:
        cause, words = field_difference(op, other.ops[index])
        changed = sum(_other_weights(a, b) for a, b in zip(right.ops, other.ops, strict=True))
        if cause == "weights" and changed > 1:
            cause = "stale program"
            words += f" The weights of {changed} ops differ: the two are of different trainings."
        return cause, words, True
    return explain_op(
        op,
        [tensors[number] for number in right.reads[index]],
        tensors[index + 1],
        actual,
        reads_input=reads_input and 0 in right.reads[index],
        encoder=right.encoder,
    )


def field_difference(right: Op, other: Op) -> tuple[Cause, str]:
    """The fields of two ops that differ, as a cause and in words."""
    causes: dict[str, Cause] = {"pad": "padding", "padding": "padding", "lo": "saturation"}
    causes |= {"hi": "saturation", "inputs": "input scaling", "output": "saturation"}
    if type(right) is not type(other):
        return "stale program", f"It is {other.kind} there, and {right.kind} here."
    found: dict[str, Cause] = {}
    for name in (field.name for field in fields(right)):
        a, b = getattr(right, name), getattr(other, name)
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.shape == b.shape:
            places = np.argwhere(a != b)
            if len(places):
                at = tuple(places[0].tolist())
                where = "".join(f"[{k}]" for k in at)
                words = f"{name}{where} is {b[at]}, and should be {a[at]}"
                more = f" ({len(places):,} of {a.size:,} differ)" if len(places) > 1 else ""
                found[f"{words}{more}"] = causes.get(name, "weights")
        elif isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
            if a is not b:
                shown = ["none" if program is None else "there" for program in (b, a)]
                words = f"the table {name} is {shown[0]}, and should be {shown[1]}"
                found[words] = causes.get(name, "weights")
        elif name != "name" and a != b:
            found[f"{name} is {b}, and should be {a}"] = causes.get(name, "kernel")
    if not found:
        return "unknown", "Its fields are equal; the tensors that it reads are not."
    order: tuple[Cause, ...] = ("weights", "padding", "saturation", "input scaling", "kernel")
    cause = min(found.values(), key=order.index)
    return cause, "; ".join(found).join(("In the other program ", "."))


def _other_weights(a: Op, b: Op) -> bool:
    """Whether most weights of two ops differ."""
    if not (hasattr(a, "weight") and hasattr(b, "weight")) or a.weight.shape != b.weight.shape:
        return hasattr(a, "weight") or hasattr(b, "weight")
    return bool(np.mean(a.weight != b.weight) > 0.5)


def _numbers(right: Program, log: Log | None) -> str:
    """That the device names another program, in words; "" if it does not."""
    own = blob.identity(right)
    if log is None or log.id in (0, own):
        return ""
    return (
        f"The log names the program {log.id:08x}, and this one is {own:08x}: the device runs "
        "another program, an older export perhaps."
    )


def _check_planes(right: Program, other: Program) -> None:
    planes = [[side.input, *(op.output for op in side.ops)] for side in (right, other)]
    shapes = [[(tensor.shape, tensor.type) for tensor in tensors] for tensors in planes]
    if shapes[0] != shapes[1] or right.reads != other.reads:
        at = next((i for i, (a, b) in enumerate(zip(*shapes, strict=False)) if a != b), len(shapes))
        raise DiffError(
            f"the programs {right.name!r} and {other.name!r} are of different nets: tensor {at} (0 "
            "is the input) has another shape or type, or other ops read it"
        )


def _facts(right: Program, index: int, expected: Plane, actual: Plane) -> str:
    """How much of an op's output differs and where."""
    op, wrong = right.ops[index], expected != actual
    channels = np.flatnonzero(wrong.any(axis=(0, 1, 2)))
    shown = ", ".join(map(str, channels[:4].tolist())) + (", ..." if len(channels) > 4 else "")
    facts = f"{op.name} (op {index}, {op.kind}) is the first op that differs: "
    facts += (
        f"{_amount(expected, actual)}, in {len(channels)} of {wrong.shape[3]} channels ({shown}), "
    )
    facts += f"on {int(wrong.any(axis=(1, 2, 3)).sum())} of {_amount_of(right, wrong)}."
    return facts


def _amount_of(right: Program, inputs: NDArray[Any]) -> str:
    """How many inputs there are, in words."""
    return count_of(len(inputs), "step" if right.is_streaming else "example")


def _amount(expected: Plane, actual: Plane) -> str:
    wrong = expected != actual
    off = np.abs(actual.astype(np.int64) - expected.astype(np.int64)).max()
    share = 100 * wrong.mean()
    percent = f"{share:.0f}" if share >= 1 else f"{share:.2f}"
    return f"{int(wrong.sum()):,} of {wrong.size:,} values ({percent} %), by {off:,} at most"
