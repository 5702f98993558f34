"""What notebooks show: an HTML view of every result, and curves that grow while `fit` runs.

Oracles: the figures of the objects themselves; a notebook that a real kernel executes.
"""

import html
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from drypoint import baselines, data, engine, measure, models, nn, quant, report, train
from tools import ONLY_CI

MODEL = models.load("lenet-mnist")
DIGITS = data.load("mnist", "test")[:100]


def cells(view):
    """The rows of the first table of a view, as texts."""
    table = view.split("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table)
    return [
        [html.unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in rows
    ]


def test_a_calibration_and_its_report_are_tables():
    calibration = quant.calibrate(MODEL, DIGITS.x)
    rows = cells(calibration._repr_html_())
    assert rows[0] == ["output of", "lowest", "highest"]
    assert rows[1:] == [
        [path, f"{low:.4f}", f"{high:.4f}"] for path, (low, high) in calibration.ranges.items()
    ]
    layers = quant.report(MODEL, calibration, DIGITS.x)
    rows = cells(layers._repr_html_())
    assert [row[0] for row in rows] == ["op", *(op.op for op in layers)]
    assert [row[4] for row in rows[1:]] == [f"{op.sqnr:.1f}" for op in layers]


def test_tables_have_heat_maps_and_bars():
    """Oracle: the shares, from the confusion matrix and from the ratios."""
    measured = measure.measure(MODEL, DIGITS)
    view = measured._repr_html_()
    matrix = measured.confusion_matrix
    found = re.findall(r"rgba\(0,114,178,([\d.]+)\)", view)
    shares = np.sqrt(matrix / matrix.sum(axis=1, keepdims=True))
    assert found == [f"{0.6 * share:.3f}" for share in shares[matrix > 0]]
    layers = quant.report(MODEL, quant.calibrate(MODEL, DIGITS.x), DIGITS.x)
    found = re.findall(r"transparent ([\d.]+)%", layers._repr_html_())
    assert found == [f"{100 * min(op.sqnr / 60, 1):.1f}" for op in layers]


def test_a_report_shows_its_verdict_and_its_tables():
    found = report.make_report(MODEL, DIGITS, calibration=DIGITS.x[:20])
    view = found._repr_html_()
    verdict = found.facts["verdict"]
    assert html.escape(verdict["summary"]) in view
    assert cells(view) == [
        [each["rule"], each["finding"], each["advice"]] for each in verdict["findings"]
    ]
    assert verdict["findings"][0]["rule"] == "calibration examples"
    for each in (found.measured, found.layers):
        assert each._repr_html_() in view
    both = report.compare_reports(found, found)
    assert cells(both._repr_html_())[1:] == [[*row.cells] for row in both.figures]


def test_an_engine_and_a_verification_are_tables():
    program = models.load_program("lenet-mnist")
    runner = engine.Engine(program, backend="scalar")
    view = runner._repr_html_()
    assert ["arena", f"{program.arena_size:,} bytes"] in cells(view)
    assert html.escape(str(program)) in view
    found = engine.verify(program, {"<engine>": runner}, DIGITS.x[:5])
    assert cells(found._repr_html_())[1:] == [["<engine>", "0", "equal"]]


def test_a_data_set_shows_its_classes_and_an_image_of_each():
    view = DIGITS._repr_html_()
    assert cells(view)[1:] == [[str(c), str(n)] for c, n in DIGITS.class_counts().items()]
    assert 'alt="an example each of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"' in view
    assert 'src="data:image/png;base64,' in view
    signals = data.Dataset(np.zeros((30, 4, 2), np.float32), np.arange(30))
    view = signals._repr_html_()
    assert "<img" not in view
    assert cells(view)[-1] == ["...", "10 more classes"]
    assert "<b>" not in data.Dataset(DIGITS.x[:1], ["<b>"])._repr_html_()


def test_the_search_of_baselines_is_a_table(toolbox):
    toolbox.need_package("sklearn")
    found = baselines.auto(DIGITS, time_limit=1)
    rows = cells(found._repr_html_())
    assert [row[0].strip("* ") for row in rows[1:]] == [
        candidate.method for candidate in found.tried
    ]
    assert [row[0] for row in rows if row[0].startswith("* ")] == [f"* {found.method}"]


def test_fit_shows_curves_in_a_notebook(monkeypatch, toolbox):
    """Oracle: what a kernel's `display` gets, and the updates of its one output."""
    toolbox.need_package("matplotlib")
    shown = []

    def display(bundle, *, raw, display_id):
        assert (raw, display_id) == (True, True)
        shown.append(bundle)
        return SimpleNamespace(update=lambda bundle, **_: shown.append(bundle))

    shell = SimpleNamespace(kernel=object())
    fake = SimpleNamespace(get_ipython=lambda: shell, version_info=(9, 0))  # matplotlib asks too
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    monkeypatch.setattr("drypoint.train._notebook._FIRST", 0.0)
    net = nn.Sequential([nn.Flatten(), nn.Linear(10), nn.Softmax()], (1, 28, 28))
    result = train.fit(net, DIGITS, epochs=2)
    first = next(i for i, output in enumerate(shown) if "epoch 1/2" in output["text/plain"])
    assert "<img" not in shown[first]["text/html"]
    assert "Titles: loss; accuracy." in shown[first + 1]["text/html"]
    assert "epoch 2/2" in shown[-1]["text/plain"]
    assert "<img" in shown[-1]["text/html"]
    quiet = train.fit(net, DIGITS, epochs=2, progress="none")
    assert quiet.history["loss"] == result.history["loss"]


@ONLY_CI
def test_a_real_kernel_shows_them(toolbox):
    for package in ("nbclient", "ipykernel", "matplotlib"):
        toolbox.need_package(package)
    import nbclient
    import nbformat

    code = (
        "from drypoint import data, nn, train",
        "digits = data.load('mnist', 'train')[:1000]\ndigits",
        "found = train.fit(nn.lenet5(), digits, epochs=2)",
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in code])
    nbclient.NotebookClient(book, timeout=300, kernel_name="python3").execute()
    (view,) = book.cells[1].outputs
    assert "1,000 images of 28 x 28" in view.data["text/html"]
    (curves,) = book.cells[2].outputs  # one output, which was updated in place
    assert "<img" in curves.data["text/html"]
    assert "epoch 2/2" in curves.data["text/plain"]


@pytest.mark.parametrize("shell", [None, SimpleNamespace()])
def test_ipython_in_a_terminal_is_no_notebook(shell, monkeypatch):
    fake = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", fake)
    assert not train._notebook.in_notebook()
