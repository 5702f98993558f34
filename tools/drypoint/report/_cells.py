"""The cells of the confusion matrix, each with pictures of its examples."""

from dataclasses import dataclass

import numpy as np

from drypoint.measure import Example, Measurement

from ._drawings import Thumbnails

_MOST_CLASSES = 30  # a larger matrix shows the classes with the most errors
_MOST_EXAMPLES = 12  # of a cell


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One pair of a true and a predicted class.

    Attributes:
        name: of the cell's element on the page.
        count: the number of examples.
        share: the square root of the share of the true class, so that 1 % is visible; in [0, 1].
        examples: the examples that are shown, with their pictures; the worst first.
    """

    name: str
    true: str
    predicted: str
    count: int
    share: float
    examples: list[tuple[Example, str]]

    @property
    def deep(self) -> bool:
        """Whether the number is written in the colour of text on the accent colour."""
        return self.share > 0.6

    @property
    def shade(self) -> float:
        """The share of the accent colour in the background, in [0, 1]: up to 0.48 below plain text,
        from 0.88 below text for the accent, since between these neither can be read well.
        """
        return 0.88 + 0.3 * (self.share - 0.6) if self.deep else 0.8 * self.share


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """The matrix: a row for each true class; the table shows ``classes`` of ``n_classes``."""

    classes: list[str]
    n_classes: int
    rows: list[list[Cell]]

    @property
    def cells(self) -> list[Cell]:
        """The cells with examples, errors first, the largest count first."""
        cells = [cell for row in self.rows for cell in row if cell.count]
        return sorted(cells, key=lambda cell: (cell.true == cell.predicted, -cell.count))


def confusion_cells(measured: Measurement, thumbnails: Thumbnails) -> Confusion:
    """The matrix of a measurement; pictures are made rank by rank, until there is no room."""
    matrix = measured.confusion_matrix
    errors = matrix.sum(axis=0) + matrix.sum(axis=1) - 2 * matrix.diagonal()
    shown = sorted(np.argsort(-errors, kind="stable")[:_MOST_CLASSES].tolist())
    order = measured.worst(measured.n)
    by_cell: dict[tuple[int, int], list[Example]] = {}
    for example in order:
        key = (int(measured.y[example.index]), int(measured.predicted[example.index]))
        by_cell.setdefault(key, []).append(example)
    pictures: dict[tuple[int, int], list[tuple[Example, str]]] = {key: [] for key in by_cell}
    for rank in range(_MOST_EXAMPLES):
        for key, members in by_cell.items():
            if rank < len(members) and key[0] in shown and key[1] in shown:
                pictures[key].append((members[rank], thumbnails.element(members[rank])))
    names = [str(name) for name in measured.classes]
    totals = matrix.sum(axis=1)
    rows = [
        [
            Cell(
                name=f"cell-{i}-{j}",
                true=names[i],
                predicted=names[j],
                count=int(matrix[i, j]),
                share=float(matrix[i, j] / max(1, totals[i])) ** 0.5,
                examples=pictures.get((i, j), []),
            )
            for j in shown
        ]
        for i in shown
    ]
    return Confusion(classes=[names[i] for i in shown], n_classes=len(names), rows=rows)
