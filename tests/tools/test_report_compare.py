"""Two reports side by side: the figures against the facts of both, and the page."""

import json

import numpy as np
import pytest
from html_page import Page
from report_nets import TEST, TRAIN, image_net, train_net

from drypoint import nn, report
from drypoint.measure import mcnemar_p


@pytest.fixture(scope="module")
def pair():
    """The reports of a small net and of one with half the channels and another name."""
    layers = {"conv1": nn.Conv2d(4, 3), "relu1": nn.ReLU(), "pool": nn.MaxPool2d(2)}
    layers |= {"flatten": nn.Flatten(), "fc": nn.Linear(4), "softmax": nn.Softmax()}
    small = nn.Sequential(layers, (3, 12, 12))
    return [
        report.make_report(train_net(TRAIN, net=net, epochs=2), TEST, train=TRAIN, name=name)
        for net, name in ((image_net(), "large"), (small, "<small>"))
    ]


def test_figures_and_changes_are_those_of_the_facts(pair):
    a, b = (each.facts for each in pair)
    found = report.compare_reports(*pair)
    figures = {row.figure: (row.first, row.second) for row in found.figures}
    assert figures["accuracy, integers"] == tuple(
        f["quality"]["integers"]["accuracy"] for f in (a, b)
    )
    assert figures["multiply-accumulates"] == (a["program"]["macs"], b["program"]["macs"])
    ram = tuple(f["memory"]["ram_bytes_without_stack"] for f in (a, b))
    assert figures["RAM without the stack"] == ram
    (row,) = (row for row in found.figures if row.figure == "RAM without the stack")
    assert row.cells[3] == f"{ram[1] - ram[0]:+,} ({100 * (ram[1] - ram[0]) / ram[0]:+.1f} %)"
    ops = {op["op"]: op for op in a["program"]["ops"]}
    assert ("conv2", f"conv -> {ops['conv2']['writes']}, 576 weights", "-") in found.changes
    right, other = (each.measured.predicted == TEST.y for each in pair)
    only = int(np.sum(right & ~other)), int(np.sum(~right & other))
    assert found.accuracy_p == mcnemar_p(*only)
    assert found.to_json() == json.loads(json.dumps(found.to_json()))


def test_a_report_compared_with_itself_has_no_change(pair):
    found = report.compare_reports(pair[0], pair[0])
    assert found.changes == []
    assert {row.cells[3] for row in found.figures} == {"equal"}
    assert found.accuracy_p == 1


def test_text_and_page_say_both_verdicts(pair):
    found = report.compare_reports(*pair)
    assert max(map(len, str(found).splitlines())) <= 80
    text = found.html()
    page = Page(text)
    assert page.count["script"] == 0
    assert page.loaded == []
    for each in pair:
        assert each.facts["verdict"]["summary"] in page.words
    assert "<small>" in page.words
    assert found.html() == text


def test_what_is_no_report_is_refused(pair):
    with pytest.raises(report.ReportError, match="second is"):
        report.compare_reports(pair[0], pair[1].facts)


def test_the_command_compares_two_files_and_refuses_three(lenet, cli, refused, tmp_path, toolbox):
    toolbox.need_package("jinja2")
    out = tmp_path / "page.html"
    names = [lenet / "lenet.npz", lenet / "lenet.dpt"]
    options = ["--limit", 60, "--examples", 50, "--out", out]
    code, printed, _ = cli("report", *names, *options, "--json")
    facts = json.loads(printed)
    assert code == 0
    assert facts["first"]["quality"]["examples"] == facts["second"]["quality"]["examples"] == 60
    assert facts["changes"] == []
    assert Page(out.read_text("utf-8")).count["h1"] == 1
    assert "two are compared" in refused("report", *names, names[0])
    training = ["--training", lenet / "report.json"]
    assert "--training is of one file" in refused("report", *names, *training)
