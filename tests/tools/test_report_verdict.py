"""The verdict of a report: faults that are planted in small nets, each named, and not named any
more when it is repaired; healthy nets raise no alarm; rules that could not look say why.

Oracle: the fault itself, which `report_faults` plants. The rules stand in docs/report.md.
"""

import re

import numpy as np
import pytest
from healthy_nets import HEALTHY, PACKAGES, SLOW
from html_page import Page
from report_faults import FAULTS, FOUND, bars, change, found_verdict, spoil_labels, verdict
from report_nets import TEST, TRAIN, pictures, train_net

from drypoint import devices, report
from drypoint.report import _variants
from drypoint.report._rule import paired_interval
from drypoint.report._verdict import RULES
from tools import ROOT


def names(found):
    return [each["rule"] for each in found["findings"]]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_named_and_a_repaired_one_is_not(fault):
    rule, plant = FAULTS[fault]
    planted, repaired = map(names, plant())
    assert planted[:1] == [rule]
    assert repaired == []


def test_every_rule_has_a_planted_fault():
    """Flash is planted below, since it is measured in an emulator."""
    assert {rule for rule, _ in FAULTS.values()} | {"flash"} == {rule.name for rule in RULES}
    assert len(FAULTS) >= 30 <= len(HEALTHY)


@pytest.mark.parametrize(
    "net", [pytest.param(net, marks=[pytest.mark.only_ci] * (net in SLOW)) for net in HEALTHY]
)
def test_a_healthy_net_raises_no_alarm(net, toolbox):
    """Oracle: the nets learned what their data are made of, and nothing is broken."""
    if net in PACKAGES:
        toolbox.need_package(PACKAGES[net])
    assert HEALTHY[net]()["findings"] == []


def test_no_two_rules_hide_each_other():
    explains = {rule.name: rule.explains for rule in RULES}
    assert {name for names in explains.values() for name in names} <= {*explains}
    assert not [(a, b) for a in explains for b in explains[a] if a in explains[b]]


def test_a_net_that_learned_little_is_not_taken_for_wrong_labels():
    """Oracle: the labels, which are right."""
    for part in (TRAIN, pictures(400, seed=3, spread=150)):
        for epochs in (1, 3, 6):
            assert "label noise" not in names(verdict(train_net(part, epochs=epochs), TEST, part))


@pytest.mark.parametrize("larger", [[], [(0, 0, 0, 16, 16)]])
def test_objects_that_are_all_small_are_named(larger):
    """Where nothing is found of the few larger objects either, or there are none."""
    rows = [[(0, 14, 14, 18, 18)] for _ in FOUND.x]
    rows[0] = rows[0] + larger
    named = {each["rule"]: each["finding"] for each in found_verdict(rows)["findings"]}
    assert named["small objects"].startswith(f"{len(FOUND)} of {len(FOUND) + len(larger)} objects")


def test_classes_that_are_mixed_up_are_no_swapped_names():
    """Oracle: the labels. Half of each two classes are named as the other, but others are too."""
    rng = np.random.default_rng(0)
    mixed = np.where(rng.random(len(TEST)) < 0.6, np.array([1, 0, 0, 1])[TEST.y], TEST.y)
    found = verdict(bars(), change(TEST, y=mixed), None, calibration=TRAIN.x[:100])
    assert "swapped classes" not in names(found)


def test_rules_that_could_not_look_say_why():
    """Oracle: what the report was not given."""
    budget = "no budget: --chip or --budget"
    whole = verdict(bars())
    assert whole["not_looked"] == {budget: ["RAM", "flash"]}
    assert whole["summary"].endswith(
        f"no rule finds a fault; could not look: RAM, flash ({budget})"
    )
    alone = verdict(bars(), train=None, calibration=TRAIN.x[:100])
    assert alone["not_looked"]["no training examples"] == [
        *("leak", "label noise", "test labels", "class imbalance", "overfit")
    ]
    program = report.make_report(bars(), TEST, train=TRAIN).program
    assert verdict(program, train=None)["not_looked"]["no float net beside the integers"] == [
        *("saturation", "outliers", "lossy layer", "loss")
    ]
    few = verdict(bars(), TEST[:12])
    assert few["not_looked"]["fewer than 5 test examples a class"] == ["swapped classes"]
    nothing = report.make_report(bars()).facts["verdict"]
    assert "test examples" in nothing["not_looked"]["no test examples: --data"]
    measured = verdict(bars(), budget={"flash": 65536})
    assert measured["not_looked"]["flash is measured on a device: --target or --chip"] == ["flash"]


def test_text_and_pages_name_the_rules_that_could_not_look():
    blind = "could not look: RAM, flash (no budget: --chip or --budget)"
    fine = report.make_report(bars(), TEST, train=TRAIN)
    noisy = report.make_report(bars(), spoil_labels(TEST, 0.3), train=TRAIN)
    for each in (fine, noisy, report.compare_reports(fine, noisy)):
        assert blind in str(each).replace("\n", " ")
        assert blind[1:] in Page(each.html()).words


def test_flash_beyond_the_budget_is_named(toolbox):
    for tool in devices.needed_tools(devices.target("cortex-m4")):
        toolbox.need(tool)
    found = [
        names(verdict(bars(), targets=["cortex-m4"], budget={"flash": n})) for n in (4096, 65536)
    ]
    assert found == [["flash"], []]


def test_an_interval_of_pairs_holds_its_share():
    """Oracle: binomial draws; of 4,000 intervals at 95 %, 94 to 98 % hold the true difference."""
    rng = np.random.default_rng(0)
    for differ, share in ((40, 0.5), (60, 0.8), (200, 0.65)):
        gained = rng.binomial(differ, share, 4000)
        ends = [paired_interval(int(g), differ - int(g), 1000, 0.95) for g in gained]
        held = np.mean([low <= (2 * share - 1) * differ / 1000 <= high for low, high in ends])
        assert 0.93 < held < 0.98
    assert paired_interval(0, 0, 10, 0.95)[0] < 0


def test_variants_cost_little(monkeypatch):
    """Oracle: counted examples. Each variant reads 100, and the best another 1,000 at most."""
    counts, plain = [], _variants.measure
    monkeypatch.setattr(
        _variants, "measure", lambda *args, **kw: counts.append(len(args[1])) or plain(*args, **kw)
    )
    test = pictures(3000, seed=7)
    found = report.make_report(bars(), change(test, test.x[:, ::-1]), train=TRAIN)
    tried = found.facts["data"]["variants"]["tried"]
    assert counts == [100] * len(tried) + [1000]
    assert len(tried) == 14


def test_the_page_of_the_documentation_has_every_rule_with_its_limit():
    text = (ROOT / "docs/report.md").read_text("utf-8")
    rows = re.findall(r"^\| ([A-Za-z ]+) \| (.*?) \| .* \| .* \|$", text, re.MULTILINE)
    limits = {rule.name: rule.limit for rule in RULES}
    documented = {name: limit for name, limit in rows if name in limits}
    assert [*documented] == [*limits]
    for name, limit in limits.items():
        assert f"{limit:g}" in re.findall(r"[\d.]*\d", documented[name]), name
