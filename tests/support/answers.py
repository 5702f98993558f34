"""Tables of exact error texts, `tests/answers/NAME.txt`: how to provoke an error, and its text.

A row is a call (an expression, or the words of a command) and below it, indented, the whole text.
"..." stands for what the machine decides; "#" starts a comment. An expression has the names of the
parts, of `drypoint.program` and of the test's module.
"""

import pytest

from drypoint import data, engine, interop, measure, models, nn, plot, program, quant, train
from drypoint.common import DrypointError
from tools import ROOT

PARTS = {"data": data, "engine": engine, "interop": interop, "measure": measure, "models": models}
PARTS |= {"nn": nn, "plot": plot, "quant": quant, "train": train}


def answers(name):
    """(call, text) of each row of a table."""
    lines = (ROOT / f"tests/answers/{name}.txt").read_text("utf-8").splitlines()
    rows = [line for line in lines if line and not line.startswith("#")]
    calls, texts = rows[::2], rows[1::2]
    assert len({*calls}) == len(texts), "a row is a call and its text, and each call stands once"
    assert all(text.startswith("    ") for text in texts)
    assert not any(call.startswith(" ") for call in calls)
    return [(call, text.strip()) for call, text in zip(calls, texts, strict=True)]


def is_answer(said, text):
    """Whether a message is the wanted one, line by line."""
    lines, wanted = said.split("\n"), text.split("\n")
    return len(lines) == len(wanted) and all(map(is_line, lines, wanted))


def is_line(said, text):
    """A regular expression of many "..." takes minutes where a line differs: each part is found
    once, at its first place."""
    if "..." not in text:
        return said == text
    first, *parts, last = text.split("...")
    at = len(first) if said.startswith(first) else -1
    for part in parts:
        if at >= 0 and (at := said.find(part, at)) >= 0:
            at += len(part)
    return at >= 0 and said.endswith(last) and at + len(last) <= len(said)


def refusal(call, *texts):
    """The message of a call that is refused; it has these texts."""
    with pytest.raises(DrypointError) as caught:
        call()
    for text in texts:
        assert text in str(caught.value)
    return str(caught.value)


def check_answers(name, names, kind=DrypointError):
    """Every call of a table is refused, with its text; rows with another text are printed."""
    found = []
    for call, text in answers(name):
        with pytest.raises(kind) as error:
            pytest.fail(f"{call} is taken: {eval(call, {**vars(program), **PARTS, **names})}")
        if not is_answer(str(error.value), text):
            found.append(f"{call}\n    {error.value}")
    assert not found, "\n".join([f"these rows of {name}.txt would be:", *found])
