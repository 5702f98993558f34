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
from blobs import GOOD, resized

from drypoint import data
from drypoint.program import BlobError, ProgramError, blob
from tools import ROOT


def test_meta_survives_with_its_types():
    base = nets.random_program(62)
    config = {"kind": "Image", "size": [28, 28], "mean": 0.1307, "text": "Zürich ∞"}
    program = dataclasses.replace(
        base, name="Grüße", input_scale=1 / 3, output_scale=np.float64(2) ** -40,
        softmax=True, labels=tuple(f"é{i}" for i in range(base.output_shape.size)), encoder=config,
        decoder={"classes": [1, None, "x"]}, provenance={"deep": {"list": [True, 1.5]}},
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


TOO_LARGE = "a number is too large for 64-bit floating point"
TOO_DEEP = "arrays and objects lie more than 100 deep in one another"
BROKEN_META = {
    "no json": (b"{", "not JSON in UTF-8"),
    "utf-16": (lambda meta: json.dumps(meta).encode("utf-16"), "not JSON in UTF-8"),
    "byte-order mark": (
        lambda meta: b"\xef\xbb\xbf" + json.dumps(meta).encode(),
        "not JSON in UTF-8",
    ),
    "empty": (b"", "not JSON in UTF-8"),
    "list": ([], "not a JSON object"),
    "deep list": (b"[" * 200_000, TOO_DEEP),
    "101 deep": (raw("provenance", '{"x":' * 100 + "1" + "}" * 100), TOO_DEEP),
    "nan": (raw("provenance.x", "NaN"), "NaN is not JSON"),
    "infinity": (raw("provenance.x", "-Infinity"), "-Infinity is not JSON"),
    "large float": (raw("provenance.x", "1e400"), TOO_LARGE),
    "large scale": (raw("input.scale", "1" + 400 * "0"), TOO_LARGE),
    "large integer": (raw("provenance.x", str(2**1024)), TOO_LARGE),
    "long integer": (raw("provenance.x", "-" + 5000 * "7"), TOO_LARGE),
    "longer integer": (raw("provenance.x", 1_000_000 * "7"), TOO_LARGE),
    "key twice": (raw("provenance", '{"x": {"a": 1, "a": 1}}'), "an object holds a key twice"),
    "surrogate": (put("name", "\ud800"), "a string holds half of a surrogate pair"),
    "inner surrogate": (put("provenance.x", [{"\udfff": 1}]), "a string holds half of a"),
    "name number": (put("name", 5), "name must be a string, not a number"),
    "few names": (put("ops", ["one"]), "ops must be 4 strings, one for each op"),
    "many names": (put("ops", ["a"] * 5), "ops must be 4 strings, one for each op"),
    "number among names": (put("ops", ["a", 1, "b", "c"]), "ops must be 4 strings"),
    "ops text": (put("ops", "abcd"), "ops must be an array, not a string"),
    "input null": (raw("input", "null"), "input must be an object, not null"),
    "output list": (put("output", []), "output must be an object, not an array"),
    "scale text": (put("input.scale", "1"), "input.scale must be a number, not a string"),
    "scale true": (put("output.scale", True), "output.scale must be a number, not true or false"),
    "scale null": (raw("input.scale", "null"), "input.scale must be a number, not null"),
    "softmax text": (
        put("output.softmax", "no"),
        "output.softmax must be true or false, not a str",
    ),
    "softmax 1": (put("output.softmax", 1), "output.softmax must be true or false, not a number"),
    "encoder": (put("input.encoder", 5), "input.encoder must be an object or null, not a number"),
    "decoder": (put("output.decoder", []), "output.decoder must be an object or null, not an arr"),
    "provenance": (put("provenance", 5), "provenance must be an object, not a number"),
    **{
        f"no {key}": (put(key, None), f"{key} is missing")
        for key in ("name", "ops", "input", "input.scale", "output", "output.scale")
    },
    "threshold 2^64": (put("output.threshold", 2**64), "output.threshold must be a whole number"),
    "threshold -1": (put("output.threshold", -1), "output.threshold must be a whole number"),
    "threshold 1.5": (put("output.threshold", 1.5), "output.threshold must be a whole number"),
    "threshold true": (put("output.threshold", True), "output.threshold must be a whole number"),
    "no output.softmax": (put("output.softmax", None), "output.softmax is missing"),
    "no provenance": (put("provenance", None), "provenance is missing"),
}


@pytest.mark.parametrize("name", BROKEN_META)
def test_a_meta_that_breaks_a_rule_is_refused(name):
    change, words = BROKEN_META[name]
    with pytest.raises(BlobError) as error:
        blob.loads(with_meta(change))
    assert str(error.value).startswith(f"the blob's meta: {words}")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("input.scale", 0), "the input scale is 0.0, not a positive number"),
        (raw("output.scale", "1e-400"), "the output scale is 0.0, not a positive number"),
        (put("name", "a\0b"), "holds a zero byte"),
    ],
)
def test_what_no_program_may_hold_is_refused(change, words):
    with pytest.raises(BlobError) as error:
        blob.loads(with_meta(change))
    assert words in str(error.value)


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


def test_a_threshold_of_a_program_that_is_no_autoencoder_is_refused():
    with pytest.raises(BlobError, match="the program is no autoencoder of real inputs"):
        blob.loads(with_meta(put("output.threshold", 7)))


@pytest.mark.parametrize("digits", [0, 640, 4300])
def test_no_answer_depends_on_the_interpreters_limits(digits):
    """Long integers and deep nesting, with and without the limit of CPython on digits."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(digits)
    try:
        for what in ("large integer", "long integer", "longer integer", "deep list", "101 deep"):
            change, words = BROKEN_META[what]
            with pytest.raises(BlobError, match=words):
                blob.loads(with_meta(change))
    finally:
        sys.set_int_max_str_digits(before)


def test_unknown_keys_of_meta_are_ignored():
    more = with_meta(lambda meta: meta | {"future": {"key": 1}})
    assert str(blob.loads(more)) == str(blob.loads(GOOD))


PAGE = (ROOT / "engine_c/BLOB.md").read_text("utf-8")
CODERS = {
    "input.encoder": [data.ImageEncoder(width=8, height=8), data.SignalEncoder(window=8)],
    "output.decoder": [data.ClassDecoder([1]), data.BooleanDecoder(), data.ImageDecoder("rgb")],
}


def field_rows(key):
    """(type, field, value) of the page's table of an encoder's or decoder's fields."""
    table = PAGE.split(f"| `{key}` | field |")[1].split("\n\n")[0]
    for row in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|", table, re.MULTILINE):
        yield from ((row[0], field, row[2]) for field in re.findall(r"`(\w+)`", row[1]))


def ends_of(value):
    """Values that a row of the page takes, and values that it does not."""
    good, bad = [*re.findall(r'"(\w+)"', value)], ["another"]
    (good if "null" in value or "statistic" in value else bad).append(None)
    for low, high in re.findall(r"(\d+) to (\d+)", value):
        good, bad = [*good, int(low), int(high)], [*bad, int(low) - 1, int(high) + 1]
    if "above 0" in value:
        good, bad = [*good, 0.5], [*bad, 0, -0.5]
    if "at most 1" in value:
        good, bad = [*good, 1, -3], [*bad, 1.01]
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
    for kind, field, value in rows:
        good, bad = ends_of(value)
        for one in good:
            changed = configs[kind] | {field: one}
            assert read[key](changed).config()[field] == one, (kind, field, one)
        for one in bad:
            with pytest.raises(data.CoderError):
                read[key](configs[kind] | {field: one})
