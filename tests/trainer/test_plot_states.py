"""The states of recurrent nets that pictures show and that reports look back on."""

import re

import numpy as np
import pytest

from drypoint import data, nn, plot, quant
from drypoint.engine import Engine
from drypoint.report import make_report

STEPS = 20
SIGNALS = np.random.default_rng(0).normal(0, 1, (40, 2, STEPS)).astype(np.float32)


def program(cell: nn.Layer):
    net = nn.Sequential([cell, nn.Linear(2)]).initialize(seed=0, input_shape=(2, STEPS))
    return quant.quantize(net, SIGNALS)


@pytest.mark.parametrize("cell", [nn.GRU(3, num_layers=2), nn.LSTM(20)], ids=["gru", "lstm"])
def test_states_are_what_the_engine_carries(cell):
    """Oracle: the trace of the C engine, by the names of the ops that write the states."""
    found = program(cell)
    shown = plot.states(found, SIGNALS[0])
    names = [op.name for op in found.ops]
    planes = Engine(found).trace(found.encode_recording(SIGNALS[0]))
    written = {nn.GRU: "next", nn.LSTM: "cell"}[type(cell)]
    assert len(shown.cells) == cell.num_layers
    for name, values in zip(shown.cells, shown.values, strict=True):
        plane = planes[names.index(f"{name}.{written}")].reshape(STEPS, -1)
        assert np.array_equal(values * 32768, plane.T)


def test_the_text_has_a_curve_for_each_unit_or_for_those_that_move_most():
    """Oracle: the values of the picture."""
    shown = plot.states(program(nn.LSTM(20)), SIGNALS[0])
    lines = shown.render(60, plain=True).splitlines()
    assert lines[2].startswith("lstm.l0: 20 units (16 that move most), 20 steps, ")
    spread = np.ptp(shown.values[0], axis=1)
    units = [int(re.match(r" *(\d+)  ", line)[1]) for line in lines[3:]]
    assert units == sorted(np.argsort(-spread)[:16].tolist())
    assert max(map(len, lines[3:])) <= 60
    image = shown.ax.images[0]
    assert np.array_equal(image.get_array(), shown.values[0])
    assert shown.ax.get_title(loc="left") == "state by step: lstm.l0"


def test_a_program_without_state_and_a_recording_without_steps_are_refused():
    plain = nn.Sequential([nn.Flatten(), nn.Linear(2)]).initialize(seed=0, input_shape=(2, STEPS))
    with pytest.raises(plot.PlotError, match=r"carries no state; states are drawn of nets with"):
        plot.states(quant.quantize(plain, SIGNALS), SIGNALS[0])
    with pytest.raises(plot.PlotError, match="no steps"):
        plot.states(program(nn.GRU(3)), SIGNALS[0][:, :0])


@pytest.mark.parametrize("update", [-20.0, 1.0, 4.0])
def test_a_report_says_how_far_back_the_answers_look(update):
    """Oracles: a state whose update gate is closed is what the last step says; and each recording's
    last steps, run one by one."""
    net = nn.Sequential([nn.GRU(2), nn.Linear(2), nn.Softmax()], (2, STEPS)).initialize(seed=0)
    values = {name: np.zeros_like(value) for name, value in net[0].params.items()}
    values["weight_ih_l0"][4:] = np.eye(2)
    values["bias_ih_l0"][2:4] = update
    encoder = data.SignalEncoder(window=STEPS, channels=2)
    net = net.with_layer("gru", net[0].with_params(values))
    model = nn.Model(net, encoder=encoder, decoder=data.ClassDecoder(("a", "b")))
    x = SIGNALS.transpose(0, 2, 1)
    test = data.Dataset(x=x, y=np.arange(len(x)) % 2, classes=("a", "b"))
    report = make_report(model, test, calibration=x)
    facts, engine = report.facts["remembers"], Engine(report.program)

    def answers(back: int):
        steps = [report.program.encode_recording(one)[-back:] for one in x]
        return np.array([engine.run(each)[-1].argmax() for each in steps])

    same = {row["steps"]: row["same"] for row in facts["back"]}
    assert same == {n: (answers(n) == answers(STEPS)).mean() for n in (1, 2, 4, 8, 16)}
    assert (same[1] == 1) == (update < 0)
    assert (facts["recordings"], facts["steps"]) == (40, 20)
    low = report.states.values[0].min()
    assert facts["cells"] == [
        {"cell": "gru.l0", "units": 2, "low": low, "high": report.states.values[0].max()}
    ]
    words = " ".join(str(report).split())
    shown = re.search(r"from the last (\d+) of 20 steps alone", words)
    enough = [n for n, share in same.items() if share >= 0.99]
    assert (shown and int(shown[1])) == (enough[0] if enough else None)
    assert ("answers need more than the last 16 of 20 steps" in words) == (not enough)
    page = report.html()
    assert "What it remembers" in page
    assert "state by step: gru.l0" in page
