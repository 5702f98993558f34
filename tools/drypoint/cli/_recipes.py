"""``drypoint recipes``: accuracy and time of each training recipe."""

import argparse
import itertools
import math
import statistics
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass

from drypoint import autodiff
from drypoint.common import percent, progress
from drypoint.data import Dataset
from drypoint.measure import measure
from drypoint.train import recipes

from ._data import add_data_arguments
from ._output import INTERRUPTED, result, say, table
from ._pieces import count, natural
from ._training import RECIPES, lenet_data

EXAMPLE = "drypoint recipes --only fast --seeds 3"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One run: right answers on the test set, and seconds of training.

    Attributes:
        direct: whether every convolution was summed term by term.
    """

    seed: int
    direct: bool
    accuracy: float
    cpu_seconds: float
    seconds: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--only", choices=RECIPES, help="one of the recipes; both if left out")
    parser.add_argument("--seeds", type=count, default=5, metavar="N", help="runs of each")
    parser.add_argument(
        "--first-seed", type=natural, default=100, help="recipes were chosen with seeds below 100"
    )
    parser.add_argument(
        "--epochs", type=count, help="passes over the images; the recipe's if left out"
    )
    parser.add_argument(
        "--direct",
        action="store_true",
        help="train once more with every convolution summed term by term, and print the difference",
    )
    add_data_arguments(parser, left_out="MNIST")


def run(args: argparse.Namespace) -> int:
    """Train each recipe with each seed on the whole training set; the test set only measures."""
    found = lenet_data(args)
    train_set, test_set = found.train, found.required_test
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    outcomes: dict[str, list[Outcome]] = {}
    for name in [args.only] if args.only else RECIPES:
        recipe = RECIPES[name] if args.epochs is None else RECIPES[name].with_epochs(args.epochs)
        for seed, direct in itertools.product(seeds, (False, True) if args.direct else (False,)):
            outcome = _outcome(recipe, seed, train_set, test_set, direct=direct)
            if outcome is None:
                return INTERRUPTED
            say(
                f"{_name(name, direct=direct)}  seed {seed}  {percent(outcome.accuracy)}  "
                f"{outcome.cpu_seconds:.1f} CPU s  {outcome.seconds:.1f} s"
            )
            outcomes.setdefault(name, []).append(outcome)
    peak = _peak_bytes()
    facts = {
        name: {
            "recipe": RECIPES[name].config(),
            "median_accuracy": statistics.median(o.accuracy for o in found if not o.direct),
            "runs": [vars(o) for o in found],
        }
        for name, found in outcomes.items()
    }
    pairs = [_difference(name, found) for name, found in outcomes.items() if args.direct]
    text = (
        f"{len(train_set):,} training images, {len(test_set):,} test images\n\n"
        f"{table(_rows(outcomes))}\n\n"
        + "".join(f"{pair}\n" for pair in pairs)
        + f"most memory in use: {peak / 1e6:,.0f} MB"
    )
    result(text, {"recipes": facts, "peak_bytes": peak}, as_json=args.json)
    return 0


def _outcome(
    recipe: recipes.Recipe, seed: int, train_set: Dataset, test_set: Dataset, *, direct: bool
) -> Outcome | None:
    cpu = time.process_time()
    kind = autodiff.direct_convolution() if direct else nullcontext()
    with progress(f"{recipe.name}, seed {seed}"), kind:
        trained = recipe.fit(train_set, seed=seed, progress="none")
    cpu = time.process_time() - cpu
    if trained.stopped == "interrupted":
        return None
    accuracy = measure(trained.model, test_set).accuracy
    return Outcome(
        seed=seed, direct=direct, accuracy=accuracy, cpu_seconds=cpu, seconds=trained.seconds
    )


def _name(name: str, *, direct: bool) -> str:
    return RECIPES[name].name + (", direct" if direct else "")


def _rows(outcomes: dict[str, list[Outcome]]) -> list[list[str]]:
    rows = [["recipe", "median", "lowest", "highest", "CPU s", "seconds", "seeds"]]
    for name, direct in itertools.product(outcomes, (False, True)):
        found = [o for o in outcomes[name] if o.direct is direct]
        if not found:
            continue
        accuracies = [o.accuracy for o in found]
        rows.append(
            [
                _name(name, direct=direct),
                *(percent(f(accuracies)) for f in (statistics.median, min, max)),
                f"{statistics.median(o.cpu_seconds for o in found):.1f}",
                f"{statistics.median(o.seconds for o in found):.1f}",
                f"{found[0].seed} to {found[-1].seed}",
            ]
        )
    return rows


def _difference(name: str, outcomes: list[Outcome]) -> str:
    """What fast convolution gains in accuracy, seed by seed, in points of a percent."""
    fast, direct = ([o.accuracy for o in outcomes if o.direct is d] for d in (False, True))
    gains = [100 * (a - b) for a, b in zip(fast, direct, strict=True)]
    line = f"{RECIPES[name].name}, fast less direct convolution, points, seed by seed: "
    line += f"{' '.join(f'{gain:+.2f}' for gain in gains)}; mean {statistics.mean(gains):+.3f}"
    if len(gains) > 1:
        line += f", standard error {statistics.stdev(gains) / math.sqrt(len(gains)):.3f}"
    return line


def _peak_bytes() -> int:
    """The peak of this process's memory in bytes, as the system counts it."""
    import resource  # noqa: PLC0415  # Windows does not have it

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
