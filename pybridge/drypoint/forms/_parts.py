"""What every form is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from string import Template

Files = dict[str, str]
"""Path inside the exported folder, with "/" -> text."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """One exported model.

    Attributes:
        name: the C name of the model, a lower-case identifier.
        version: of drypoint, as ``1.2.3``.
        model: file name -> text of the generated ``<name>.h`` and ``<name>.c``.
        selftest: text of ``selftest.c``.
        engine: file name -> text of the engine's header and sources.
        macs: multiply-accumulates of one input.
        weights: bytes of weights.
        arena: bytes of working memory.
        cost: a section of the README on what the model costs on its target; "" for no target.
    """

    name: str
    version: str
    model: Mapping[str, str]
    selftest: str
    engine: Mapping[str, str]
    macs: int
    weights: int
    arena: int
    cost: str = ""

    @property
    def sources(self) -> Files:
        """All C files but the self-test."""
        return {n: t for n, t in self._all.items() if n.endswith(".c")}

    @property
    def headers(self) -> Files:
        """All headers, those that only the engine's sources include among them."""
        return {n: t for n, t in self._all.items() if n.endswith((".h", ".hpp"))}

    @property
    def selftest_without_main(self) -> str:
        """The self-test as a function to call."""
        return f"#define {self.name.upper()}_SELFTEST_NO_MAIN\n{self.selftest}"

    @property
    def _all(self) -> Files:
        return {**self.model, **self.engine}

    def fill(self, template: str, **more: object) -> str:
        """A template of this part with its ``$names`` replaced."""
        text = files(__package__).joinpath("templates", template).read_text("utf-8")
        return Template(text).substitute(
            name=self.name,
            upper=self.name.upper(),
            version=self.version,
            macs=f"{self.macs:,}",
            weights=f"{self.weights:,}",
            arena=f"{self.arena:,}",
            cost=self.cost,
            **more,
        )


def within(folder: str, texts: Mapping[str, str]) -> Files:
    """The files in a folder."""
    return {f"{folder}/{name}": text for name, text in texts.items()}


def lines(names: Mapping[str, str], *, folder: str, indent: int) -> str:
    """The names of files in a folder, one a line, for a list in a build file."""
    return "\n".join(f"{' ' * indent}{folder}/{name}" for name in sorted(names))
