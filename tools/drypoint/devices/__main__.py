"""``python -m drypoint.devices packages|bench|record|compare|cycles``: what nets cost on targets.

``packages`` prints the Debian packages of all targets, one a line. ``bench`` measures nets on the
targets that are named, or on all, and prints their bytes and their instructions, op by op.
``record`` also keeps them: in ``costs.json`` beside this file and, in a checkout, in the tables of
``engine_c/README.md``. Both run compilers and emulators: some seconds for each net on each target.
``compare --cmsis-nn PATH`` prints the instructions of each layer beside CMSIS-NN's, built from the
checkout in that folder; without TARGET on Cortex-M0+, M4, M7 and M55. ``cycles`` runs the nets on
the RTL of the cores ibex, ibex-maxperf and cv32e40p and on an emulated cortex-m0+, or some of them,
and prints cycles as a table of Markdown; ``--wait N`` adds N cycles to each read of code and
constants, on RTL; ``--record`` keeps cycles in ``cycles.json``, from which ``drypoint info`` and
``drypoint export`` know them. ``--json`` prints
JSON.

The nets are the shipped LeNet, on every target, and on some of them the five topologies of MLPerf
Tiny, with weights drawn from a seed; ``sww-step`` is a step of the streaming wake word, in which
all ops run. ``cycles`` runs LeNet, ``kws``, ``wake-word``, a step of a mixed net with its front
end, and ``gru-step``. As in ``drypoint export``, ops run row by row where that saves RAM; ``--ram``
is its budget. A net may be a file, ``net.dpt``, but for the record.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from drypoint.bench import gru_step, listening_step, make_case
from drypoint.common import DrypointError, progress, read_bytes, write_atomic
from drypoint.models import load_program
from drypoint.program import Program, blob, fuse_rows

from ._cmsis_nn import compare
from ._cores import PACKAGES
from ._cycles import Cycles, build_simulators, measure_cycles, record_cycles
from ._record import FILE, LENET, record
from ._table import cost_table, cycles_table, nets_table, op_table, with_table
from ._targets import TARGETS, Target, debian_packages, target

PAGE = FILE.parents[3] / "engine_c/README.md"
STEP = "sww-step"  # of the streaming program of sww
NETS = (LENET, "kws", "ic", "vww", "ad", "sww", STEP)
STEPS = {"wake-word": listening_step, "gru-step": gru_step}
CYCLES_NETS = (LENET, "kws", *STEPS)
COMPARED = ("cortex-m0+", "cortex-m4", "cortex-m7", "cortex-m55")


def main() -> int:
    """Run a subcommand; exit code 2: a tool is missing or fails."""
    parser = argparse.ArgumentParser(prog="python -m drypoint.devices", description=__doc__)
    parser.add_argument("what", choices=["packages", "bench", "record", "compare", "cycles"])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="rows; all, if none is named")
    parser.add_argument("--nets", help=f"some of {','.join((*NETS, *STEPS))}")
    parser.add_argument("--ram", type=int, metavar="BYTES", help="bench: an arena to fit into")
    parser.add_argument("--cmsis-nn", type=Path, metavar="PATH", help="compare: a checkout")
    parser.add_argument(
        "--wait", type=int, metavar="N", help="cycles: of a read of flash, beyond 1"
    )
    parser.add_argument("--record", action="store_true", help="cycles: keep them")
    parser.add_argument("--json", action="store_true", help="compare, cycles: print JSON")
    args = parser.parse_intermixed_args()
    if args.what == "packages":
        print("\n".join(sorted({*debian_packages(), *PACKAGES})))
        return 0
    every = CYCLES_NETS if args.what == "cycles" else NETS
    nets = args.nets.split(",") if args.nets else every
    if args.ram is not None and args.what != "bench":
        parser.error("--ram is for bench; the record has the arenas that no budget asks for")
    if (args.what == "compare") != (args.cmsis_nn is not None):
        parser.error("compare takes --cmsis-nn PATH, a checkout of CMSIS-NN, and only compare does")
    if args.wait is not None and (args.what != "cycles" or args.wait < 0):
        parser.error("--wait takes a number from 0, and only cycles takes it")
    if args.record and (args.what != "cycles" or args.wait):
        parser.error("--record is for cycles without --wait")
    files = {net for net in nets if net.endswith(".dpt") and args.what != "record"}
    known = NETS if args.what == "record" else (*NETS, *STEPS)
    if unknown := set(nets) - set(known) - files:
        parser.error(f"no net {min(unknown)!r}; there are: {', '.join(known)}")
    try:
        programs = {net: fuse_rows(_program(net), arena=args.ram) for net in nets}
        if args.what == "cycles":
            found_cycles = _cycles(programs, args.targets, args.wait or 0, as_json=args.json)
            if args.record:
                record_cycles(found_cycles, programs)
            return 0
        rows = [target(name) for name in args.targets] or TARGETS
        if args.what == "compare":
            names = args.targets or COMPARED
            return _compare(programs, list(map(target, names)), args.cmsis_nn, as_json=args.json)
        with tempfile.TemporaryDirectory() as name:
            file = FILE if args.what == "record" else Path(name) / FILE.name
            found = record(programs, rows, file=file, on_row=_say)
    except DrypointError as error:
        print(f"drypoint: {error}", file=sys.stderr)
        return 2
    if args.what == "record" and PAGE.exists():
        page = with_table(PAGE.read_text("utf-8"), cost_table(found[LENET]))
        write_atomic(PAGE, with_table(page, nets_table(found)))
    for net, program in programs.items():
        if net in found:
            print(f"{net}\n\n{op_table(found[net], program)}\n")
    return 0


def _compare(
    programs: Mapping[str, Program], rows: Sequence[Target], checkout: Path, *, as_json: bool
) -> int:
    """Print the comparisons; without streaming programs, whose steps CMSIS-NN does not know."""
    whole = [program for program in programs.values() if not program.is_streaming]
    found = [comparison for row in rows for comparison in compare(row, whole, checkout)]
    texts = [json.dumps([asdict(f) for f in found], indent=1)] if as_json else list(map(str, found))
    print("\n\n".join(texts))
    return 0


def _cycles(
    programs: Mapping[str, Program], names: Sequence[str], wait: int, *, as_json: bool
) -> dict[str, dict[str, Cycles]]:
    """Print the cycles of programs on cores, and return them."""
    with tempfile.TemporaryDirectory() as name:
        folder, found = Path(name), dict[str, dict[str, Cycles]]()
        with progress("compiling cores"):
            simulators = build_simulators(names, folder, flash_wait=wait)
        for net, program in programs.items():
            (at := folder / f"net{len(found)}").mkdir()
            with progress(f"{net} on {len(simulators)} cores"):
                found[net] = measure_cycles(program, simulators, at)
            _say(net)
    facts = {net: {name: asdict(row) for name, row in rows.items()} for net, rows in found.items()}
    print(json.dumps(facts, indent=1) if as_json else cycles_table(found, programs))
    return found


def _program(net: str) -> Program:
    if net.endswith(".dpt"):
        return blob.loads(read_bytes(Path(net)))
    if net == LENET:
        return load_program("lenet-mnist")
    if net in STEPS:
        return STEPS[net]()
    return make_case("sww").program.streaming() if net == STEP else make_case(net).program


def _say(row: str) -> None:
    print(f"measured {row}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
