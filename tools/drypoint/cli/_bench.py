"""``drypoint bench``: the engine's speed on this machine, and the machine's limit."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from drypoint.bench import (
    QUICK,
    Case,
    Plan,
    SpeedBars,
    add_options,
    bench,
    bench_layers,
    case_of,
    layers_text,
    make_case,
    markdown,
    named_nets,
    text,
    to_json,
)
from drypoint.common import DrypointError
from drypoint.engine import find_compiler

from ._output import safe_text, say
from ._pieces import count, load_program, model_file

EXAMPLE = "drypoint bench --quick --backends scalar"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "file",
        nargs="?",
        type=model_file,
        help="a program (.dpt, or lenet-mnist) in place of the nets",
    )
    parser.add_argument(
        "--layers",
        action="store_true",
        help="forty kinds of layer, each alone beside the fastest peer, in place of nets",
    )
    parser.add_argument("--backends", metavar="NAMES", help="of the engine; all if left out")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="a chart, .png or .svg")
    add_options(parser, count=count, rounds=Plan().rounds)


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    compiler = find_compiler(args.cc)
    if args.plot is not None:
        SpeedBars.check_saving(args.plot)
    plan = QUICK if args.quick else Plan()
    plan = replace(
        plan,
        rounds=args.rounds or plan.rounds,
        backends=tuple(args.backends.split(",")) if args.backends else (),
        peers=not args.no_peers,
    ).resolve()
    if args.layers:
        layers = bench_layers(plan, compiler=compiler, notify=say)
        print(
            json.dumps(to_json(layers), indent=2) if args.json else safe_text(layers_text(layers))
        )
        return 0
    cases = _cases(args)
    found = bench(cases, plan, compiler=compiler, notify=say)
    if args.plot is not None:
        SpeedBars(found).save(args.plot)
    if args.json:
        print(json.dumps(to_json(found), indent=2))
    else:
        print(safe_text(markdown(found) if args.markdown else text(found)))
    return 0


def _cases(args: argparse.Namespace) -> list[Case]:
    if args.file is not None:
        program = load_program(args.file)
        if program.is_streaming:
            raise DrypointError(
                f"{args.file} is a streaming program, and no other engine of the table runs its "
                "steps: drypoint export --target counts the instructions of a step"
            )
        return [case_of(program)]
    cases = []
    for name in named_nets(args):
        say(f"making {name}")
        cases.append(make_case(name))
    return cases
