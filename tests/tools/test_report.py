"""`drypoint report`: its facts against their sources, and the page as a browser reads it."""

import json
import re
import sys
from collections import Counter

import numpy as np
import pytest
from html_page import Page

from drypoint import nn, quant, report
from drypoint.common import DrypointError
from drypoint.data import ClassDecoder, Dataset, ImageEncoder, SignalEncoder
from drypoint.engine import Engine
from drypoint.measure import measure
from drypoint.program import bytes_in_use, fuse_rows, reference, simplify
from drypoint.report._cells import Cell
from drypoint.train import fit
from tools import ROOT

CLASSES = ("<b>up</b>", 'down "quoted"', "left & right")


@pytest.fixture(scope="module")
def made():
    """A residual net of three classes, trained for a moment, its test images and its report."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (240, 8, 6)).astype(np.uint8)
    dataset = Dataset(images, rng.integers(0, 3, 240), CLASSES)
    residual = nn.Graph(
        {"conv": nn.Conv2d(3, 3, padding=1), "relu": nn.ReLU(), "add": nn.Add()},
        [("input", "conv", "relu", "add.a"), ("input", "add.b")],
    )
    layers = {"stem": nn.Conv2d(3, 3), "block": residual, "mean": nn.GlobalAvgPool2d()}
    net = nn.Sequential({**layers, "fc": nn.Linear(3), "softmax": nn.Softmax()}, (1, 8, 6))
    model = nn.Model(
        net.initialize(0),
        encoder=ImageEncoder(width=6, height=8),
        decoder=ClassDecoder(CLASSES),
        provenance={"recipe": {"seed": 0, "note": "<script>alert(1)</script>"}},
    )
    trained = fit(model, dataset[:160], epochs=2, progress="none", validation_split=20)
    test = dataset[160:]
    found = report.make_report(
        trained.model,
        test,
        calibration=dataset.x[:100],
        name="three <classes>",
        sensitivity=True,
        training=json.loads(json.dumps(trained.to_json())),
    )
    return found, test, dataset.x[:100]


def test_numbers_of_the_confusion_matrix_can_be_read():
    """Oracle: WCAG 2.2 wants a contrast of 4.5 of text of this size, in light and dark mode."""
    css = (ROOT / "tools/drypoint/report/templates/report.css").read_text("utf-8")
    for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]:  # light, dark
        named = dict(re.findall(r"--([\w-]+): #(\w{6})", block))
        colors = {name: np.array([*bytes.fromhex(code)]) for name, code in named.items()}
        for share in np.linspace(0, 1, 101):
            cell = Cell(name="", true="", predicted="", count=1, share=float(share), examples=[])
            ground = cell.shade * colors["accent"] + (1 - cell.shade) * colors["paper"]
            text = colors["on-accent" if cell.deep else "ink"]
            dark, light = sorted((luminance(ground), luminance(text)))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, share


def luminance(color):
    """The relative luminance of WCAG 2.2, of an sRGB color from 0 to 255."""
    c = color / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_the_facts_equal_their_sources(made):
    """Oracle: the reference's decisions, `measure`, `quant.report` and NumPy on the same images."""
    found, test, images = made
    facts = found.to_json()
    assert facts == json.loads(json.dumps(facts))
    program, model = found.program, found.model
    decided = reference.run(program, test.x).argmax(axis=1)
    quality = facts["quality"]
    assert quality["examples"] == 80
    assert quality["integers"]["accuracy"] == (decided == test.y).mean()
    floats = model.predict_proba(test.x).argmax(axis=1)
    assert quality["float"] == measure(model, test).to_json()
    assert quality["differing_decisions"] == np.flatnonzero(decided != floats).tolist()
    p_true = Engine(program).predict_proba(test.x)[np.arange(80), test.y]
    assert [image["example"] for image in quality["worst"]] == np.argsort(p_true, kind="stable")[
        :10
    ].tolist()
    calibration = quant.calibrate(model, images)
    layers = quant.report(model, calibration, test.x)
    assert facts["layers"]["ops"] == layers.to_json()["ops"]
    below = [op.op for op in layers if op.sqnr < quant.VISIBLE_DB]
    assert facts["layers"]["first_visible"] == (below[0] if below else None)
    assert facts["proof"]["error_bounds"] == quant.error_bound(model, calibration)
    verification = facts["proof"]["verification"]
    assert verification["differing_bytes"] == 0
    assert verification["runners"] == [f"engine ({name})" for name in Engine.backends()]
    traced = sum(plane.nbytes for plane in reference.trace(program, test.x))
    assert facts["proof"]["verified_bytes"] == traced * len(Engine.backends())
    assert facts["program"]["arena_bytes"] == program.arena_size
    assert facts["training"]["result"]["n_epochs"] == 2
    exported = fuse_rows(simplify(program).program)
    assert [op["bytes_in_use"] for op in facts["memory"]["ops"]] == bytes_in_use(exported)
    assert facts["memory"]["arena_bytes"] == exported.arena_size


def test_the_page_loads_nothing_runs_nothing_and_every_link_has_its_end(made):
    found, _, _ = made
    text = found.html()
    page = Page(text)
    assert len(text) < 2_000_000
    assert page.count["script"] == page.count["link"] == page.count["iframe"] == 0
    assert [
        address
        for address in page.loaded
        if not address.startswith(("data:image/png;base64,", "#"))
    ] == []
    assert re.findall(r"url\((?!#)", text) == []
    assert [name for name, n in Counter(page.ids).items() if n > 1] == []
    assert page.links
    assert [link for link in page.links if link[0] != "#" or link[1:] not in page.ids] == []
    assert page.count["h1"] == 1
    assert page.count["h2"] == 7
    assert page.count["svg"] == 1 + 3 + 1 + 1 + len(found.layers)  # net, curves, calibration, arena
    assert "alert(1)" in page.words  # as text
    assert "recipe: note" in page.words  # whose note
    assert "three <classes>" in page.words
    assert all(name in page.words for name in CLASSES)
    assert found.html() == text


def test_a_number_of_the_confusion_matrix_leads_to_its_pictures(made):
    """Oracle: the confusion matrix, counted here."""
    found, test, _ = made
    page = Page(found.html())
    decided = reference.run(found.program, test.x).argmax(axis=1)
    for i in range(3):
        for j in range(3):
            count = int(((test.y == i) & (decided == j)).sum())
            name = f"cell-{i}-{j}"
            assert page.links.count(f"#{name}") == page.ids.count(name) == (count > 0)
            assert page.pictures[name] == min(count, 12)


def fact_paths(value, path=""):
    """The paths of all facts; lists have the paths of their elements."""
    if isinstance(value, dict) and value:
        return {p for k, v in value.items() for p in fact_paths(v, f"{path}.{k}".lstrip("."))}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {p for element in value for p in fact_paths(element, path)}
    return {path}


def test_the_page_of_the_documentation_names_every_fact(made):
    found, _, _ = made
    text = (ROOT / "docs/report.md").read_text("utf-8")
    rows = re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    facts = found.to_json()
    paths = fact_paths(facts | {"training": {**facts["training"], "result": None}})

    def covers(name, path):
        return path == name or (name.endswith("*") and path.startswith(name.rstrip(".*")))

    assert [path for path in paths if not any(covers(name, path) for name in named)] == []
    assert [name for name in named if not any(covers(name, path) for path in paths)] == []
    assert facts["schema"] == report.SCHEMA == 1


def test_few_bits_are_those_of_quant_sensitivity(made):
    found, test, images = made
    calibration = quant.calibrate(found.model, images)
    expected = quant.sensitivity(found.model, test, calibration=calibration)
    assert found.facts["bits"] == expected.to_json()
    conv = expected.ops[0]
    row = [conv.op, f"{conv.n_weights:,}", *(f"{100 * x:.2f} %" for x in conv.accuracy.values())]
    assert " ".join(row) in " ".join(str(found).split())
    assert "".join(row) in Page(found.html()).words
    for reported, examples in ((found.program, test), (found.model, None)):
        with pytest.raises(report.ReportError, match="sensitivity needs a float model"):
            report.make_report(reported, examples, sensitivity=True)


def test_a_program_has_a_report_without_floats(made):
    found, test, _ = made
    alone = report.make_report(found.program, test)
    assert alone.facts["layers"] is alone.facts["net"] is alone.facts["quality"]["float"] is None
    assert alone.facts["quality"]["integers"] == found.facts["quality"]["integers"]
    page = Page(alone.html())
    assert "#layers" not in page.links
    assert page.count["svg"] == 3  # ops, calibration and arena
    assert "\nfloat net" not in str(alone)


def test_a_net_of_signals_has_a_report():
    """Oracle: the reference's decisions."""
    rng = np.random.default_rng(0)
    signals = rng.normal(0, 1, (60, 16, 3)).astype(np.float32)
    test = Dataset(signals, rng.integers(0, 3, 60), CLASSES)
    layers = {"conv": nn.Conv1d(4, 3), "flatten": nn.Flatten(), "fc": nn.Linear(3)}
    net = nn.Sequential({**layers, "softmax": nn.Softmax()}, (3, 16)).initialize(0)
    encoder = SignalEncoder(window=16, channels=3)
    model = nn.Model(net, encoder=encoder, decoder=ClassDecoder(CLASSES))
    found = report.make_report(model, test, calibration=signals)
    decided = reference.run(found.program, found.program.encode(signals)).argmax(axis=1)
    assert found.facts["quality"]["integers"]["accuracy"] == (decided == test.y).mean()
    text = found.html()
    page = Page(text)
    assert page.count["img"] == 0
    drawn = text.count('<svg class="signal"')
    assert page.count["svg"] == drawn + 3 + len(found.layers)  # net, calibration, arena


def test_bad_arguments_are_refused(made):
    found, test, images = made
    for wrong, words in {
        (found.model, test, None): "calibration is missing",
        (found.program, test, "images"): "quantized already",
        ("lenet", test, None): "reported is",
    }.items():
        reported, given, calibration = wrong
        with pytest.raises(report.ReportError, match=words):
            report.make_report(reported, given, calibration=images if calibration else None)


def test_without_jinja_the_error_names_the_extra(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(DrypointError, match=r"drypoint\[report\]"):
        made[0].html()


@pytest.mark.parametrize("module", ["jinja2", "matplotlib"])
def test_the_command_asks_for_its_packages_before_it_reads_data(module, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr("drypoint.cli._report.examples", None)
    assert "pip install 'drypoint[report]'" in refused("report", "lenet-mnist")


def test_the_command_writes_the_page_and_prints_the_facts(lenet, cli, tmp_path, toolbox):
    toolbox.need_package("jinja2")
    out = tmp_path / "page.html"
    options = ["--training", lenet / "report.json", "--examples", 50, "--limit", 60, "--out", out]
    code, printed, _ = cli("report", lenet / "lenet.npz", *options, "--json")
    facts = json.loads(printed)
    assert code == 0
    assert facts["quality"]["examples"] == 60
    assert facts["training"]["result"]["n_epochs"] == 1
    assert Page(out.read_text("utf-8")).count["h1"] == 1
    code, printed, _ = cli("report", lenet / "lenet.dpt", "--limit", 60, "--out", out)
    assert code == 0
    assert f"{out}: " in printed
    assert "0 of " in printed


def test_curves_in_the_file_of_a_model_are_drawn_and_bad_ones_are_not(lenet, cli, made, tmp_path):
    """Oracle: the figures that the main job wrote beside the model."""
    out = ["--limit", 20, "--examples", 20, "--out", tmp_path / "page.html", "--json"]
    facts = json.loads(cli("report", lenet / "lenet.npz", *out)[1])
    wanted = json.loads((lenet / "report.json").read_text("utf-8"))["training"]["history"]
    history = facts["training"]["result"]["history"]
    assert history == {name: [float(f"{v:.6g}") for v in wanted[name]] for name in history}
    assert {"loss", "accuracy", "lr"} <= {*history}
    assert "Training: loss by epoch" in (tmp_path / "page.html").read_text("utf-8")
    model = made[0].model
    for bad in ("text", {"history": {"loss": ["<b>"]}}, {"history": {}, "n_epochs": 1}):
        hostile = model.with_provenance({"training": bad})
        found = report.make_report(hostile, calibration=made[2])
        assert found.facts["training"] == {"provenance": {}, "result": None}
