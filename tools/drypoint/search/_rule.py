"""Which net to try next: feasible nets, most MACs first, and successive halving.

A new trial is, by the first rule that applies: a family of the package sized to the budget; in the
last part of the time one of the best nets, trained in full; the best quarter of short trials,
trained longer; a change of one of the best nets; a drawn net.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from drypoint import devices, nn, quant
from drypoint.devices import Estimate
from drypoint.program import Program

from ._errors import SearchError
from ._space import Architecture, architecture, bound, draw, mutate
from ._storage import Past
from ._trial import Task

OTHER_TASKS = ("autoencoder", "unet", "grid-cnn")  # families that are no classifiers
FACTORS = tuple(2 ** (n / 4) for n in range(-16, 13))  # of a family's sizes, rising
DRAWN = 2000  # nets at a time, of which the most MACs come first
ROWS = 3  # times the arena: planes above it are not run row by row
FULL = 0.55  # share of the time from which on nets are trained in full
FINALISTS = 3
MOST_DRAWS = 5  # until no net seems to keep the budget
LONGEST = 0.05  # share of the time that a short trial may take


@dataclass(frozen=True)
class Limits:
    """A budget on a target, and the estimates that check it."""

    task: Task
    target: devices.Target
    budget: dict[str, int]
    optimize: str

    def fit(self, text: str) -> Estimate | None:
        """The estimate of a net that keeps the budget; None of another one."""
        try:
            model = self.task.model(text)
        except (nn.LayerError, nn.ConfigError):  # planes that are too small for it
            return None
        return self.check(model)

    def check(self, model: nn.Model) -> Estimate | None:
        """As `fit`, of a model."""
        try:
            found = self.cost(model)
        except quant.QuantizationError:  # a limit of the engine, or no integer form
            return None
        return None if found.find_excess(self.budget) else found

    def cost(self, net: nn.Model | Program) -> Estimate:
        """The estimate of a net, whose ops run row by row, and whose kernels take less stack, only
        where the budget needs that."""
        found = devices.estimate(net, self.target, optimize=self.optimize, by_rows=False)
        over = found.find_excess(self.budget).keys()
        if over and found.plain_arena <= self._most_plane:
            options = {"optimize": self.optimize, "budget": self.budget}
            return devices.estimate(net, self.target, **options)  # type: ignore[arg-type]
        return found

    @property
    def _most_plane(self) -> float:
        return ROWS * min((self.budget[n] for n in ("arena", "ram") if n in self.budget), default=0)

    def may_fit(self, drawn: Architecture) -> int:
        """The MACs of a net that may keep the budget by its bound; 0 of one that cannot."""
        least = bound(drawn, self.task.shape, self.task.outputs)
        arena = least.plain_arena if "arena" in self.budget or "ram" in self.budget else 0
        flash = least.tables + self._least_code
        too_large = flash > self.budget.get("flash", flash) or arena > self._most_plane
        return 0 if too_large else least.macs

    @cached_property
    def _smallest(self) -> Estimate:
        """The estimate of a net of one unit."""
        return self.cost(self.task.model("mlp:1"))

    @property
    def _least_code(self) -> int:
        account = self._smallest.account
        return account.size("code") + account.size("helpers")

    def check_budget(self) -> None:
        """Refuse a budget that the smallest net exceeds.

        Raises:
            SearchError: it does; the message says what the net takes.
        """
        over = self._smallest.find_excess(self.budget)
        if over:
            what = ", ".join(f"{name} {size:,} bytes" for name, size in over.items())
            raise SearchError(
                f"no net keeps the budget on {self.target.name}: a dense net of one unit takes "
                f"{what}"
            )


def size_families(limits: Limits) -> list[str]:
    """Each family that takes the input, with the largest sizes that keep the budget."""
    found = []
    for entry in nn.families():
        name, _, text = entry.partition(":")
        sizes = [int(size) for size in text.split(",")]
        if name in OTHER_TASKS:
            continue
        nets = [
            f"{name}:{','.join(str(max(1, round(size * factor))) for size in sizes)}"
            for factor in FACTORS
        ]
        least, most = 0, len(nets)  # nets grow; the first ``least`` keep the budget
        while least < most:
            middle = (least + most) // 2
            if limits.fit(nets[middle]) is None:
                most = middle
            else:
                least = middle + 1
        found += nets[least - 1 : least] if least else []
    return found


@dataclass
class Rule:
    """Chooses trials; the drawn nets that were not tried yet are its state."""

    limits: Limits
    families: Sequence[str]
    rng: np.random.Generator
    drawn: list[tuple[int, str]] = field(default_factory=list)

    def choose(self, past: Sequence[Past], share: float, seconds: float) -> tuple[str, int]:
        """A net and its rung, after past trials and a share of a search of so many seconds."""
        tried = [{trial.net for trial in past if trial.rung == rung} for rung in range(3)]
        ranked = [_rank(past, rung) for rung in range(3)]
        for net in self.families:
            if net not in tried[0]:
                return net, 0
        if share > FULL:
            best = (ranked[1] or ranked[0])[: FINALISTS + len(ranked[2]) // 2]
            for trial in best:
                if trial.net not in tried[2]:
                    return trial.net, 2
        for trial in ranked[0][: len(ranked[0]) // 4]:
            if trial.net not in tried[1]:
                return trial.net, 1
        most = self._most_macs(past, seconds)
        if len(ranked[0]) >= 8 and self.rng.random() < 0.5:
            best = (ranked[1] or ranked[0])[:4]
            changed = self._mutate(best[int(self.rng.integers(len(best)))].net, tried[0], most)
            if changed is not None:
                return changed, 0
        return self._draw(tried[0], most), 0

    def _most_macs(self, past: Sequence[Past], seconds: float) -> float:
        """The MACs of a net whose short trial takes the longest time that one may take."""
        rates = [
            trial.facts["seconds"] / (trial.facts["macs"] * trial.facts["epochs"])
            for trial in past
            if "seconds" in trial.facts
        ]
        if not rates:
            return float("inf")
        return LONGEST * seconds / (float(np.median(rates)) * self.limits.task.epochs(0))

    def _mutate(self, net: str, tried: set[str], most: float) -> str | None:
        if not net.startswith("{"):
            return None
        for _ in range(20):
            changed = mutate(self.rng, architecture(net), self.limits.task.shape)
            text, macs = changed.to_text(), self.limits.may_fit(changed)
            if 0 < macs <= most and text not in tried and self.limits.fit(text) is not None:
                return text
        return None

    def _draw(self, tried: set[str], most: float) -> str:
        """The feasible net with the most MACs among drawn nets; one of ten at random."""
        for _ in range(MOST_DRAWS):
            if not self.drawn:
                nets = (draw(self.rng, self.limits.task.shape) for _ in range(DRAWN))
                sized = ((self.limits.may_fit(net), net.to_text()) for net in nets)
                self.drawn = sorted(pair for pair in sized if pair[0])
            while self.drawn:
                last = len(self.drawn) - 1
                at = last if self.rng.random() < 0.9 else int(self.rng.integers(len(self.drawn)))
                macs, text = self.drawn.pop(at)
                if macs <= most and text not in tried and self.limits.fit(text) is not None:
                    return text
        raise SearchError(
            f"none of {MOST_DRAWS * DRAWN:,} drawn nets is new and keeps the budget: give it more "
            "bytes, or the search fewer minutes"
        )


def _rank(past: Sequence[Past], rung: int) -> list[Past]:
    """The finished trials of a rung, the best first."""
    done = [trial for trial in past if trial.rung == rung and trial.accuracy is not None]
    return sorted(done, key=lambda trial: (-(trial.accuracy or 0.0), trial.number))
