"""The contents of an export: models, their self-tests, the engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from string import Template

from ._package import Package

LICENCE_FILE = "LICENSE-drypoint.txt"
"""The name of the engine's licence text in an exported folder."""

Files = dict[str, str]
"""Path inside the exported folder, with "/" -> text."""


@dataclass(frozen=True, kw_only=True)
class ModelParts:
    """One exported model.

    Attributes:
        name: the C name of the model, a lower-case identifier.
        model: file name -> text of the generated ``<name>.h`` and ``<name>.c``.
        selftest: text of its ``selftest.c``.
        macs: multiply-accumulates of one input, of a streaming model of one step.
        weights: bytes of weights.
        memory: rows of what the model takes of RAM and flash: (what, amount).
        ram: bytes of RAM but the stack.
        pixels: whether an input is the raw pixels of an image.
        streaming: whether an input is one row of a signal, read step by step.
        reads: how to make the bytes of an input: sentences for the README.
        writes: what the outputs mean: sentences for the README.
        cost: a section of the README on what the model costs on its target; "" for no target.
        sample_rate: samples a second of a model that listens; 0 for any other.
        detects: whether a model that listens has a detector of keywords.
        finds: whether a model finds objects in the raw pixels of a picture.
    """

    name: str
    model: Mapping[str, str]
    selftest: str
    macs: int
    weights: int
    memory: Sequence[tuple[str, str]]
    ram: int
    pixels: bool
    streaming: bool
    reads: str
    writes: str
    cost: str = ""
    sample_rate: int = 0
    detects: bool = False
    finds: bool = False

    @property
    def selftest_without_main(self) -> str:
        """The self-test as a function to call."""
        return f"#define {self.name.upper()}_SELFTEST_NO_MAIN\n{self.selftest}"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """One exported library: a model or several, and the engine once.

    Attributes:
        name: of the library, a lower-case identifier; of a single model the model's name.
        drypoint: the version of drypoint that writes the library, as ``1.2.3``.
        models: at least one.
        engine: file name -> text of the engine's header and sources.
        engine_licence: the text of the engine's licence.
        package: what the manifests state about the library.
        target: the only processor that the sources are for; "" for any.
    """

    name: str
    drypoint: str
    models: Sequence[ModelParts]
    engine: Mapping[str, str]
    engine_licence: str
    package: Package = field(default_factory=Package)
    target: str = ""

    @property
    def model_files(self) -> Files:
        """The generated sources and headers; several models also get one header for all."""
        found = {name: text for model in self.models for name, text in model.model.items()}
        if len(self.models) > 1:
            includes = "".join(f'#include "{model.name}.h"\n' for model in self.models)
            guard = f"{self.name.upper()}_H"
            found[f"{self.name}.h"] = f"#ifndef {guard}\n#define {guard}\n\n{includes}\n#endif\n"
        return found

    @property
    def selftests(self) -> Files:
        """``selftest.c`` with a main; for several models it calls every ``selftest_<name>.c``."""
        if len(self.models) == 1:
            return {"selftest.c": self.models[0].selftest}
        each = {f"selftest_{model.name}.c": model.selftest_without_main for model in self.models}
        return {"selftest.c": self.selftest_main("int main(void)", "return wrong;"), **each}

    def selftest_main(self, declarator: str, end: str) -> str:
        """A C file whose function calls the self-tests of all models.

        Args:
            declarator: the function's, as ``int main(void)``.
            end: its last statement, which may read the int ``wrong``.
        """
        names = [model.name for model in self.models]
        declared = "".join(f"int {name}_selftest(void);\n" for name in names)
        calls = "".join(f'    wrong |= report("{name}", {name}_selftest());\n' for name in names)
        return self.fill("selftests.c.in", declared=declared, calls=calls, main=declarator, end=end)

    @property
    def sources(self) -> Files:
        """All C files but the self-tests."""
        return {n: t for n, t in self._all.items() if n.endswith(".c")}

    @property
    def headers(self) -> Files:
        """All headers, also the internal headers and fragments of the engine's sources."""
        return {n: t for n, t in self._all.items() if n.endswith((".h", ".hpp", ".inc"))}

    @property
    def _all(self) -> Files:
        return {**self.model_files, **self.engine}

    @property
    def description(self) -> str:
        """One sentence about the library: the package's own, or what the library holds."""
        what = "Integer nets with their" if len(self.models) > 1 else "An integer net with its"
        return self.package.description or f"{what} C99 engine, every output byte known"

    def fill(self, template: str, **more: object) -> str:
        """A template of this part with its ``$names`` replaced; figures are sums over models."""
        return _fill(
            template,
            {
                "name": self.name,
                "upper": self.name.upper(),
                "drypoint": self.drypoint,
                "version": self.package.version,
                "macs": f"{sum(model.macs for model in self.models):,}",
                "weights": f"{sum(model.weights for model in self.models):,}",
                "ram": f"{sum(model.ram for model in self.models):,}",
                **more,
            },
        )

    def fill_for(self, model: ModelParts, template: str, **more: object) -> str:
        """A template with the names and figures of one of the models."""
        values = {
            "macs": f"{model.macs:,}",
            "weights": f"{model.weights:,}",
            "ram": f"{model.ram:,}",
        }
        values |= {"name": model.name, "upper": model.name.upper()}
        return _fill(template, {**values, **more})


def _fill(template: str, values: Mapping[str, object]) -> str:
    text = files(__package__).joinpath("templates", template).read_text("utf-8")
    return Template(text).substitute(values)


def within(folder: str, texts: Mapping[str, str]) -> Files:
    """The files in a folder."""
    return {f"{folder}/{name}": text for name, text in texts.items()}


def lines(names: Mapping[str, str], *, folder: str, indent: int) -> str:
    """The names of files in a folder, one a line, for a list in a build file."""
    return "\n".join(f"{' ' * indent}{folder}/{name}" for name in sorted(names))
