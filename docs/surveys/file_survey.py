"""Import every ONNX and TensorFlow Lite file of a folder, and say what becomes of each.

    python docs/surveys/file_survey.py FOLDER [--json] [--input-shape C,H,W ...]

A quantized file becomes a program. A float file becomes a net; to compare the engine's C with the
reference, the net is quantized on random inputs. Where the message of a refused file names tensors
to cut at, the file is cut there. The last column of a refused file is the message's first reason.
"""

import argparse
import ast
import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drypoint import engine, interop, nn, quant
from drypoint.common import DrypointError
from drypoint.program import Program, random_inputs

SUFFIXES = (".onnx", ".tflite")
HEAVY = 600_000_000  # multiply-accumulates: the reference takes minutes for more
ORDER = ("program", "net", "refused")


def survey(path: Path, shapes: Sequence[tuple[int, ...]] = ()) -> dict[str, object]:
    """What becomes of a file: its kind, outputs, work, and whether C is equal.

    Args:
        path: the file.
        shapes: of an example, to try in turn for an ONNX file that leaves it open.
    """
    start = time.monotonic()
    facts: dict[str, object] = {"file": path.name, "bytes": path.stat().st_size, "cut": ()}
    found: dict[str, object] = {}
    tries: list[dict[str, object]] = [{}]
    if path.suffix == ".onnx":
        tries += [{"input_shape": shape} for shape in shapes]
    for where in tries:
        result = _try(path, where)
        if not str(result.get("reason")).startswith("input_shape is") or not found:
            found = result
        if found["becomes"] != "refused":
            break
    facts |= found
    return facts | {"seconds": round(time.monotonic() - start, 1)}


def _try(path: Path, where: dict[str, object]) -> dict[str, object]:
    try:
        return _import(path, where)
    except DrypointError as error:
        return _cut(path, error, where)


def _cut(path: Path, error: DrypointError, where: dict[str, object]) -> dict[str, object]:
    """What becomes of a refused file up to the tensors that the message names."""
    tensors = re.search(r"^--cut (.*) imports up to there", str(error.args[-1]))
    cut = tuple(ast.literal_eval(f"({tensors[1]!s},)".replace("' '", "', '"))) if tensors else ()
    try:
        if not cut:
            raise error
        return {**_import(path, {**where, "cut": cut}), "cut": cut}
    except DrypointError:
        lines = str(error).splitlines()
        first = lines[1] if len(lines) > 1 else lines[0].partition(" read: ")[2] or lines[0]
        return {"becomes": "refused", "reason": first.strip(), "message": lines}


def _import(path: Path, where: dict[str, object]) -> dict[str, object]:
    is_tflite = interop.is_tflite(path)
    is_quantized = interop.is_quantized_tflite if is_tflite else interop.is_quantized_onnx
    if is_quantized(path, **where):
        read = interop.program_from_tflite if is_tflite else interop.program_from_onnx
        return {"becomes": "program", **_facts(read(path, **where))}
    net = (interop.from_tflite if is_tflite else interop.from_onnx)(path, **where)
    facts: dict[str, object] = {"becomes": "net", "outputs": [*net.wiring.outputs]}
    x = np.random.default_rng(0).normal(0, 1, (4, *net.input_shape)).astype(np.float32)
    try:
        program = quant.quantize(nn.Model(net), quant.calibrate(net, x))
    except DrypointError as error:
        return facts | {"equal": None, "integers": str(error).splitlines()[0]}
    return facts | _facts(program)


def _facts(program: Program) -> dict[str, object]:
    facts: dict[str, object] = {
        "outputs": [output.name for output in program.outputs],
        "ops": len(program.ops),
        "macs": program.macs,
        "arena": program.arena_size,
        "equal": None,
    }
    if program.macs <= HEAVY:
        found = engine.verify(program, {"C": engine.Engine(program)}, random_inputs(program, 2))
        facts["equal"] = found.differing_bytes == 0
    return facts


def _row(facts: dict[str, object]) -> str:
    cells = [facts["file"], f"{facts['becomes']}{' with --cut' if facts['cut'] else ''}"]
    if facts["becomes"] == "refused":
        return " | ".join(["", *map(str, cells), "", str(facts["reason"])[:150], ""]).strip()
    work = f"{facts['macs']:,}" if "macs" in facts else ""
    equal = {True: "equal", False: "DIFFERS", None: facts.get("integers", "not run")}[
        facts["equal"]
    ]
    return " | ".join(["", *map(str, cells), work, str(equal)[:150], ""]).strip()


def main() -> int:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--input-shape", nargs="+", default=[], help="of ONNX files that leave it open, in turn"
    )
    args = parser.parse_args()
    shapes = [tuple(map(int, text.split(","))) for text in args.input_shape]
    files = sorted(path for path in args.folder.rglob("*") if path.suffix in SUFFIXES)
    rows = []
    for path in files:
        rows.append(survey(path, shapes))
        print(f"{path.name}: {rows[-1]['becomes']}", file=sys.stderr, flush=True)
    if args.json:
        print(json.dumps(rows, indent=1))
        return 0
    print("| file | becomes | MACs | C against the reference, or the reason |\n|---|---|---|---|")
    for kind in ORDER:
        print(*(_row(facts) for facts in rows if facts["becomes"] == kind), sep="\n")
    counts = {kind: sum(facts["becomes"] == kind for facts in rows) for kind in ORDER}
    counts["cut"] = sum(bool(facts["cut"]) for facts in rows)
    print(f"\n{len(rows)} files: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
