"""JSON of untrusted files: `parse_json` accepts it, or refuses it in one line."""

import json

import pytest

from drypoint.common import DrypointError, parse_json

REFUSED = {
    "more bytes than allowed": (b" " * 1001, "1,001 bytes of JSON, at most 1,000"),
    "no UTF-8": (b'"\xff"', "no JSON: 'utf-8' codec"),
    "no JSON": (b"[1", "no JSON: Expecting"),
    "not a number": (b"[NaN]", "NaN is no number"),
    "infinity": (b"-Infinity", "-Infinity is no number"),
    "beyond float64": (b"[[1e999]]", "beyond float64"),
    "400 digits": (b'{"a": 1' + b"0" * 400 + b"}", "beyond 64 bits"),
    "one beyond 64 bits": (b"[9223372036854775808]", "beyond 64 bits"),
    "half a surrogate pair": (rb'["\ud800"]', "no Unicode"),
    "half a surrogate pair as a name": (rb'{"\ud800": 1}', "no Unicode"),
    "one name twice": (b'{"a": 1, "b": 2, "a": 3}', "one name twice"),
    "101 lists": (b"[" * 101 + b"]" * 101, "nested deeper than 100"),
    "101 objects": (b'{"a":' * 101 + b"1" + b"}" * 101, "nested deeper than 100"),
}
FACTS = {"a": [1, -1.5, True, None, "Grüße \U0001f600"], "b": {"": [2**63 - 1, -(2**63)]}}


def test_values_are_those_of_the_standard_library():
    assert parse_json(json.dumps(FACTS), largest=1000) == FACTS
    assert parse_json(json.dumps(FACTS).encode(), largest=1000) == FACTS
    deep = b"[" * 100 + b"]" * 100
    assert parse_json(deep, largest=1000) == json.loads(deep)


@pytest.mark.parametrize(("content", "line"), REFUSED.values(), ids=REFUSED)
def test_everything_else_is_refused_in_one_line(content, line):
    with pytest.raises(DrypointError, match=line) as found:
        parse_json(content, largest=1000)
    assert "\n" not in str(found.value)


def test_digits_and_nesting_without_end_are_refused():
    for content in (
        b"1" * 5000,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ):
        with pytest.raises(DrypointError, match=r"no JSON: Exceeds|nested deeper"):
            parse_json(content, largest=1 << 20)
