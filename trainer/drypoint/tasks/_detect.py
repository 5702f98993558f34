"""The task "detect": the net's output is a map of cells that finds objects in a picture."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint.common import interval_text, percent
from drypoint.data import (
    BoxDecoder,
    Boxes,
    Class,
    Dataset,
    FoundBox,
    ImageEncoder,
    augment,
    class_places,
)
from drypoint.measure import DetectionMeasurement, Things
from drypoint.nn import DetectionLoss, Layer, Model
from drypoint.program import Program

from ._answer import Answer, Criterion
from ._box_decoder import (
    Finder,
    decoder_of,
    find_boxes,
    run_net,
    with_box_decoder,
)
from ._reported import Drawing, Mark, MarkedPicture, Reported, ReportTexts
from ._task import (
    Notify,
    Runner,
    Strength,
    Task,
    TaskError,
    Trial,
    count_epochs,
    reader_of,
)

_CELL = 8  # pixels of a side, of the nets that are made by name
_LEAST = 0.01  # the probability from which boxes count for the average precision
_MOST = 1000  # candidates of a picture in a measurement
_STEPS, _MOST_EPOCHS = 6_000, 200  # of a run whose epochs are left out
_SMALL, _LARGE = "grid-cnn", "grid-cnn:8,16,32,48,48,32"  # of one class, of several
_CURVE = tuple(i / 10 for i in range(1, 10))  # thresholds of the curve of cells
_PICTURES = 10  # with the most mistakes, in a report
_SHOWN = 8  # objects of a picture in a text


@dataclass(frozen=True)
class Detect(Task):
    """The output is a map of cells, with a score for each class and the edges of a box.

    Attributes:
        cells: the map has the scores alone: the net counts objects, and does not measure them.
        picture_encoder: makes inputs of pictures of `sizes`; None: boxes lie in the inputs.
        sizes: width and height of the pictures that are answered.
    """

    name = "detect"
    read_as = "detect"
    has_classes = False
    strength = "light"
    rate = 2e-2
    page_part = "boxes"

    cells: bool = False
    picture_encoder: ImageEncoder | None = None
    sizes: tuple[tuple[int, int], ...] = ()

    def describe(self, dataset: Dataset) -> str:
        """A data set in words: its pictures, and the objects of each class."""
        boxes = boxes_of(dataset)
        counts = np.bincount(boxes.labels, minlength=len(dataset.classes))
        names = ", ".join(
            f"{counts[i]:,} {name}" for i, name in enumerate(dataset.classes[:_SHOWN])
        )
        more = ", ..." * (len(dataset.classes) > _SHOWN)
        pictures = super().describe(dataset).partition(";")[0]
        return f"{pictures}; {len(boxes.labels):,} boxes: {names}{more}"

    def check(self, dataset: Dataset, others: Mapping[str, Dataset | None], *, name: str) -> None:
        """Refuse data without boxes, and classes that the training part lacks."""
        known = _present(dataset)
        if not known:
            raise TaskError(f"{name} has no box: there is nothing to find")
        for other, part in others.items():
            lacking = [] if part is None else [c for c in _present(part) if c not in known]
            if lacking:
                raise TaskError(
                    f"{name}: the {other} part has boxes of the class {lacking[0]!r}, of which the "
                    "training part has none: add some, or leave the class out"
                )

    def epochs(self, dataset: Dataset, *, batch: int, macs: int) -> int:  # noqa: ARG002
        """The epochs of about 6,000 steps."""
        return count_epochs(dataset, _STEPS, batch=batch, most=_MOST_EPOCHS)

    def default_net(self, dataset: Dataset) -> str:
        """A small net of cells; for several classes a larger one."""
        return _SMALL if len(dataset.classes) == 1 else _LARGE

    def output_shape(self, dataset: Dataset) -> tuple[int, ...]:
        """(channels, rows, columns) of cells of 8 pixels; a net may have other cells."""
        width, height = dataset.image_size
        return self._decoder(dataset, _CELL).channels, height // _CELL, width // _CELL

    def check_output(
        self, shape: tuple[int, ...], dataset: Dataset, *, net: str, name: str
    ) -> None:
        """Refuse another output than a map of square cells that cover the picture."""
        self._check_map(shape, dataset.classes, dataset.image_size, net=f"--net {net}", name=name)

    def _check_map(
        self,
        shape: tuple[int, ...],
        classes: Sequence[Class],
        size: tuple[int, int],
        *,
        net: str,
        name: str,
    ) -> None:
        n, (width, height) = BoxDecoder(classes, cell=_CELL, cells=self.cells).channels, size
        if len(shape) != 3 or shape[0] != n:
            edges = "" if self.cells else ", and four edges"
            raise TaskError(
                f"{net} has outputs {shape}; {name} wants a map of cells, ({n}, rows, columns): a "
                f"score for each class{edges}"
            )
        cell = width // shape[2]
        if (width, height) != (cell * shape[2], cell * shape[1]):
            raise TaskError(
                f"{net} has {shape[2]} x {shape[1]} cells, pictures have {width} x {height} "
                "pixels; wanted: square cells of whole pixels: --size 96x96 reads them in a size "
                "that 8 divides"
            )

    def with_decoder(self, model: Model, dataset: Dataset) -> Model:
        """The model with a decoder of the classes of the data set; it may have one of these."""
        if model.decoder is not None:
            return self.train_further(model, dataset, lambda _: None)
        net = model.net
        if net.input_shape is None and model.encoder is not None:
            net = net.bind(model.encoder.shape)
        if net.input_shape is None:
            return model  # it reads no pictures, which the loss says
        shape, (height, width) = net.output_shape(net.input_shape), net.input_shape[-2:]
        self._check_map(shape, dataset.classes, (width, height), net="the net", name="the data")
        return replace(model, net=net, decoder=self.decoder(dataset, net))

    def decoder(self, dataset: Dataset, net: Layer) -> BoxDecoder:
        """The classes of the data set, and the size of the net's cells."""
        assert net.input_shape is not None  # it is bound
        columns = net.output_shape(net.input_shape)[2]
        return self._decoder(dataset, net.input_shape[2] // columns)

    def _decoder(self, dataset: Dataset, cell: int) -> BoxDecoder:
        return BoxDecoder(dataset.classes, cell=cell, cells=self.cells)

    def train_further(self, model: Model, dataset: Dataset, notify: Notify) -> Model:  # noqa: ARG002
        """The model, if it finds the classes of the data set."""
        known = decoder_of(model).classes
        if known != dataset.classes:
            raise TaskError(
                f"the net finds {', '.join(map(str, known))}, the data has boxes of "
                f"{', '.join(map(str, dataset.classes))}: both must have the same classes"
            )
        return model

    def loss(self) -> DetectionLoss:
        """The cross-entropy of cells; of boxes also GIoU and the distance of edges."""
        return DetectionLoss(cells=self.cells)

    def labels(self, dataset: Dataset) -> NDArray[Any]:
        """Rows of class, left, top, right, bottom in pixels for each picture, (N, K, 5); rows of
        the class -1 are no objects."""
        return np.asarray(boxes_of(dataset).pad_rows())

    def augmentation(
        self, strength: Strength, dataset: Dataset, noise: NDArray[np.int16] | None
    ) -> augment.Scene | None:
        """Patches are painted, light slopes; strong: pictures and boxes are also moved, scaled and
        lit. They are not mirrored, as digits are not."""
        super().augmentation(strength, dataset, noise)  # refuses noise
        if strength == "none":
            return None
        clutter = augment.Scene(slope=0.15, clutter=6)
        if strength == "light":
            return clutter
        return replace(clutter, scale=0.25, shift=0.25, light=0.25, contrast=0.25)

    def targets(self, model: Model, x: Any, labels: NDArray[Any]) -> NDArray[Any]:  # noqa: ARG002
        """The rows with edges as shares of the picture's sides."""
        height, width = np.shape(x)[1:3]
        sides = np.array([1, width, height, width, height])
        return np.asarray(labels / sides, np.float32)

    def for_pictures(self, encoder: ImageEncoder, sizes: Sequence[tuple[int, int]]) -> "Detect":
        """The task whose answers have boxes in these pictures."""
        return replace(self, picture_encoder=encoder, sizes=tuple(sizes))

    def set_threshold(self, model: Model, x: Any, targets: NDArray[Any], notify: Notify) -> Model:
        """The model with the ``conf`` of the highest F1 on validation pictures."""
        picture, row = np.nonzero(targets[..., 0] >= 0)
        if model.decoder is None or not len(picture):
            return model
        rows, (height, width) = targets[picture, row], (model.net.input_shape or ())[-2:]
        edges = rows[:, 1:] * (width, height, width, height)
        objects = Things(picture, rows[:, 0].astype(np.int64), edges, np.ones(len(rows)))
        found = _measure(run_net(model, x), objects, len(targets), decoder_of(model))
        assert found.best_conf is not None  # the curve has rows
        conf = found.best_conf
        notify(f"conf: {conf:g}, of the highest F1 on {len(targets):,} validation pictures")
        return with_box_decoder(model, replace(decoder_of(model), conf=conf))

    def answer(
        self,
        runner: Runner,
        x: Any,
        *,
        top: int,  # noqa: ARG002
        output: str | None = None,  # noqa: ARG002 - boxes are of one output
    ) -> list[Answer]:
        """The objects in each picture, best first, and how many of each class."""
        decoder = decoder_of(reader_of(runner))
        found = find_boxes(runner, x, decoder)
        if self.picture_encoder is not None:
            pairs = zip(found, self.sizes, strict=True)
            found = [_move_boxes(boxes, self.picture_encoder, size) for boxes, size in pairs]
        return [_describe(boxes, cells=decoder.cells) for boxes in found]

    def check_measurable(self, reader: Model | Program, *, name: str) -> None:
        """All nets with a decoder of boxes have figures."""

    @property
    def criterion(self) -> Criterion:
        """The mAP50; of cells F1."""
        return Criterion("F1", "F1") if self.cells else Criterion("mAP50", "mAP50")

    def measure(self, trial: Trial) -> Answer:
        """P, R, F1, mAP50 and mAP50-95 with their intervals, by class and by size."""
        found = measure_boxes(trial)
        return Answer(found.report(), found.to_json())

    def test(self, model: Model, dataset: Dataset) -> Answer:
        """The mAP50 and F1; of cells F1."""
        found = measure_boxes(Trial(model, dataset))
        names = {"F1": found.f1} if self.cells else {"mAP50": found.map50, "F1": found.f1}
        figures = ", ".join(f"{name} {figure}" for name, figure in names.items())
        text = f"{len(found.objects.label):,} objects in {found.n:,} test pictures: {figures}"
        return Answer(text, found.to_json())

    def report(self, model: Model | None, trial: Trial) -> Reported:
        """The boxes of the program, and of its float model."""
        found = measure_boxes(trial)
        floats = None if model is None else measure_boxes(replace(trial, runner=model))
        facts = {
            "kind": self.name,
            "examples": found.n,
            "error": 1 - found.f1.value,
            "float_error": None if floats is None else 1 - floats.f1.value,
            "rise": None if floats is None else found.rise(floats),
            "input_rise": None,
            "integers": found.to_json(),
            "float": None if floats is None else floats.to_json(),
            "cell": found.cell,
            "seen": None if trial.train is None else _count_seen(trial.dataset, trial.train),
            "anomalies": None,
        }
        drawing = Drawing(
            "F1 (line), P (dashes) and R (dots) over the threshold conf, all from 0 to 1",
            "lines",
            np.array([row["conf"] for row in found.curve]),
            np.array([[row[name] for row in found.curve] for name in ("F1", "P", "R")]),
        )
        errors = found.mistakes
        worst = np.argsort(-errors, kind="stable")[:_PICTURES].tolist()
        pictures = {i: MarkedPicture(trial.dataset.x[i], _marks(found, i)) for i in worst}
        return Reported(facts=facts, errors=errors, drawing=drawing, pictures=pictures)

    def report_texts(self, facts: Mapping[str, Any]) -> ReportTexts:
        """P, R, F1, mAP50 and mAP50-95."""
        integers, floats = facts["integers"], facts["float"] or {}
        names = [name for name in ("P", "R", "F1", "mAP50", "mAP50-95") if name in integers]
        rows = [(name, integers[name], floats.get(name)) for name in names]
        headline = [
            (f"  {name}", interval_text(value, *bounds))
            for name, value, _ in rows
            for bounds in [integers["intervals"][name]]
        ]
        return ReportTexts(
            "1 - F1",
            of=f"{integers['objects']:,} objects",
            summary=", ".join(f"{name} {percent(value)}" for name, value, _ in rows[2:4]),
            headline=headline,
            rows=rows,
            note="On the pictures objects that were found have a thin line, missed objects dashes; "
            "right boxes have a thick line, wrong boxes dots.",
        )


def measure_boxes(trial: Trial, *, conf: float | None = None) -> DetectionMeasurement:
    """The figures of a net on test pictures, at a threshold; None: at the decoder's.

    Raises:
        TaskError: the net has no decoder of boxes, or the data set has no boxes.
        UnknownClassError: the net does not find a class of the data set.
    """
    decoder, dataset = decoder_of(reader_of(trial.runner)), trial.dataset
    decoder = decoder if conf is None else replace(decoder, conf=conf)
    boxes = boxes_of(dataset)
    places = class_places(dataset.classes, decoder.classes, owner="the net")
    ones = np.ones(len(boxes.labels))
    objects = Things(boxes.pictures, places[boxes.labels], boxes.edges, ones)
    return _measure(run_net(trial.runner, dataset.x), objects, len(dataset), decoder)


def _measure(find: Finder, objects: Things, n: int, decoder: BoxDecoder) -> DetectionMeasurement:
    """The figures of what is found in n pictures. A threshold decides which cells touch: their
    curve has measurements of their own."""

    def measure_at(conf: float, curve: Sequence[Mapping[str, float]] = ()) -> DetectionMeasurement:
        chosen = replace(decoder, conf=conf)
        if not decoder.cells:
            chosen = replace(decoder, conf=min(_LEAST, conf), most=_MOST)
        return DetectionMeasurement(
            n=n,
            classes=decoder.classes,
            objects=objects,
            found=_things(find(chosen), decoder.classes),
            conf=conf,
            cell=decoder.cell,
            counts_cells=decoder.cells,
            cell_curve=curve,
        )

    curve = []
    for conf in _CURVE if decoder.cells else ():
        found = measure_at(conf)
        names = {"P": found.precision, "R": found.recall, "F1": found.f1}
        curve.append({"conf": conf, **{name: figure.value for name, figure in names.items()}})
    return measure_at(decoder.conf, curve)


def _count_seen(test: Dataset, train: Dataset) -> int:
    """How many test pictures are training pictures, byte for byte."""
    known = {picture.tobytes() for picture in train.x}
    return sum(picture.tobytes() in known for picture in test.x)


def _marks(found: DetectionMeasurement, picture: int) -> list[Mark]:
    """The objects in a picture, and the boxes that the net found there."""
    marks = []
    objects, boxes = found.objects, found.found
    for i in np.flatnonzero(objects.picture == picture).tolist():
        kind: Any = "found" if found.is_found[i] else "missed"
        name = str(found.classes[objects.label[i]])
        marks.append(Mark(kind, name, tuple(objects.box[i].tolist())))
    for i in np.flatnonzero((boxes.picture == picture) & found.is_shown).tolist():
        kind = "right" if found.is_right[i] else "wrong"
        text = f"{found.classes[boxes.label[i]]} {100 * boxes.score[i]:.0f} %"
        marks.append(Mark(kind, text, tuple(boxes.box[i].tolist())))
    return marks


def _things(found: Sequence[Sequence[FoundBox]], classes: Sequence[Class]) -> Things:
    """Found boxes by picture as columns."""
    rows = [(i, classes.index(box.label), box) for i, boxes in enumerate(found) for box in boxes]
    return Things(
        np.array([i for i, _, _ in rows], np.int64),
        np.array([label for _, label, _ in rows], np.int64),
        np.array([box[2:] for _, _, box in rows], np.float64).reshape(-1, 4),
        np.array([box.score for _, _, box in rows], np.float64),
    )


def _present(dataset: Dataset) -> list[Class]:
    """The classes of which a data set has boxes."""
    return [dataset.classes[i] for i in np.unique(boxes_of(dataset).labels).tolist()]


def boxes_of(dataset: Dataset) -> Boxes:
    """The boxes of a data set.

    Raises:
        TaskError: it has none.
    """
    if dataset.boxes is None:
        raise TaskError("the data have no boxes: wanted pictures with boxes around objects")
    return dataset.boxes


def _move_boxes(
    found: Sequence[FoundBox], encoder: ImageEncoder, size: tuple[int, int]
) -> list[FoundBox]:
    """Found boxes in the picture of a size that was encoded, clipped to it."""
    edges = encoder.to_picture([box[2:] for box in found], size).clip(0, size * 2)
    return [FoundBox(*box[:2], *row) for box, row in zip(found, edges.tolist(), strict=True)]


def _describe(found: Sequence[FoundBox], *, cells: bool) -> Answer:
    """The objects in a picture."""
    counts = Counter(str(box.label) for box in found)
    shown = ", ".join(f"{name} {n}" for name, n in sorted(counts.items()))
    text = f"{len(found)} found" + f" ({shown})" * bool(found)
    for box in found[:_SHOWN]:
        left, top, right, bottom = (round(side) for side in box[2:])
        place = f"{left},{top} to {right},{bottom}"
        if cells:
            place = f"{(left + right) // 2},{(top + bottom) // 2}"
        text += f"; {box.label} ({100 * box.score:.0f} %) at {place}"
    text += "; ..." * (len(found) > _SHOWN)
    rows = [{**box._asdict(), "label": box.label} for box in found]
    return Answer(text, {"count": len(found), "counts": dict(counts), "boxes": rows})
