"""``drypoint search``: the best net that keeps a budget on a chip."""

import argparse
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from drypoint import devices
from drypoint.common import DrypointError

from ._chip import add_chip_arguments, level
from ._data import add_data_arguments, training_data
from ._output import result, say
from ._pieces import natural, number
from ._reading import add_reading_arguments, task_of_options

if TYPE_CHECKING:
    from drypoint.search import FrontPicture

EXAMPLE = "drypoint search --data mnist1d --target cortex-m0+ --budget ram=2K,flash=16K --minutes 5"
SMALL = devices.LEVELS[-1]  # flash is what most small chips lack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    add_data_arguments(parser, left_out="MNIST")
    add_reading_arguments(parser)
    parser.add_argument(
        "--target",
        type=str.lower,
        choices=[row.name for row in devices.TARGETS if row.name.startswith("cortex")],
        metavar="NAME",
        help="the core: cortex-m0+, cortex-m4, ...",
    )
    add_chip_arguments(parser, over="try no net that costs more", default=SMALL)
    parser.add_argument(
        "--minutes",
        type=number("number of minutes, such as 5 or 0.5", below=100_000),
        default=5.0,
        metavar="N",
        help="how long to search, about",
    )
    parser.add_argument(
        "--study",
        metavar="FILE",
        help="a file on a shared folder, or the address of a database, that keeps the trials: each "
        "machine that runs the command with it takes part, and a search that was ended goes on",
    )
    parser.add_argument("--seed", type=natural, default=0, help="of the drawn nets and trainings")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/search"),
        metavar="DIR",
        help="folder for model, program, C, report and front",
    )


def run(args: argparse.Namespace) -> int:
    """Search, test the chosen net once, write the folder."""
    from drypoint import search  # noqa: PLC0415 ; loads training

    budget, target = dict(args.budget or {}), args.target
    if args.chip is not None:
        target, budget = args.chip.target or None, args.chip.budget | budget
    if not target or not budget:
        raise DrypointError(
            "a search needs a core and a budget: --target cortex-m0+ --budget ram=2K,flash=16K, or "
            "--chip NAME"
        )
    data = training_data(args, size=args.size, color=args.color)
    args.out.mkdir(parents=True, exist_ok=True)
    found = search.best(
        data,
        task=task_of_options(args),
        target=target,
        budget=budget,
        minutes=args.minutes,
        optimize=level(args, SMALL),
        seed=args.seed,
        study=args.study,
        notify=say,
        show=partial(_draw, args.out),
    )
    files = found.save(args.out, command=shlex.join(["drypoint", *sys.argv[1:]]))
    text = "\n".join([str(found), "", found.picture.text, "", *map(str, files)])
    result(text, found.to_json(), as_json=args.json)
    return 0


def _draw(out: Path, picture: "FrontPicture") -> None:
    """The front so far, as a picture in the folder; the search goes on without it."""
    try:
        picture.save(out / "front.png")
    except DrypointError as error:
        say(str(error))
