"""The source of a command's examples: ``--data``, else the data that the net was trained on.

A model's file, and the blob of its program, says which data the net was trained on: the name or
path as ``train --data`` got it, and the SHA-256 of the examples. Both files may be untrusted, so a
path in them is used only where its examples have this SHA-256. No other data stand in for data that
are not there.
"""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drypoint import data
from drypoint.common import DrypointError, unknown
from drypoint.nn import Model
from drypoint.program import Program
from drypoint.tasks import Detect, tasks_of

SIGNAL_OPTIONS = ("label", "window", "hop", "channels", "task", "group")
"""Options of `data.read` for signals, which the provenance of a model keeps."""
SKIP = "skip_unreadable"
"""The option of `data.read` for pictures that cannot be read, kept beside these options."""
_LONGEST = 4096  # characters of a path


@dataclass(frozen=True)
class Source:
    """Where examples come from.

    Attributes:
        text: the name of a data set, or the path of a folder or file.
        has_name: whether it is a name.
        sha256: of the data that a net was trained on, which the path's data must equal; None for
            data that the command's options name.
    """

    text: str
    has_name: bool
    sha256: str | None = None

    @property
    def shown(self) -> str:
        """The source in a line of a command."""
        return self.text if self.sha256 is None else f"no --data: {self.text}, as in training"

    def check(self, sha256: str) -> None:
        """Refuse data that the net was not trained on, unless options name them."""
        if self.sha256 not in (None, sha256):
            raise DrypointError(
                f"{self.text} does not hold the data that the net was trained on, or they have "
                "changed: name the data, --data DATA"
            )


def source_of(args: argparse.Namespace, reader: Model | Program) -> Source:
    """The source that the option ``--data`` names, else the one that a net was trained on."""
    return saved_source(reader) if args.data is None else parse_source(args.data)


def parse_source(text: str) -> Source:
    """The source of a ``--data``; a path of a data set's name comes first."""
    if os.path.exists(text):  # noqa: PTH110 - Path.exists raises for a name that is too long
        return Source(text, has_name=False)
    if text not in data.cards():
        start = f"there is no folder or file {text}, and no data set"
        raise DrypointError(unknown(start, text, [*data.cards()], {}))
    return Source(text, has_name=True)


def saved_source(reader: Model | Program) -> Source:
    """The source that a net was trained on, as its file says.

    The SHA-256 of the training part of a data set with a name stands for the name. So the files of
    nets that older versions trained on such a set, and of shipped models, know their data too.
    """
    facts = training_facts(reader)
    sha256, path = facts.get("sha256"), facts.get("source")
    for name, card in data.cards().items():
        if sha256 == card.digests["train"]:
            return Source(name, has_name=True, sha256=sha256)
    if not isinstance(path, str) or not isinstance(sha256, str):
        own = facts.get("name")
        hint = f" ({own[:80]!r})" if isinstance(own, str) else ""
        raise DrypointError(
            f"the net's file does not say where the data{hint} are that the net was trained on: "
            "name its data, --data DATA"
        )
    if len(path) > _LONGEST or not path.isprintable() or not os.path.exists(path):  # noqa: PTH110 - as above
        raise DrypointError(
            f"the net was trained on {path[:_LONGEST]!r}, which is not there: name its data, "
            "--data DATA"
        )
    return Source(path, has_name=False, sha256=sha256)


def provenance_of(reader: Model | Program) -> Mapping[str, Any]:
    """The provenance of a model, or of the model of a program, from untrusted bytes."""
    if isinstance(reader, Model):
        return reader.provenance
    model = reader.provenance.get("model")
    return model if isinstance(model, dict) else {}


def training_facts(reader: Model | Program) -> Mapping[str, object]:
    """The facts of the training data in the file of a model, or of the model of a program."""
    facts = provenance_of(reader)
    source, recipe = facts.get("data"), facts.get("recipe")
    if isinstance(source, dict):
        return source
    return {"sha256": recipe.get("data_sha256")} if isinstance(recipe, dict) else {}


def signals_of(reader: Model | Program) -> dict[str, Any]:
    """The options of reading that a model, from untrusted bytes, says it was trained with."""
    options = training_facts(reader).get("read")
    if [task.read_as for task in tasks_of(reader).values()] == [Detect.read_as]:  # of any folder
        options = {**(options if isinstance(options, dict) else {}), "task": Detect.read_as}
    if not isinstance(options, dict):
        return {}
    types = {"label": str, "task": str, "group": list, SKIP: bool}
    return {
        name: options[name]
        for name in (*SIGNAL_OPTIONS, SKIP)
        if type(options.get(name)) is types.get(name, int)
        and (name != "group" or all(type(column) is str for column in options[name]))
    }
