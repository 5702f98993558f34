"""``drypoint bench``: the engine's speed on this machine, and the machine's limit."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from drypoint.bench import (
    NETS,
    QUICK,
    Case,
    Plan,
    SpeedBars,
    bench,
    bench_layers,
    case_of,
    known_nets,
    layers_text,
    make_case,
    markdown,
    text,
    to_json,
)
from drypoint.engine import find_compiler

from ._output import say, shown
from ._pieces import count, load_program, model_file, of_windows

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
        "--nets", default="lenet", metavar="NAMES", help=f"some of {','.join(NETS)}, or all"
    )
    parser.add_argument(
        "--layers",
        action="store_true",
        help="forty kinds of layer, each alone beside the fastest peer, in place of nets",
    )
    parser.add_argument("--backends", metavar="NAMES", help="of the engine; all if left out")
    parser.add_argument(
        "--rounds", type=count, metavar="N", help="measurements of each contestant; 9 if left out"
    )
    parser.add_argument("--no-peers", action="store_true", help="only drypoint")
    parser.add_argument("--quick", action="store_true", help="a few seconds, rough figures")
    parser.add_argument("--markdown", action="store_true", help="print tables for a page")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="a chart, .png or .svg")
    parser.add_argument("--cc", metavar="COMPILER", help="C compiler; cc, gcc or clang if left out")


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
    ).resolved()
    if args.layers:
        layers = bench_layers(plan, compiler=compiler, notify=say)
        print(json.dumps(to_json(layers), indent=2) if args.json else shown(layers_text(layers)))
        return 0
    cases = _cases(args)
    found = bench(cases, plan, compiler=compiler, notify=say)
    if args.plot is not None:
        SpeedBars(found).save(args.plot)
    if args.json:
        print(json.dumps(to_json(found), indent=2))
    else:
        print(shown(markdown(found) if args.markdown else text(found)))
    return 0


def _cases(args: argparse.Namespace) -> list[Case]:
    if args.file is not None:
        return [case_of(of_windows(load_program(args.file), args.file))]
    cases = []
    for name in _names(args):
        say(f"making {name}")
        cases.append(make_case(name))
    return cases


def _names(args: argparse.Namespace) -> list[str]:
    return known_nets(list(NETS) if args.nets == "all" else args.nets.split(","))
