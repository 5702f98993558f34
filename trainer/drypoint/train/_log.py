"""The history of a run as a file for other programs."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from drypoint.common import write_atomic


def write_log(path: Path, history: Mapping[str, Sequence[float]]) -> None:
    """Write one row for each finished epoch, as CSV or JSON lines by the file's name.

    It is written anew after each epoch, whole or not at all: so a run that was resumed, or died
    within an epoch, leaves each epoch there once. Figures that are not finite are left empty, or
    null.

    Raises:
        DrypointError: the file cannot be written.
    """
    epochs = len(next(iter(history.values()), ()))
    rows = [
        {"epoch": i + 1, **{name: _known(values[i]) for name, values in history.items()}}
        for i in range(epochs)
    ]
    if path.suffix == ".jsonl":
        write_atomic(path, "".join(json.dumps(row) + "\n" for row in rows))
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, ["epoch", *history], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(path, text.getvalue())


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
