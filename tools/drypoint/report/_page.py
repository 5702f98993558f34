"""The report as one HTML page, made of a template, pictures of `plot` and thumbnails."""

from collections.abc import Mapping
from importlib import import_module
from importlib.resources import files
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from drypoint import plot
from drypoint.common import DrypointError, how_to_install, page_style, percent, printable
from drypoint.data import Dataset
from drypoint.measure import Example, Measurement
from drypoint.nn import Model
from drypoint.program import Program
from drypoint.quant import OpReport
from drypoint.quant import Report as LayerReport
from drypoint.tasks import Drawing, Reported

from ._cells import confusion_cells
from ._drawings import Thumbnails, draw_curve, draw_lines, draw_marks, draw_points
from ._remembers import describe_memory
from ._text import (
    accuracy,
    bits_figure,
    bits_rows,
    blind_text,
    class_rows,
    describe_proof,
    describe_rounding,
    describe_time,
    first_loss,
)
from ._verdict import needs, output_texts

if TYPE_CHECKING:
    import jinja2

Facts = Mapping[str, Any]
_PACKAGES = {"jinja2": "Jinja2", "matplotlib": "matplotlib"}
_MOST_OPS = 200  # of a drawing of the arena
_MOST_ERRORS = 10  # examples of a list
_MOST_HISTOGRAMS = 40  # ops with a histogram of errors; each is 10 KB of the page


def check_packages() -> None:
    """Check that the packages of a page can be imported."""
    for module, name in _PACKAGES.items():
        try:
            import_module(module)
        except ImportError as error:
            raise DrypointError(
                f"the page of a report needs {name}: {how_to_install('report')}"
            ) from error


def page(
    facts: Facts,
    *,
    program: Program,
    exported: Program,
    model: Model | None,
    layers: LayerReport | None,
    reported: Reported,
    states: plot.StateMap | None,
    test: Dataset | None,
) -> str:
    """The HTML document."""
    measured = reported.integers
    style = files(__package__).joinpath("templates/report.css").read_text("utf-8")
    is_signal = test is not None and test.is_signals and test.x.shape[1] > 1
    ram, _, target = needs(facts)
    thumbnails = Thumbnails(signals=test.x if test is not None and is_signal else None)
    return template("report.html.j2").render(
        f=facts,
        ram=ram,
        target=target,
        style=page_style() + style,
        listing=str(program),
        lists=[
            (title, note, [(example, thumbnails.element(example)) for example in found])
            for title, note, found in _lists(measured)
        ],
        errors_by_example=_largest_errors(reported, test, thumbnails),
        drawing=None if reported.drawing is None else _draw(reported.drawing),
        texts=output_texts(facts),
        confusion=None if measured is None else confusion_cells(measured, thumbnails),
        pictures=_pictures(
            facts,
            exported=exported,
            model=model,
            measured=measured,
            layers=layers,
            states=states,
        ),
    )


def template(name: str) -> "jinja2.Template":
    """A template of the folder, whose expressions are escaped."""
    check_packages()
    import jinja2  # noqa: PLC0415 - an optional dependency

    folder = files(__package__) / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8")),
        autoescape=True,
        finalize=_show,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"n": _number, "pct": percent, "g": _short}
    texts = (
        accuracy,
        bits_figure,
        bits_rows,
        blind_text,
        class_rows,
        describe_memory,
        describe_proof,
        describe_rounding,
        describe_time,
    )
    environment.globals |= {text.__name__: text for text in (*texts, first_loss)}
    return environment.get_template(name)


def _largest_errors(
    reported: Reported, test: Dataset | None, thumbnails: Thumbnails
) -> list[tuple[int, str, float, str]]:
    """(index, class, error, picture) of the examples with the largest errors."""
    errors = reported.errors
    if errors is None:
        return []
    if reported.pictures:
        pairs = reported.pictures.items()
        return [
            (i, "", float(errors[i]), draw_marks(each, label=f"image {i}")) for i, each in pairs
        ]
    order = np.argsort(-errors.astype(np.float64), kind="stable")[:_MOST_ERRORS].tolist()
    rows = []
    for i in order:
        name = "" if test is None else str(test.classes[int(test.y[i])])
        image = test.x[i] if test is not None and not test.is_signals else None
        example = Example(index=i, image=image, true=name, predicted=name, p_true=None)
        rows.append((i, name, float(errors[i]), thumbnails.element(example)))
    return rows


def _draw(drawing: Drawing) -> tuple[str, str]:
    """(title, SVG) of a drawing."""
    draw = {"curve": draw_curve, "points": draw_points, "lines": draw_lines}[drawing.kind]
    return drawing.title, draw(drawing.x, drawing.y, label=drawing.title)


def _lists(measured: Measurement | None) -> list[tuple[str, str, list[Example]]]:
    """(title, note, examples) of each list of examples."""
    if measured is None:
        return []
    return [
        ("Worst", "the lowest probability of the true class first", measured.worst(10)),
        ("Least certain", "the highest entropy first", measured.least_certain(10)),
    ]


def _pictures(
    facts: Facts,
    *,
    exported: Program,
    model: Model | None,
    measured: Measurement | None,
    layers: LayerReport | None,
    states: plot.StateMap | None,
) -> dict[str, list[tuple[str, str, str]]]:
    """Section -> (title, SVG, the picture as text) of each picture."""
    numbers = count()

    def draw(picture: plot.Picture, title: str, columns: int = 1) -> tuple[str, str, str]:
        name = f"picture{next(numbers)}"
        element = plot.inline_svg(picture, name=name, label=title, columns=columns)
        return title, element, picture.text

    sections = ("net", "training", "memory", "errors")
    found: dict[str, list[tuple[str, str, str]]] = {section: [] for section in sections}
    if len(exported.ops) <= _MOST_OPS:
        found["memory"].append(draw(plot.memory(exported), "The arena while each op runs"))
    if model is not None:
        found["net"].append(draw(plot.net(model), "The layers and the arrays between them"))
    elif len(exported.ops) <= _MOST_OPS:
        found["net"].append(draw(plot.net(exported), "The ops and the planes between them"))
    result = facts["training"]["result"]
    if result is not None and result.get("history", {}).get("loss"):
        history = result["history"]
        wanted = {"loss": "loss", "accuracy": "accuracy", "learning rate": "lr"}
        for quantity, key in wanted.items():
            if key in history:
                curves = plot.training(history, quantities=(quantity,))
                found["training"].append(draw(curves, f"Training: {quantity} by epoch"))
    if measured is not None:
        found["calibration"] = [draw(plot.reliability(measured), "Accuracy by confidence")]
    if states is not None:
        found["states"] = [draw(states, "The cells on the first test example")]
    for op in () if layers is None else layers.ops[:_MOST_HISTOGRAMS]:
        found["errors"].append(draw(_errors(op), f"{op.op}: float less integer output"))
    return found


def _errors(op: OpReport) -> plot.Histograms:
    """The histogram of an op's errors; its mean and deviation are of the bins."""
    counts = np.array(op.error_counts, np.int64)
    edges = np.linspace(-op.error_limit, op.error_limit, len(counts) + 1)
    centers, n = (edges[1:] + edges[:-1]) / 2, int(counts.sum())
    mean = float(counts @ centers) / n
    part = plot.Histogram(
        name=op.op,
        counts=counts,
        edges=edges,
        n=n,
        mean=mean,
        deviation=float(counts @ (centers - mean) ** 2 / n) ** 0.5,
        low=-op.max_error,
        high=op.max_error,
        clip=None,
        clipped=0.0,
    )
    return plot.Histograms(parts=(part,))


def _show(value: object) -> object:
    """What an expression of the template puts on the page: text of files as it may be shown.
    Markup, which `plot` and `Thumbnails` made, is as it is.
    """
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return printable(value, lines=True)


def _number(value: float | None) -> str:
    """A whole number with commas, or a hyphen."""
    return "-" if value is None else f"{value:,}"


def _short(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}g}"
