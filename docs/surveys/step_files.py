"""Print how many functions in how many files an epoch of LeNet's training steps runs.

    python docs/surveys/step_files.py            # the compiled step
    python docs/surveys/step_files.py --tape     # the tape step

A profiler counts the functions of drypoint's parts train, autodiff and nn that are called from the
first batch of an epoch to its last. The first epoch traces and compiles a step for each of its two
batch shapes, and plays one for all other batches; the second one only plays.
"""

import argparse
import cProfile
import pstats
from pathlib import Path

from drypoint import data, nn, train
from drypoint.autodiff import set_threads
from drypoint.train import _loop

PARTS = ("train", "autodiff", "nn")


def count_calls(*, compiled: bool) -> list[set[tuple[str, str]]]:
    """For each of two epochs, file and name of each function that its steps call."""
    epoch, found = _loop.train_epoch, []

    def profile_step(*args, **options):
        profile = cProfile.Profile()
        figures = profile.runcall(epoch, *args, **options)
        found.append({called for entry in pstats.Stats(profile).stats if (called := own(*entry))})
        return figures

    set_threads(1)
    digits = data.load("mnist", "train")[:680]
    _loop.train_epoch = profile_step
    try:
        options = {"epochs": 2, "validation_split": 0, "progress": "none"}
        train.fit(nn.lenet(), digits, compiled=compiled, **options)
    finally:
        _loop.train_epoch = epoch
    return found


def own(file: str, line: int, name: str) -> tuple[str, str] | None:
    """File and name, if the function is one of the parts'."""
    parts = Path(file).parts
    if "drypoint" not in parts:
        return None
    below = parts[len(parts) - 1 - parts[::-1].index("drypoint") + 1 :]
    return ("/".join(below), f"{name}:{line}") if below[0] in PARTS else None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tape", action="store_true", help="of the tape step")
    for number, functions in enumerate(count_calls(compiled=not parser.parse_args().tape), 1):
        files = sorted({file for file, _ in functions})
        print(f"epoch {number}: {len(functions)} functions in {len(files)} files")
        for name in files:
            print(f"  {sum(file == name for file, _ in functions):4} {name}")
