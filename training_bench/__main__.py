"""``python -m training_bench``: time training, and print what was found."""

import argparse
import json
import sys

from drypoint.bench import add_options, named_nets, to_json
from drypoint.common import DrypointError
from drypoint.engine import find_compiler

from . import NETS, QUICK, TrainPlan, bench_training, train_markdown, train_text
from ._families import families_markdown
from ._integers import NETS as INTEGER_NETS
from ._integers import integers_text


def main(arguments: list[str]) -> int:
    """Run the bench; exit code 1: a net failed, 2: an argument is refused or every net failed."""
    parser = argparse.ArgumentParser(prog="training_bench", description=__doc__)
    parser.add_argument("--batches", type=_counts, metavar="N,N", help="images a step; 32 to 1024")
    parser.add_argument("--threads", type=_counts, metavar="N,N", help="of a library; 1 and 2")
    add_options(parser, count=int, rounds=TrainPlan().rounds, nets=NETS)
    parser.add_argument(
        "--layers", action="store_true", help="time each layer alone beside PyTorch's, one thread"
    )
    parser.add_argument(
        "--families",
        action="store_true",
        help="time ten epochs of each family of nets, two threads",
    )
    parser.add_argument(
        "--integers",
        action="store_true",
        help="time a step in a program's integers beside a step in floats, one thread",
    )
    parser.add_argument("--json", action="store_true", help="print all figures")
    args = parser.parse_args(arguments)
    base = QUICK if args.quick else TrainPlan()
    plan = TrainPlan(
        ms=base.ms,
        rounds=args.rounds or base.rounds,
        batches=args.batches or base.batches,
        threads=args.threads or base.threads,
        peers=not args.no_peers,
    )
    try:
        if args.families:
            print(families_markdown())
            return 0
        if args.integers:
            print(integers_text(list(INTEGER_NETS), rounds=plan.rounds))
            return 0
        if args.layers:
            from ._layers import layers_text  # noqa: PLC0415 - needs PyTorch

            for name in named_nets(args, NETS):
                print(layers_text(name, batch=plan.batches[0], rounds=plan.rounds), flush=True)
            return 0
        compiler = find_compiler(args.cc)
        found = bench_training(named_nets(args, NETS), plan, compiler=compiler, notify=_print_line)
    except DrypointError as error:
        _print_line(f"training_bench: {error}")
        return 2
    if args.json:
        print(json.dumps(to_json(found), indent=2))
    else:
        print(train_markdown(found) if args.markdown else train_text(found))
    return 1 if found.failures else 0


def _counts(text: str) -> tuple[int, ...]:
    """Whole numbers of at least 1 with commas between, in order and each once."""
    found = tuple(sorted({int(part) for part in text.split(",")}))
    if found[0] < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: every number must be at least 1")
    return found


def _print_line(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
