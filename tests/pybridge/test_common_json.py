"""JSON of untrusted files: `parse_json` accepts it, or refuses it in one line."""

import json

from answers import check_answers

from drypoint.common import parse_json

FACTS = {"a": [1, -1.5, True, None, "Grüße \U0001f600"], "b": {"": [2**63 - 1, -(2**63)]}}


def test_values_are_those_of_the_standard_library():
    assert parse_json(json.dumps(FACTS), largest=1000) == FACTS
    assert parse_json(json.dumps(FACTS).encode(), largest=1000) == FACTS
    deep = b"[" * 100 + b"]" * 100
    assert parse_json(deep, largest=1000) == json.loads(deep)


def test_everything_else_is_refused_in_one_line():
    check_answers("json", globals())
