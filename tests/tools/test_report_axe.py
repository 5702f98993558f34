"""The pages of all kinds of reports, as axe-core sees them in one browser."""

from dataclasses import replace

from browser import axe_source, chromium, look, violations
from report_nets import CLASSES, pictures, signals, train_net
from sound_nets import window_program

from drypoint import nn, report
from drypoint.data import ClassDecoder, SignalEncoder
from drypoint.nn import Model

OP = {"op": "fc", "table_bytes": 1, "stack_bytes": 1, "instructions": 9}
COST = {"kernels": "dsp", "built_with": "gcc", "code_bytes": 1, "table_bytes": 1, "ram_bytes": 1}
COST |= {"flash_bytes": 2, "helper_bytes": 0, "account_text": "1 bytes: arena 1"}
COST |= {
    "cycles": {"ibex": 9},
    "arena_bytes": 1,
    "stack_bytes": 1,
    "instructions": 9,
    "estimated_milliseconds": None,
}
COST["ops"] = [OP]


def report_of_signals(kind):
    """The report of an untrained net that reads signals: "classes", "anomalies" or "numbers"."""
    waves = signals(40, seed=1)
    outputs = {"classes": 4, "anomalies": 48, "numbers": 2}[kind]
    layers = {"flatten": nn.Flatten(), "fc": nn.Linear(outputs)}
    layers |= {"softmax": nn.Softmax()} if kind == "classes" else {}
    net = nn.Sequential(layers, (2, 24)).initialize(0)
    decoder = ClassDecoder(CLASSES) if kind == "classes" else None
    model = Model(net, encoder=SignalEncoder(window=24, channels=2), decoder=decoder)
    test = (waves.x, waves.x.mean(axis=1)) if kind == "numbers" else waves
    normal = CLASSES[:2] if kind == "anomalies" else None
    return report.make_report(model, test, calibration=waves.x, normal=normal)


def pages():
    """The page of each kind of report by its name: between them they have all parts of a page."""
    train = pictures(60, seed=1)
    layers = {"flatten": nn.Flatten(), "fc": nn.Linear(4), "softmax": nn.Softmax()}
    model = train_net(train, net=nn.Sequential(layers, (3, 12, 12)), epochs=1)
    budget = {"ram": 1, "flash": 1}  # less than the program takes: the verdict has findings
    whole = report.make_report(model, train, train=train, sensitivity=True, budget=budget)
    whole = replace(whole, facts={**whole.facts, "costs": {"cortex-m4": COST}})
    found = {"pictures": whole, "two": report.compare_reports(whole, whole)}
    found["program"] = report.make_report(whole.program, train)
    found["random inputs"] = report.make_report(model)
    found["sound"] = report.make_report(window_program())
    found |= {kind: report_of_signals(kind) for kind in ("classes", "anomalies", "numbers")}
    return {name: each.html() for name, each in found.items()}


def test_axe_finds_nothing(toolbox, tmp_path):
    """Oracle: axe-core, which finds the error that is planted in a page."""
    axe, texts = axe_source(toolbox), pages()
    texts["planted"] = texts["numbers"].replace("<main>", "<main><img src='data:,'>")
    with chromium(toolbox.need("chromium")) as tab:
        for name, text in texts.items():
            path = tmp_path / f"{name}.html"
            path.write_text(text, "utf-8")
            for width, scheme in ((400, "dark"), (1280, "light")):
                look(tab, width, scheme)
                tab.open(path.as_uri(), ready="document.readyState=='complete'")
                expected = {"image-alt"} if name == "planted" else set()
                assert {rule for rule, _ in violations(tab, axe)} == expected, (name, width, scheme)
                assert tab.run("document.documentElement.scrollWidth") <= width, (name, width)
