"""A measurement as text and as HTML."""

import numpy as np
from numpy.typing import NDArray

from drypoint.common import count_of, html_table
from drypoint.data import Class

from ._probability_figures import ProbabilityFigures


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


def report_text(m: ProbabilityFigures) -> str:
    """The figures, a line for each class, the most frequent errors, the confusion matrix."""
    lines = [f"{name:<14} {text}" for name, text in _figures(m)]
    left = max(len(text) for text in (*map(str, m.classes), "class"))
    lines += ["", f"{'class':>{left}}  precision  recall      f1  examples"]
    for name, precision, recall, f1, count in _class_rows(m):
        lines.append(f"{name:>{left}}  {precision:>9}  {recall:>6}  {f1:>6}  {count:>8}")
    lines += [
        "",
        f"commonest errors  {_commonest(m)}",
        "",
        confusion_table(m.confusion_matrix, m.classes),
    ]
    return "\n".join(lines)


def report_html(m: ProbabilityFigures) -> str:
    """The report as three tables: figures, classes, confusion matrix as a heat map."""
    head = ("class", "precision", "recall", "f1", "examples")
    matrix = m.confusion_matrix
    rows = zip(m.classes, matrix.tolist(), strict=True)
    shares = np.sqrt(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1))  # 1 % is visible
    shades = {(i, j + 1): float(shares[i, j]) for i, j in zip(*np.nonzero(matrix), strict=True)}
    return "\n".join(
        [
            html_table(("figure", ""), _figures(m)),
            html_table(head, _class_rows(m)),
            html_table(
                ("true \\ predicted", *m.classes),
                [(name, *row) for name, row in rows],
                shades=shades,
            ),
        ]
    )


def classification_text(m: ProbabilityFigures, *, digits: int) -> str:
    """Precision, recall, f1 and support of each class, then accuracy and the averages."""
    scores = (m.precision, m.recall, m.f1)
    support = m.confusion_matrix.sum(axis=1).tolist()
    left = max(len(text) for text in (*map(str, m.classes), "weighted avg"))

    def line(name: str, values: list[float], count: int) -> str:
        cells = "".join(f" {value:9.{digits}f}" for value in values)
        return f"{name:>{left}} {cells} {count:9d}"

    heads = "".join(f" {head:>9}" for head in ("precision", "recall", "f1-score", "support"))
    lines = [f"{'':>{left}} {heads}", ""]
    for name, count in zip(m.classes, support, strict=True):
        lines.append(line(str(name), [score[name] for score in scores], count))
    accuracy = f"{'accuracy':>{left}} {'':20} {m.accuracy:9.{digits}f} {m.n:9d}"
    macro = line("macro avg", [score(average="macro") for score in scores], m.n)
    weighted = line("weighted avg", [score(average="weighted") for score in scores], m.n)
    return "\n".join([*lines, "", accuracy, macro, weighted, ""])


def _figures(m: ProbabilityFigures) -> list[tuple[str, str]]:
    """The (name, text) pairs of the figures over all classes."""
    low, high = m.accuracy_interval
    of = "" if m.n_groups == m.n else f", as of {count_of(m.n_groups, 'group')}"
    pairs = [
        ("examples", f"{m.n}"),
        ("accuracy", f"{m.accuracy:.4f}  (95 %: {low:.4f} to {high:.4f}{of})"),
        ("error", f"{m.error:.4f}  ({m.n - m.correct} of {m.n})"),
        ("baseline", f"{m.baseline_accuracy:.4f}  (always the commonest class)"),
        ("Cohen's kappa", f"{m.cohen_kappa:.4f}"),
        ("Matthews corr.", f"{m.matthews_corrcoef:.4f}"),
    ]
    if m.probabilities is not None:
        two = min(2, len(m.classes))
        pairs += [
            (f"top-{two}", f"{m.top_k_accuracy(two):.4f}"),
            ("cross-entropy", f"{m.cross_entropy:.4f} nats  (perplexity {m.perplexity:.4f})"),
            ("entropy", f"{m.entropy:.4f} nats  (mean)"),
            ("Brier score", f"{m.brier:.4f}"),
            ("calibration", f"{m.ece:.4f}  (expected error, 10 bins)"),
        ]
    if m.data_digest is not None:
        seen = "" if m.seen_as is None else f"  (the model was made from these data: {m.seen_as})"
        pairs.append(("data", f"{m.data_digest[:16]}{seen}"))
    return pairs


def _class_rows(m: ProbabilityFigures) -> list[tuple[str, str, str, str, str]]:
    counts = m.confusion_matrix.sum(axis=1).tolist()
    return [
        (str(c), f"{m.precision[c]:.4f}", f"{m.recall[c]:.4f}", f"{m.f1[c]:.4f}", f"{count}")
        for c, count in zip(m.classes, counts, strict=True)
    ]


def _commonest(m: ProbabilityFigures) -> str:
    return (
        ", ".join(f"{true} as {predicted}: {n}" for true, predicted, n in m.top_confusions(5))
        or "none"
    )
