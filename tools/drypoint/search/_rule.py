"""Which net to try next: feasible nets, most MACs first, and successive halving.

A new trial is, by the first rule that applies: a family of the package sized to the budget; in the
last part of the time one of the best nets, trained in full; the best quarter of short trials,
trained longer; a change of one of the best nets; a drawn net.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np

from drypoint import devices, nn, quant
from drypoint.devices import Estimate
from drypoint.program import Program

from ._errors import SearchError
from ._space import Architecture, architecture, bound, draw, mutate, smallest, twin
from ._storage import Past
from ._trainer import Trainer, divisor_of, scheme_of

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

    trainer: Trainer
    target: devices.Target
    budget: dict[str, int]
    optimize: str

    def fit(self, text: str) -> Estimate | None:
        """The estimate of a net that keeps the budget; None of another one."""
        try:
            found = self.cost(self.trainer.model(text), scheme_of(text), may_link=False)
        except (nn.LayerError, nn.ConfigError):  # of other tasks, or its planes are too small
            return None
        except quant.QuantizationError:  # a limit of the engine, or no integer form
            return None
        limits = {**self.budget}
        if "flash" in limits:
            limits["flash"] -= self._linked_code
        return None if found.find_excess(limits) else found

    def cost(
        self, net: nn.Model | Program, bits: quant.Scheme | None = None, *, may_link: bool = True
    ) -> Estimate:
        """The estimate of a net, whose ops run row by row, and whose kernels take less stack, only
        where the budget needs that."""
        estimate = partial(
            devices.estimate, net, self.target, bits, self.optimize, may_link=may_link
        )
        found = estimate(by_rows=False)
        over = found.find_excess(self.budget).keys()
        if over and "flash" not in over and found.plain_arena <= self._most_plane:
            return estimate(budget=self.budget)
        return found

    @cached_property
    def divisors(self) -> list[int]:
        """Divisors of the sides of pictures with which an input keeps the budget."""
        views = self.trainer.views
        ram = self.budget.get("ram", sys.maxsize)
        fit = [n for n, view in views.items() if n == 1 or math.prod(view.ends.input) < ram]
        return fit[1:] if len(fit) > 1 and math.prod(views[1].ends.input) >= ram else fit

    @property
    def _most_plane(self) -> float:
        account = self._plain_smallest.account
        others = {"arena": 0, "ram": account.ram_bytes - account.size("arena")}
        return ROWS * min(
            (self.budget[n] - others[n] for n in others if n in self.budget), default=math.inf
        )

    def may_fit(self, drawn: Architecture) -> int:
        """The MACs of a net that may keep the budget by its bound; 0 of one that cannot."""
        least = bound(drawn, self.trainer.views[drawn.divide].ends)
        arena = least.plain_arena if "arena" in self.budget or "ram" in self.budget else 0
        flash = least.tables + self._least_code
        too_large = flash > self.budget.get("flash", flash) or arena > self._most_plane
        return 0 if too_large else least.macs

    @cached_property
    def _smallest(self) -> Estimate:
        """The estimate of the net of the fewest bytes."""
        return self.cost(self.trainer.model(self._smallest_text))

    @cached_property
    def _smallest_text(self) -> str:
        divide, view = max(self.trainer.views.items())
        return replace(smallest(view.ends), divide=divide).to_text()

    @cached_property
    def _linked_code(self) -> int:
        """The bytes of flash that are known by a link alone."""
        plain = self._plain_smallest.account.flash_bytes or 0
        return (self._smallest.account.flash_bytes or 0) - plain

    @cached_property
    def _plain_smallest(self) -> Estimate:
        """The estimate without a link."""
        model, level = self.trainer.model(self._smallest_text), self.optimize
        return devices.estimate(model, self.target, None, level, by_rows=False, may_link=False)

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
                f"no net keeps the budget on {self.target.name}: the smallest takes {what}"
            )


def size_families(limits: Limits) -> list[str]:
    """Each family that takes the input and gives the output, with the largest sizes that keep the
    budget, of the largest pictures that it keeps it with."""
    found = []
    for entry in nn.families():
        sized = (_size_family(limits, entry, divide) for divide in limits.divisors)
        found += [net for net in sized if net][:1]
    return found


def _size_family(limits: Limits, entry: str, divide: int) -> str | None:
    name, _, text = entry.partition(":")
    sizes = [int(size) for size in text.split(",")]
    nets = [
        f"{name}:{','.join(str(max(1, round(size * factor))) for size in sizes)}"
        + f"/{divide}" * (divide > 1)
        for factor in FACTORS
    ]
    least, most = 0, len(nets)  # nets grow; the first ``least`` keep the budget
    while least < most:
        middle = (least + most) // 2
        if limits.fit(nets[middle]) is None:
            most = middle
        else:
            least = middle + 1
    return nets[least - 1] if least else None


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
        return LONGEST * seconds / (float(np.median(rates)) * self.limits.trainer.epochs(0))

    def _mutate(self, net: str, tried: set[str], most: float) -> str | None:
        view = self.limits.trainer.view(net)
        known = architecture(net) if net.startswith("{") else twin(net, view.ends)
        if known is None:
            return None
        known = replace(known, divide=divisor_of(net))
        for _ in range(20):
            changed = mutate(self.rng, known, view.ends)
            text, macs = changed.to_text(), self.limits.may_fit(changed)
            if 0 < macs <= most and text not in tried and self.limits.fit(text) is not None:
                return text
        return None

    def _draw(self, tried: set[str], most: float) -> str:
        """The feasible net with the most MACs among drawn nets; one of ten at random."""
        for _ in range(MOST_DRAWS):
            if not self.drawn:
                nets = (self._draw_one() for _ in range(DRAWN))
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

    def _draw_one(self) -> Architecture:
        divide = int(self.rng.choice(self.limits.divisors))
        ends = self.limits.trainer.views[divide].ends
        return replace(draw(self.rng, ends), divide=divide)


def _rank(past: Sequence[Past], rung: int) -> list[Past]:
    """The finished trials of a rung, the best first."""
    done = [trial for trial in past if trial.rung == rung and trial.merit is not None]
    return sorted(done, key=lambda trial: (-(trial.merit or 0.0), trial.number))
