"""``drypoint lenet``: the main job, from images to a verified C LeNet."""

import argparse
import json
from pathlib import Path
from typing import Any

from drypoint.common import DrypointError, check_writable, read_bytes, write_atomic
from drypoint.engine import export_c, find_compiler
from drypoint.measure import measure
from drypoint.nn import Model
from drypoint.program import blob

from ._export import compiler_line, one_of_each
from ._output import INTERRUPTED, result, say
from ._pieces import add_data_arguments, load_model, mnist
from ._quantize import to_integers
from ._report import Clock, facts_of, fingerprint, summary, versions
from ._training import Training, add_training_arguments, save_trained, train_lenet
from ._verify import compare_with

NAME = "lenet"
HELP = "train, quantize, export and verify LeNet on MNIST"
EXAMPLE = "drypoint lenet --epochs 1 --limit 6000 --out /tmp/lenet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "--out", type=Path, default=Path("build/lenet"), metavar="DIR", help="folder to write into"
    )
    add_training_arguments(parser)
    parser.add_argument("--force", action="store_true", help="redo what is there and still valid")
    parser.add_argument("--cc", metavar="COMPILER", help="C compiler; cc, gcc or clang if left out")
    add_data_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """All stages; the exit code is 1 if a byte differs."""
    compiler = find_compiler(args.cc)  # needed last; better missed first
    check_writable(args.out / "lenet.npz")
    out, clock = args.out, Clock(_previous(args.out))
    with clock.stage("data"):
        train_set, test_set = mnist("train", args), mnist("test", args)
    training = Training.of(train_set, args)

    model = None if args.force else _valid_model(out / "lenet.npz", training)
    if model is None:
        with clock.stage("train"):
            trained = train_lenet(train_set, training)
        model, _ = save_trained(trained, out / "lenet.npz")
        if trained.stopped == "interrupted":
            return INTERRUPTED
    else:
        clock.reuse("train")
        say(f"{out / 'lenet.npz'} is of this very recipe: not trained again (--force does)")

    with clock.stage("quantize"):
        program = to_integers(model, train_set, name="lenet")
        content = blob.dumps(program)
        write_atomic(out / "lenet.dpt", content)
    with clock.stage("export"):
        export_c(program, one_of_each(test_set, program), out, name="lenet")

    print_of_inputs = fingerprint(out, test_set, compiler)
    if not args.force and clock.previous.get("fingerprint") == print_of_inputs:
        facts = clock.previous
        clock.reuse("measure", "verify")
        say(
            "model, code, images and compiler are those of the last verification: "
            "not measured or verified again (--force does)"
        )
    else:
        with clock.stage("measure"):
            measured = measure(model, test_set)
        with clock.stage("verify"):
            found = compare_with(program, test_set.x, out, name="lenet", compiler=compiler)
        facts = facts_of(program, content, measured=measured, found=found, test_set=test_set)
        facts |= {"seed": args.seed, **training.provenance(), "versions": versions()}
        facts |= {"fingerprint": print_of_inputs}
    facts = {**facts, "seconds": clock.seconds, "reused": clock.reused}
    write_atomic(out / "report.json", json.dumps(facts, indent=2) + "\n")
    line = compiler_line(out, ["lenet"])
    result(f"{summary(facts, out)}\n\nthe self-test in C:\n  {line}", facts, as_json=args.json)
    return 1 if facts["differing_bytes"] else 0


def _valid_model(path: Path, training: Training) -> Model | None:
    """The model of an earlier run with the same recipe, if it is there and whole."""
    if not path.exists():
        return None
    try:
        model = load_model(path)
    except DrypointError as error:
        say(f"{error}; training anew")
        return None
    if dict(model.provenance) == training.provenance():
        return model
    say(f"{path} is of another recipe (options, data or code): training anew")
    return None


def _previous(out: Path) -> dict[str, Any]:
    """The report of an earlier run, or nothing."""
    try:
        report = json.loads(read_bytes(out / "report.json"))
    except (DrypointError, ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) and isinstance(report.get("seconds"), dict) else {}
