"""The meta of a blob: round trips, and every way to be refused."""

import dataclasses
import functools
import json
import re
import struct
import sys

import nets
import numpy as np
import pytest
from answers import check_answers
from blobs import GOOD, resized
from last_output import only_output

from drypoint import data
from drypoint.program import BlobError, ProgramError, blob
from tools import ROOT


def test_meta_survives_with_its_types():
    base = nets.random_program(62)
    config = {"kind": "Image", "size": [28, 28], "mean": 0.1307, "text": "Zürich ∞"}
    program = dataclasses.replace(
        base, name="Grüße", input_scale=1 / 3, outputs=only_output(
            np.float64(2) ** -40, softmax=True, decoder={"classes": [1, None, "x"]}
        ),
        labels=tuple(f"é{i}" for i in range(base.output_shape.size)), encoder=config,
        provenance={"deep": {"list": [True, 1.5]}},
    )  # fmt: skip
    again = blob.loads(blob.dumps(program))
    for name in ("name", "input_scale", "output_scale", "softmax", "labels", "encoder", "decoder"):
        assert getattr(again, name) == getattr(program, name), name
    assert again.provenance == program.provenance


DEEP = functools.reduce(lambda inner, _: [inner], range(100_000), 1)


@pytest.mark.parametrize("value", [object(), float("nan"), "\ud800", {1, 2}, 10**400, DEEP])
def test_what_json_cannot_hold_is_refused_when_written(value):
    program = dataclasses.replace(nets.random_program(1), name="net", provenance={"x": value})
    with pytest.raises(ProgramError, match="program 'net': encoder, decoder and provenance must"):
        blob.dumps(program)


def with_meta(change):
    """GOOD with its meta changed by a function of the decoded JSON, or replaced by bytes."""
    at, size = struct.unpack_from("<II", GOOD, 40)
    meta = change(json.loads(GOOD[at : at + size])) if callable(change) else change
    text = meta if isinstance(meta, bytes) else json.dumps(meta).encode()
    data = bytearray(GOOD[:at] + text)
    struct.pack_into("<I", data, 44, len(text))
    return resized(data)


def put(path, value):
    """A function that sets the value at a path of keys in a meta; `None` removes the key."""

    def change(meta):
        *keys, last = path.split(".")
        place = meta
        for key in keys:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value
        return meta

    return change


def raw(path, text):
    """A function that makes the bytes of a meta, with this JSON text at a path."""
    return lambda meta: json.dumps(put(path, "@")(meta)).replace('"@"', text).encode()


def test_a_meta_that_breaks_a_rule_is_refused():
    check_answers("metas", globals(), BlobError)


def test_meta_at_the_bounds_is_accepted():
    largest = 2**1024 - 2**970 - 1  # the largest integer that rounds to a finite float64
    for change in (
        raw("provenance", '{"x":' * 99 + "1" + "}" * 99),
        raw("provenance.x", str(largest)),
        raw("provenance.x", "-1.7976931348623157e308"),
        raw("input.encoder", "null"),
        raw("output.decoder", "{}"),
        raw("input.scale", "3"),
    ):
        program = blob.loads(with_meta(change))
        assert blob.loads(blob.dumps(program)).provenance == program.provenance


@pytest.mark.parametrize("digits", [0, 640, 4300])
def test_no_answer_depends_on_the_interpreters_limits(digits):
    """Long integers and deep nesting, with and without the limit of CPython on digits."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(digits)
    try:
        check_answers("metas", globals(), BlobError)
    finally:
        sys.set_int_max_str_digits(before)


def test_unknown_keys_of_meta_are_ignored():
    more = with_meta(lambda meta: meta | {"future": {"key": 1}})
    assert str(blob.loads(more)) == str(blob.loads(GOOD))


PAGE = (ROOT / "engine_c/BLOB.md").read_text("utf-8")
CODERS = {
    "input.encoder": [
        data.ImageEncoder(width=8, height=8),
        data.SignalEncoder(window=8),
        data.AudioEncoder(rows=8, settings={"rate": 16000}),
    ],
    "output.decoder": [data.ClassDecoder([1]), data.BooleanDecoder(), data.ImageDecoder("rgb")],
}


def field_rows(key):
    """(type, field, value) of the page's table of an encoder's or decoder's fields."""
    table = PAGE.split(f"| `{key}` | field |")[1].split("\n\n")[0]
    for row in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|", table, re.MULTILINE):
        yield from ((row[0], field, row[2]) for field in re.findall(r"`(\w+)`", row[1]))


def ends_of(value):
    """Values that a row of the page takes, and values that it does not."""
    good, bad = [*re.findall(r'"([\w-]+)"', value)], ["another"]
    (good if "null" in value or "statistic" in value else bad).append(None)
    for low, high in re.findall(r"(\d+) to (\d+)", value):
        good, bad = [*good, int(low), int(high)], [*bad, int(low) - 1, int(high) + 1]
    if "above 0" in value:
        good, bad = [*good, 0.5], [*bad, 0, -0.5]
    if "at most 1" in value:
        good, bad = [*good, 1, -3], [*bad, 1.01]
    if "object" in value:
        good, bad = [*good, {}], [*bad, {"speed": 1}]
    if "array" in value:
        good, bad = [*good, ["a", 1]], [*bad, [], [1, 1], [1.5]]
    return good, bad


@pytest.mark.parametrize("key", CODERS)
def test_the_page_has_the_fields_of_encoders_and_decoders(key):
    """Every field that the code writes, and for each the values that it takes."""
    read = {"input.encoder": data.encoder_from_config, "output.decoder": data.decoder_from_config}
    configs = {coder.config()["type"]: coder.config() for coder in CODERS[key]}
    rows = [*field_rows(key)]
    for kind, config in configs.items():
        assert ["type", *(field for name, field, _ in rows if name == kind)] == [*config]
    assert {kind for kind, *_ in rows} == {*configs}
    for kind, field, description in rows:
        good, bad = ends_of(description)
        for value in good:
            changed = configs[kind] | {field: value}
            assert read[key](changed).config()[field] == value, (kind, field, value)
        if (kind, field) == ("audio", "scale"):
            bad.remove(None)  # the encoder's default; a config that a program writes has a number
        for value in bad:
            with pytest.raises(data.CoderError):
                read[key](configs[kind] | {field: value})
