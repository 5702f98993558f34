"""``drypoint lenet``: the main job, from images to a verified C LeNet."""

import argparse
import json
from pathlib import Path

from drypoint.common import check_writable, write_atomic
from drypoint.engine import export_c, find_compiler
from drypoint.measure import measure
from drypoint.program import blob

from ._data import add_data_arguments
from ._export import compiler_line, one_of_each
from ._lenet_report import Clock, facts_of, summary, versions
from ._output import GREEN, INTERRUPTED, RED, command_text, result
from ._quantize import to_integers
from ._training import Training, add_training_arguments, lenet_data, save_trained, train_lenet
from ._verify import compare_with

EXAMPLE = "drypoint lenet --epochs 1 --limit 6000 --out /tmp/lenet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "--out", type=Path, default=Path("build/lenet"), metavar="DIR", help="folder to write into"
    )
    add_training_arguments(parser)
    parser.add_argument("--cc", metavar="COMPILER", help="C compiler; cc, gcc or clang if left out")
    add_data_arguments(parser, left_out="MNIST")


def run(args: argparse.Namespace) -> int:
    """All stages; the exit code is 1 if a byte differs."""
    compiler = find_compiler(args.cc)  # needed last; better missed first
    check_writable(args.out / "lenet.npz")
    out, clock = args.out, Clock()
    with clock.stage("data"):
        images = lenet_data(args)
        train_set, test_set = images.train, images.required_test
    training = Training.of(images, args)

    with clock.stage("train"):
        trained = train_lenet(images, training, out / "lenet.npz")
    model, _ = save_trained(trained, out / "lenet.npz")
    if trained.stopped == "interrupted":
        return INTERRUPTED
    with clock.stage("quantize"):
        program = to_integers(model, train_set, name="lenet")
        content = blob.dumps(program)
        write_atomic(out / "lenet.dpt", content)
    with clock.stage("export"):
        export_c(program, one_of_each(test_set, program), out, name="lenet")

    with clock.stage("measure"):
        measured = measure(model, test_set)
    with clock.stage("verify"):
        found = compare_with(program, test_set.x, out, name="lenet", compiler=compiler)
    facts = facts_of(program, content, measured=measured, found=found, test_set=test_set)
    facts |= {"seed": args.seed, **training.provenance(), "versions": versions()}
    facts |= {"seconds": clock.seconds, "training": trained.to_json()}
    write_atomic(out / "report.json", json.dumps(facts, indent=2) + "\n")
    line = compiler_line(out, ["lenet"])
    text = f"{summary(facts, out)}\n\nthe self-test in C:\n{command_text(line)}"
    color = RED if facts["differing_bytes"] else GREEN
    result(text, facts, as_json=args.json, colors={r"bytes that differ +[\d,]+": color})
    return 1 if facts["differing_bytes"] else 0
