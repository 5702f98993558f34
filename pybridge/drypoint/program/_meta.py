"""The meta of a blob: a JSON object for the tools, whose keys section 6 of BLOB.md lists."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drypoint import detection

from ._boxes import read_boxes, write_boxes
from ._inputs import InputPart, input_name_problem
from ._outputs import CHANNELS, ONLY_OUTPUT, Output, SoftmaxForm, output_name_problem
from ._program import Program
from ._tensors import Shape, Tensor

MAX_DEPTH = 100  # of arrays and objects inside one another, the meta object itself included
_SIDES = ("height", "width", "channels")  # of one of several inputs
_MAX_DIGITS = 310  # a sign and the 309 digits of the largest float64: longer integers are larger


class MetaError(ValueError):
    """A meta that breaks a rule; the message is one line that follows "the meta: "."""


@dataclass(frozen=True)
class Meta:
    """The values of a blob's meta: fields of `Program`; ``ops`` are the names of the ops."""

    name: str
    ops: tuple[str, ...]
    input_scale: float
    input_parts: tuple[InputPart, ...]
    outputs: tuple[Output, ...]
    encoder: Mapping[str, Any] | None
    provenance: Mapping[str, Any]
    boxes: detection.Decoder | None


def write_meta(program: Program) -> bytes:
    """The meta of a program, for `read_meta`."""
    border_in: dict[str, Any] = {"scale": float(program.input_scale)}
    if program.encoder is not None:
        border_in["encoder"] = dict(program.encoder)
    meta: dict[str, Any] = {"name": program.name, "ops": [op.name for op in program.ops]}
    meta |= {"input": border_in, "provenance": dict(program.provenance)}
    if program.input_parts:
        meta["inputs"] = [_border_of_part(part) for part in program.input_parts]
    if program.boxes is not None:
        meta["boxes"] = write_boxes(program.boxes)
    if len(program.outputs) > 1:
        meta["outputs"] = [
            {"name": output.name, **_border_out(output)} for output in program.outputs
        ]
    else:
        meta["output"] = _border_out(program.outputs[0])
    options: dict[str, Any] = {"separators": (",", ":"), "ensure_ascii": False, "allow_nan": False}
    try:
        data = json.dumps(meta, sort_keys=True, **options).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise MetaError(str(error)) from error
    read_meta(data, len(program.ops), len(program.outputs), minor=1)
    return data


def _border_of_part(part: InputPart) -> dict[str, Any]:
    """The fields of one of several inputs."""
    tensor, fields = part.tensor, {"name": part.name, "scale": float(part.scale)}
    sides = dict(zip(_SIDES, tensor.shape, strict=True))
    return {**fields, **sides, "type": tensor.type, "zero": int(tensor.zero)}


def _border_out(output: Output) -> dict[str, Any]:
    """The fields of an output, its name left out."""
    fields: dict[str, Any] = {"scale": float(output.scale), "softmax": output.softmax}
    if output.decoder is not None:
        fields["decoder"] = dict(output.decoder)
    if output.threshold is not None:
        fields["threshold"] = int(output.threshold)
    return fields


def read_meta(data: bytes, n_ops: int, n_outputs: int, *, minor: int) -> Meta:
    """The meta that these bytes are, every rule checked."""
    meta = _parse(data)
    names = _get(meta, "ops", list)
    if len(names) != n_ops or not all(isinstance(name, str) for name in names):
        raise MetaError(f"ops must be {n_ops} strings, one for each op")
    border_in = _get(meta, "input", dict)
    return Meta(
        name=_get(meta, "name", str),
        ops=tuple(names),
        input_scale=float(_get(border_in, "scale", int, float, inside="input.")),
        input_parts=_input_parts(meta) if minor and "inputs" in meta else (),
        outputs=_outputs(meta, n_outputs),
        encoder=_get(border_in, "encoder", dict, type(None), inside="input.", optional=True),
        provenance=_get(meta, "provenance", dict),
        boxes=_boxes(meta) if minor else None,
    )


def _boxes(meta: dict[str, Any]) -> detection.Decoder | None:
    """The decoder of the last output."""
    fields = _get(meta, "boxes", dict, type(None), optional=True)
    try:
        return None if fields is None else read_boxes(fields)
    except detection.DetectionError as error:
        raise MetaError(str(error)) from error


def _input_parts(meta: dict[str, Any]) -> tuple[InputPart, ...]:
    """The inputs of a program that has several."""
    borders = _get(meta, "inputs", list)
    if len(borders) < 2 or not all(isinstance(border, dict) for border in borders):
        raise MetaError("inputs must be two or more objects, one for each input")
    places = [f"inputs[{i}]." for i in range(len(borders))]
    parts = tuple(map(_input_part, borders, places))
    if problem := input_name_problem([part.name for part in parts]):
        raise MetaError(problem)
    return parts


def _input_part(border: dict[str, Any], inside: str) -> InputPart:
    sides = [_get(border, side, int, inside=inside) for side in _SIDES]
    kind, zero = (
        _get(border, key, of, inside=inside) for key, of in (("type", str), ("zero", int))
    )
    return InputPart(
        name=_get(border, "name", str, inside=inside),
        tensor=Tensor(Shape(*sides), kind, zero),
        scale=float(_get(border, "scale", int, float, inside=inside)),
    )


def _outputs(meta: dict[str, Any], n_outputs: int) -> tuple[Output, ...]:
    """The outputs."""
    if n_outputs == 1:
        return (_output(_get(meta, "output", dict), ONLY_OUTPUT, "output."),)
    borders = _get(meta, "outputs", list)
    if len(borders) != n_outputs or not all(isinstance(border, dict) for border in borders):
        raise MetaError(f"outputs must be {n_outputs} objects, one for each output")
    places = [f"outputs[{i}]." for i in range(n_outputs)]
    names = [
        _get(border, "name", str, inside=at) for border, at in zip(borders, places, strict=True)
    ]
    if problem := output_name_problem(names):
        raise MetaError(problem)
    return tuple(map(_output, borders, names, places))


def _output(border: dict[str, Any], name: str, inside: str) -> Output:
    return Output(
        name=name,
        scale=float(_get(border, "scale", int, float, inside=inside)),
        softmax=_softmax(border, inside),
        decoder=_get(border, "decoder", dict, type(None), inside=inside, optional=True),
        threshold=_threshold(border, inside),
    )


def _softmax(border: dict[str, Any], inside: str) -> SoftmaxForm:
    if "softmax" not in border:
        raise MetaError(f"{inside}softmax is missing")
    value: SoftmaxForm = border["softmax"]
    if type(value) is not bool and value != CHANNELS:
        raise MetaError(f"{inside}softmax must be true, false or {CHANNELS!r}, not {value!r:.40}")
    return value


def _threshold(border: dict[str, Any], inside: str) -> int | None:
    value = border.get("threshold")
    if value is not None and not (type(value) is int and 0 <= value < 2**64):
        raise MetaError(
            f"{inside}threshold must be a whole number from 0 below 2^64 or null, not {value!r:.40}"
        )
    return value


_JSON_TYPES = {
    str: "a string",
    list: "an array",
    dict: "an object",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def _get(
    fields: dict[str, Any], key: str, *types: type, inside: str = "", optional: bool = False
) -> Any:
    """The value of a key; None where an optional key is absent."""
    if key not in fields and optional:
        return None
    if key not in fields:
        raise MetaError(f"{inside}{key} is missing")
    value = fields[key]
    if type(value) not in types:
        wanted = " or ".join(dict.fromkeys(_JSON_TYPES[kind] for kind in types))
        raise MetaError(f"{inside}{key} must be {wanted}, not {_JSON_TYPES[type(value)]}")
    return value


def _parse(data: bytes) -> dict[str, Any]:
    """The JSON object of these bytes; limits of size do not depend on the Python interpreter."""
    deep = f"arrays and objects lie more than {MAX_DEPTH} deep in one another"
    try:
        meta = json.loads(
            data.decode(),
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_no_constant,
            object_pairs_hook=_object,
        )
    except MetaError:
        raise
    except RecursionError as error:
        raise MetaError(deep) from error
    except ValueError as error:
        raise MetaError(f"not JSON in UTF-8: {error}") from error
    if not isinstance(meta, dict):
        raise MetaError("not a JSON object")
    level: list[Any] = [meta]
    for _ in range(MAX_DEPTH):
        level = [value for parent in level for value in _members(parent)]
    if level:
        raise MetaError(deep)
    return meta


def _members(value: Any) -> list[Any]:
    """The arrays and objects directly inside an array or object, whose strings are checked."""
    texts = list(value) if isinstance(value, dict) else []
    inside = list(value.values() if isinstance(value, dict) else value)
    for text in (*texts, *inside):
        if isinstance(text, str) and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise MetaError("a string holds half of a surrogate pair, which UTF-8 cannot write")
    return [value for value in inside if isinstance(value, dict | list)]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MetaError("an object holds a key twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise MetaError("a number is too large for 64-bit floating point")
    _float(digits)
    return int(digits)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise MetaError("a number is too large for 64-bit floating point")
    return value


def _no_constant(word: str) -> None:
    raise MetaError(f"{word} is not JSON")
