"""A measurement as text."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from drypoint.data import Class

if TYPE_CHECKING:
    from ._measurement import Measurement


def confusion_table(matrix: NDArray[np.int64], classes: tuple[Class, ...]) -> str:
    """A (C, C) matrix with a row for each true and a column for each predicted class."""
    names = [str(name) for name in classes]
    cells = [[str(value) if value else "." for value in row] for row in matrix.tolist()]
    widths = [max(len(text) for text in column) for column in zip(names, *cells, strict=True)]
    left = max(len(text) for text in (*names, "true"))
    lines = [f"{'true':>{left}} | predicted"]
    for head, row in zip(("", *names), (names, *cells), strict=True):
        texts = (f"{text:>{width}}" for text, width in zip(row, widths, strict=True))
        lines.append(f"{head:>{left}} | {' '.join(texts)}")
    return "\n".join(lines)


def report_text(m: "Measurement") -> str:
    """The figures, a line for each class, the commonest errors, the confusion matrix."""
    low, high = m.accuracy_interval
    lines = [
        f"examples       {m.n}",
        f"accuracy       {m.accuracy:.4f}  (95 %: {low:.4f} to {high:.4f})",
        f"error          {m.error:.4f}  ({m.n - m.correct} of {m.n})",
        f"baseline       {m.baseline_accuracy:.4f}  (always the commonest class)",
        f"Cohen's kappa  {m.cohen_kappa:.4f}",
    ]
    if m.probabilities is not None:
        lines.append(f"cross-entropy  {m.cross_entropy:.4f} nats")
    left = max(len(text) for text in (*map(str, m.classes), "class"))
    lines += ["", f"{'class':>{left}}  precision  recall      f1  examples"]
    counts = m.confusion_matrix.sum(axis=1).tolist()
    for name, count in zip(m.classes, counts, strict=True):
        scores = f"{m.precision[name]:9.4f}  {m.recall[name]:6.4f}  {m.f1[name]:6.4f}"
        lines.append(f"{name!s:>{left}}  {scores}  {count:8d}")
    confusions = ", ".join(f"{true} as {said}: {n}" for true, said, n in m.top_confusions(5))
    lines += ["", f"commonest errors  {confusions or 'none'}", "", m.confusion_text()]
    return "\n".join(lines)
