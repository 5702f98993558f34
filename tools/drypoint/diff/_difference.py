"""The result of a comparison: the first op that differs, how, and the likely cause."""

from dataclasses import dataclass
from typing import Literal, get_args

from drypoint.common import DrypointError, json_of

Cause = Literal[
    "none",
    "input scaling",
    "layout",
    "weights",
    "padding",
    "saturation",
    "kernel",
    "stale program",
    "decoder",
    "unknown",
]
CAUSES: tuple[Cause, ...] = get_args(Cause)
INPUT = "input"
BOXES = "boxes"


class DiffError(DrypointError, ValueError):
    """Two sides that cannot be compared."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What `find_difference` found; `str` gives one paragraph.

    Attributes:
        examples: the number of inputs compared.
        op: the first op that differs; "input": what the first op reads differs; "boxes": all ops
            are equal, and lists of boxes differ; None: no difference.
        index: the op's index; -1 for the input, for boxes and without a difference.
        cause: the likely cause; "none" without a difference, "unknown" where no test of a cause
            succeeds.
        facts: how much differs and where, in a sentence or two.
        reason: the cause, in a sentence or two.
        proven: whether the cause gives exactly what was found, when it is tried on this side.
    """

    examples: int
    op: str | None
    index: int
    cause: Cause
    facts: str
    reason: str
    proven: bool

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return self.op is None

    def __str__(self) -> str:
        if self.equal:
            return " ".join(filter(None, (self.facts, self.reason)))
        likely = "Cause" if self.proven else "Likely cause"
        return f"{self.facts} {likely}: {self.cause}. {self.reason}".strip()

    def to_json(self) -> dict[str, object]:
        """The fields, of JSON types."""
        names = ("examples", "op", "index", "cause", "proven", "facts", "reason")
        return json_of(self, *names)
