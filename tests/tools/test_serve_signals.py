"""The page of signals in a headless Chromium: rows of CSV files as windows, streams and errors of
an autoencoder, to the byte; and what it refuses. Oracles: `drypoint.data.read_samples`, the engine.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
from browser import chromium, look

from drypoint import data, nn, quant, serve
from drypoint.data import Dataset
from drypoint.engine import Engine
from drypoint.program import blob

STEPS, CHANNELS, NAMES = 12, 3, ("ax", "ay", "az")
PROBLEM = "document.getElementById('problem').textContent"


def signals(seed=0, n=40):
    return np.random.default_rng(seed).normal(0, 1.5, (n, STEPS, CHANNELS)).astype(np.float32)


def program_of(*layers, name, classes=(), **settings):
    """A program that no training made."""
    encoder = data.SignalEncoder(
        window=STEPS, channels=CHANNELS, mean=(0.5, -0.25, 0.125), std=(1.5, 2, 1),
        columns=NAMES, **settings,
    )  # fmt: skip
    decoder = data.ClassDecoder(classes) if classes else None
    net = nn.Sequential(*layers).bind(encoder.shape).initialize(seed=3)
    model = nn.Model(net, encoder=encoder, decoder=decoder)
    return quant.quantize(model, quant.calibrate(model, signals()), name=name)


CLASSES = program_of(
    nn.Conv1d(8, 3), nn.ReLU(), nn.Conv1d(4, 3), nn.GlobalAvgPool1d(), nn.Linear(3), nn.Softmax(),
    name="gestures", classes=("rest", "<b>", "turn"), clip=3, hop=5, sample_rate=50,
)  # fmt: skip
WATCH = program_of(
    nn.Flatten(), nn.Linear(9), nn.ReLU(), nn.Linear(STEPS * CHANNELS), name="watch", clip=8
)
ERRORS = Engine(WATCH).reconstruction_error(signals(1))
WATCH = WATCH.with_threshold(int(np.median(ERRORS)))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "index.html"
    examples = Dataset(signals(2, 6), np.array([1, 0, 1, 2, 2, 2]), CLASSES.labels)
    path.write_text(serve.make_page(CLASSES, examples=examples), "utf-8")
    return path


@pytest.fixture(scope="module")
def browser(toolbox):
    with chromium(toolbox.need("chromium")) as found:
        yield found


def write_csv(path, rows, *, header="time,ay,ax,az,label"):
    """A row for each time step, with a clock, labels, and the channels in another order."""
    lines = [
        f"{i / 50},{row[1]},{row[0]},{row[2]},rest"
        for i, row in enumerate(np.asarray(rows).tolist())
    ]
    path.write_text("\n".join([header, *lines]) + "\n", "utf-8")
    return path


def read(browser, path, n):
    """The frames of a file of n time steps."""
    browser.choose("#file", path)
    drawn = f"document.getElementById('time').value === '{n - 1}' && !waiting"
    browser.wait(f"drypoint.frames.length === {n} && {drawn}")
    return browser.run(
        """drypoint.frames.map(({ values, answer }) => ({ values,
        output: answer && [...answer.output], error: String(answer?.error) }))"""
    )


def text(browser, name):
    return browser.run(f"document.getElementById('{name}').textContent")


def test_windows_of_a_file_have_the_bytes_of_the_engine(opened, tmp_path):
    """The columns are found by name; a window begins every 5 time steps, as the encoder's hop
    says, or as often as the field says."""
    rows = signals(5, 10).reshape(-1, CHANNELS)
    path = write_csv(tmp_path / "walk.csv", rows)
    samples = data.read_samples(path, columns=NAMES)
    engine = Engine(CLASSES)
    for every in (5, 1):
        opened.run(f"document.getElementById('every').value = {every}")
        frames = read(opened, path, len(rows))
        np.testing.assert_array_equal(np.float32([f["values"] for f in frames]), samples)
        ends = [i for i, frame in enumerate(frames) if frame["output"] is not None]
        assert ends == [*range(STEPS - 1, len(rows), every)]
        windows = np.stack([samples[end - STEPS + 1 : end + 1] for end in ends])
        outputs = engine.run(CLASSES.encode(windows))
        np.testing.assert_array_equal([frames[end]["output"] for end in ends], outputs)
        decided = outputs.argmax(axis=1)
        assert text(opened, "decision") == CLASSES.labels[decided[-1]]
        changes = [k for k in range(len(ends)) if k == 0 or decided[k] != decided[k - 1]]
        lines = opened.run(
            "[...document.querySelectorAll('#log li')].map((one) => one.textContent)"
        )
        wanted = [
            f"{(ends[k] + 1) / 50:.2f} s {CLASSES.labels[decided[k]]}," for k in reversed(changes)
        ]
        assert [line[: len(start)] for line, start in zip(lines, wanted, strict=True)] == wanted
    opened.run("document.getElementById('time').value = 3")
    opened.run("document.getElementById('time').dispatchEvent(new Event('input'))")
    opened.wait("document.getElementById('moment').textContent.startsWith('0.08 s: no decision')")
    assert text(opened, "decision") == "\u2013"


def test_a_stream_has_the_bytes_of_the_engine(opened, tmp_path):
    stream = CLASSES.streaming()
    rows = signals(6, 6).reshape(-1, CHANNELS)
    dpt = tmp_path / "live.dpt"
    dpt.write_bytes(blob.dumps(stream))
    opened.choose("#file", dpt)
    opened.wait("drypoint.engine.program.isStream")
    path = write_csv(tmp_path / "walk.csv", rows)
    for _ in range(2):  # the second file begins another signal
        frames = read(opened, path, len(rows))
        outputs = Engine(stream).run(stream.integers(rows[:, None]))
        steps = stream.output_steps(len(rows))
        found = [i for i, frame in enumerate(frames) if frame["output"] is not None]
        assert found == [*steps]
        np.testing.assert_array_equal([frames[i]["output"] for i in found], outputs)


@pytest.mark.parametrize("flat", [True, False])
def test_errors_of_an_autoencoder_are_the_engines(browser, tmp_path, flat):
    """The integers that a threshold is compared with; of a program that writes the flattened planes
    of the float net, and of one that writes the plane that it reads."""
    program = WATCH
    if not flat:
        layers = nn.Conv1d(6, 3, padding="same"), nn.ReLU(), nn.Conv1d(3, 3, padding="same")
        program = program_of(*layers, name="plane", clip=8).with_threshold(10**5)
    page = tmp_path / "index.html"
    page.write_text(serve.make_page(program), "utf-8")
    browser.open(page.as_uri())
    windows = signals(7, 8)
    path = write_csv(tmp_path / "machine.csv", windows.reshape(-1, CHANNELS))
    frames = read(browser, path, windows.size // CHANNELS)
    errors = Engine(program).reconstruction_error(windows)
    found = [int(frame["error"]) for frame in frames if frame["output"] is not None]
    assert found == errors.tolist()
    anomalies = errors > program.threshold
    assert text(browser, "decision") == ("anomaly" if anomalies[-1] else "no anomaly")
    shown = browser.run("document.querySelectorAll('#classes tr')[0].lastChild.textContent")
    assert float(shown) == pytest.approx(program.mean_squared_error(errors[-1]), rel=1e-3)
    lines = browser.run("[...document.querySelectorAll('#log li')].map((one) => one.textContent)")
    changes = 1 + int((anomalies[1:] != anomalies[:-1]).sum())
    assert len(lines) == changes
    assert flat is False or changes > 1
    assert browser.errors() == []


def test_a_threshold_of_64_bits_keeps_its_digits(browser, tmp_path):
    program = replace(WATCH).with_threshold(2**63 + 1)
    page = tmp_path / "index.html"
    page.write_text(serve.make_page(program), "utf-8")
    browser.open(page.as_uri())
    assert browser.run("String(drypoint.engine.program.part.threshold)") == str(2**63 + 1)


def test_integers_of_the_border_are_those_of_the_program(opened):
    """Ties, values beyond the clip, and numbers of every size."""
    rng = np.random.default_rng(8)
    rows = np.concatenate([
        rng.normal(0, 10.0 ** rng.integers(-6, 39, (300, 1)), (300, CHANNELS)),
        np.arange(-300, 300)[:, None] * CLASSES.input_scale / 2 + np.zeros(CHANNELS),
    ]).astype(np.float32)  # fmt: skip
    found = opened.run(
        f"{json.dumps(rows.tolist())}.map("
        "(row) => [...rowBytes(drypoint.engine.program.border, row)])"
    )
    wanted = CLASSES.border.quantize(rows).view(np.uint8)
    np.testing.assert_array_equal(found, wanted)


def test_examples_of_each_class_are_replayed(opened):
    buttons = "document.querySelectorAll('#examples button')"
    assert opened.run(f"[...{buttons}].map((one) => one.textContent)") == [*CLASSES.labels]
    opened.run(f"{buttons}[2].click()")
    opened.wait(f"drypoint.frames.length === {3 * STEPS}")
    values = opened.run("drypoint.frames.map(({ values }) => values)")
    np.testing.assert_array_equal(np.float32(values), signals(2, 6)[3:].reshape(-1, CHANNELS))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ax,ay\n1,2\n", "it has the columns ax, ay; the net reads 3: ax, ay, az"),
        ("1,2,3\n1,x,3\n", 'line 2, column 2: "x" is no number'),
        ("ax,ay,az\n" + "1,2,3\n" * 4, "it has 4 time steps, and a window has 12"),
        ("", "it has no rows"),
    ],
)
def test_files_that_do_not_fit_are_refused(opened, tmp_path, content, words):
    path = tmp_path / "bad.csv"
    path.write_text(content, "utf-8")
    opened.choose("#file", path)
    opened.wait(PROBLEM)
    assert opened.run(PROBLEM) == f"bad.csv: {words}"


@pytest.mark.parametrize(
    "change", [{"window": 13}, {"std": 0}, {"clip": -1}, {"mean": [1, 2]}, {"mean": "x"}]
)
def test_programs_whose_encoder_does_not_fit_are_refused(opened, tmp_path, change):
    path = tmp_path / "bad.dpt"
    path.write_bytes(blob.dumps(replace(CLASSES, encoder={**CLASSES.encoder, **change})))
    opened.choose("#file", path)
    opened.wait(PROBLEM)
    wanted = "bad.dpt is refused: the encoder of signals in the meta does not fit the input"
    assert opened.run(PROBLEM) == wanted


def test_the_page_fits_a_phone(page, toolbox, tmp_path):
    """Oracle: the browser's own widths."""
    path = write_csv(tmp_path / "walk.csv", signals(5, 10).reshape(-1, CHANNELS))
    with chromium(toolbox.need("chromium")) as tab:
        for width in (400, 1280):
            look(tab, width)
            tab.open(page.as_uri())
            read(tab, path, 120)
            assert tab.run("document.documentElement.scrollWidth") <= width


def test_a_net_of_one_number_says_the_number(browser, tmp_path):
    """Oracle: the engine."""
    program = program_of(nn.Flatten(), nn.Linear(1), name="price")
    page = tmp_path / "index.html"
    page.write_text(serve.make_page(program), "utf-8")
    browser.open(page.as_uri())
    rows = signals(7, 1).reshape(-1, CHANNELS)
    path = write_csv(tmp_path / "one.csv", rows)
    read(browser, path, len(rows))
    windows = data.read_samples(path, columns=NAMES)[None]
    (number,) = Engine(program).predict_proba(windows).ravel()
    assert float(text(browser, "decision")) == pytest.approx(number, rel=5e-4)  # four digits
    assert text(browser, "certainty") == "the number that the net gives"
