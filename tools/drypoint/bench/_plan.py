"""The plan of a bench: rounds, milliseconds, backends, batches; the error of a bench."""

from dataclasses import dataclass, replace

from drypoint.common import DrypointError
from drypoint.engine import Engine


class BenchError(DrypointError, RuntimeError):
    """A net that cannot be timed, or a timed process that failed; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The measurements of every contestant.

    Attributes:
        rounds: measurements of each question by every contestant.
        ms: milliseconds of a measurement.
        batches: numbers of inputs a call, besides 1.
        backends: backends of the engine; empty: all backends of this CPU.
        peers: whether installed peers are timed.
    """

    rounds: int = 9
    ms: int = 100
    batches: tuple[int, ...] = (4, 16, 32, 64, 256)
    backends: tuple[str, ...] = ()
    peers: bool = True

    def resolve(self) -> "Plan":
        """The plan with its backends named.

        Raises:
            BenchError: one of them is not here.
        """
        here = Engine.backends()
        if unknown := [name for name in self.backends if name not in here]:
            raise BenchError(f"no backend {unknown[0]!r} here; there are: {', '.join(here)}")
        return replace(self, backends=self.backends or tuple(here))


QUICK = Plan(rounds=3, ms=20, batches=(32,))
