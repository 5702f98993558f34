"""``make figures``: measure the tables of docs/figures.md and write the page, with machine and day.

Two comments with its name mark a section of the page. Text outside of sections does not change.
"""

import datetime
import re
import shlex
import subprocess
import sys
from pathlib import Path

from drypoint.bench import look
from drypoint.engine import find_compiler

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/figures.md"
COMMANDS = {
    "lenet": "drypoint lenet",
    "engine": "drypoint bench --rounds 5 --markdown",
    "layers": "drypoint bench --rounds 5",
    "nets": "drypoint bench --nets all --rounds 5 --backends avx512vnni --markdown",
    "deployed": "python examples/nets.py",
    "few-bits": "python examples/few_bits.py "
    "--nets mnist-4k,mnist-8k,mnist-13k,fashion-13k,fashion-32k,mnist1d-8k",
    "few-bits-deployed": "python examples/few_bits.py --nets ds-cnn,resnet8 --seeds 0",
    "bits-on-devices": "python examples/bits_on_devices.py",
    "boxes-on-devices": "python examples/boxes_on_devices.py",
    "recurrent-steps": "python examples/recurrent.py steps",
    "recurrent-envelope": "python examples/recurrent.py envelope",
    "recurrent-rows": "python examples/recurrent.py rows",
    "recurrent-masks": "python examples/recurrent.py masks build/dtln/model_1.onnx",
    "cycles": "python -m drypoint.devices cycles",
    "calibration": "python examples/calibration.py",
    "few-pictures": "python examples/few_pictures.py --ways scratch --seeds 1",
    "objects": "python examples/detection.py",
    "labelled-pictures": "python examples/labelled_pictures.py build/boxes",
    "bodies": "python examples/few_pictures.py --ways own shipped --pictures 100 --seeds 0",
    "training": "python -m training_bench --batches 64,128,256,512 --rounds 7 --markdown",
    "training-nets": "python -m training_bench --nets lenet5,vgg-ish,dense,strided "
    "--batches 128 --threads 1 --rounds 5 --markdown",
    "training-deployed": "python -m training_bench --nets kws,vww,ad,sww,mobilenet --batches 64 "
    "--rounds 3 --markdown",
    "training-joined": "python -m training_bench --nets ic,tcn,unet --batches 64 --rounds 3 "
    "--markdown",
    "training-peers": "python -m training_bench --nets kws,ic,ad,sww,mobilenet,tcn "
    "--batches 64,128 --threads 1 --rounds 3 --markdown",
    "training-recurrent": "python -m training_bench --nets gru-50,gru-200 --batches 64 --threads 1 "
    "--markdown",
    "training-families": "python -m training_bench --families",
    "recipes": "drypoint recipes",
    "page": "python tests/support/browser.py",
    "direct": "drypoint recipes --only fast --direct",
}
"""Section -> the command that prints it; programs are run from the folder of this Python."""


def section(text: str, name: str) -> str:
    """The text between the comments of a section.

    Raises:
        ValueError: the page has no such section.
    """
    found = re.search(_pattern(name), text, re.DOTALL)
    if found is None:
        raise ValueError(f"the page has no section {name!r}: add its two comments")
    return found[1]


def with_section(text: str, name: str, *, output: str, machine: str, day: str) -> str:
    """The page with another output in one section; output that is no table becomes code."""
    section(text, name)
    body = output.rstrip()
    if not body.startswith("|"):
        body = "\n".join(f"    {line}".rstrip() for line in body.splitlines())
    new = f"\nMeasured on {day}, {machine}: `{COMMANDS[name]}`\n\n{body}\n\n"
    return re.sub(
        _pattern(name), lambda found: found[0].replace(found[1], new), text, flags=re.DOTALL
    )


def _pattern(name: str) -> str:
    return f"<!-- begin {re.escape(name)} -->(.*?)<!-- end {re.escape(name)} -->"


def main(names: list[str]) -> None:
    """Measure the named sections, or all, and write the page after each."""
    machine, day = look(find_compiler(None)).line, datetime.date.today().isoformat()
    for name in names or COMMANDS:
        program, *options = shlex.split(COMMANDS[name])
        command = [str(Path(sys.executable).parent / program), *options]
        done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True)
        text = PAGE.read_text("utf-8")
        new = with_section(text, name, output=done.stdout, machine=machine, day=day)
        PAGE.write_text(new, "utf-8")
        print(f"measured {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
