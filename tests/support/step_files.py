"""Print how many functions in how many files one epoch of LeNet's training steps runs.

    python tests/support/step_files.py            # the compiled step
    python tests/support/step_files.py --tape     # the tape step

A profiler counts the functions of drypoint's parts train, autodiff and nn that are called from the
first batch of an epoch to its last.
"""

import argparse
import cProfile
import pstats
from pathlib import Path

from drypoint import data, nn, train
from drypoint.autodiff import set_threads
from drypoint.train import _epoch, _loop

PARTS = ("train", "autodiff", "nn")


def counted(*, compiled: bool) -> set[tuple[str, str]]:
    """File and name of each function that an epoch's steps call."""
    profile, epoch = cProfile.Profile(), _epoch.train_epoch

    def profiled(*args, **options):
        return profile.runcall(epoch, *args, **options)

    set_threads(1)
    digits = data.load("mnist", "train")[:640]
    _loop.train_epoch = profiled
    try:
        options = {"epochs": 1, "validation_split": 0, "progress": "none"}
        train.fit(nn.lenet(), digits, compiled=compiled, **options)
    finally:
        _loop.train_epoch = epoch
    found = set()
    for file, line, name in pstats.Stats(profile).stats:
        parts = Path(file).parts
        if "drypoint" in parts and parts[parts.index("drypoint") + 1] in PARTS:
            below = parts[parts.index("drypoint") + 1 :]
            found.add(("/".join(below), f"{name}:{line}"))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tape", action="store_true", help="of the tape step")
    functions = counted(compiled=not parser.parse_args().tape)
    files = sorted({file for file, _ in functions})
    print(f"{len(functions)} functions in {len(files)} files")
    for name in files:
        print(f"  {sum(file == name for file, _ in functions):4} {name}")
