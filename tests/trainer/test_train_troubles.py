"""fit's errors: bad data and settings, divergence, Ctrl-C; and its progress output."""

import io
import re
import signal
import threading

import numpy as np
import pytest
from answers import check_answers

from drypoint import nn, train
from drypoint.data import Dataset
from drypoint.nn import Linear, Model, Sequential, Softmax
from drypoint.train import _epoch, _loop
from drypoint.train._reports import make_progress

X = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
Y = np.arange(20) % 3


def model(*, softmax=True):
    layers = {"fc": Linear(3), **({"softmax": Softmax()} if softmax else {})}
    return Model(Sequential(layers, (2,)))


def quiet(data=(X, Y), given=None, **options):
    return train.fit(model() if given is None else given, data, **{"progress": "none", **options})


def with_value(array, value):
    copy = np.array(array, dtype=np.float32)
    copy.flat[3] = value
    return copy


def test_what_cannot_be_trained_with_is_refused_in_one_line():
    check_answers("training", globals(), train.TrainError)


def test_a_share_of_a_data_set_that_leaves_nothing_is_refused():
    data = Dataset(np.zeros((4, 1, 2), np.uint8), np.zeros(4, int), ("a", "b", "c"))
    with pytest.raises(train.TrainError, match=r"validation_split: 0\.1 of 4 examples would be 0 "):
        quiet(data, validation_split=0.1)


def test_divergence_in_the_first_epoch_is_an_error_that_names_the_rate():
    with pytest.raises(train.TrainingDivergedError, match="try a learning rate below 1e\\+39"):
        quiet(optimizer=train.SGD(lr=1e39), batch_size=2)  # infinite in float32


@pytest.mark.parametrize("split", [0, 0.2])
def test_divergence_later_keeps_the_best_net(split):
    def leap(step, total):  # one epoch of 1 step in peace
        return 1e-6 if step < total / 3 else 1e38

    options = {"schedule": leap, "batch_size": 20, "validation_split": split}
    result = quiet(epochs=3, optimizer=train.SGD(lr=1e3), **options)
    assert (result.stopped, result.best_epoch, result.n_epochs) == ("diverged", 1, 1)
    assert all(np.isfinite(a).all() for a in result.model.net.parameters().values())


def test_weights_that_become_infinite_in_the_last_step_are_divergence():
    def leap(step, total):
        return 1e38 if step == total - 1 else 1e-3

    given = model(softmax=False)
    targets = with_value(np.zeros((20, 3)), 1e5)
    options = {"schedule": leap, "batch_size": 20, "validation_split": 0}
    result = quiet((X, targets), given, epochs=2, optimizer=train.SGD(lr=1.0), **options)
    assert (result.stopped, result.best_epoch) == ("diverged", 1)


class Interrupts:
    """An encoder whose n-th call raises KeyboardInterrupt."""

    shape, dtype = (2,), np.float32

    def __init__(self, *calls):
        self.calls, self.count = calls, 0

    def __call__(self, batch):
        self.count += 1
        if self.count in self.calls:
            signal.raise_signal(signal.SIGINT)
        return np.asarray(batch, np.float32)


@pytest.fixture
def sigint(monkeypatch):
    """Ctrl-C as in a terminal, whatever started the tests; batches are encoded one by one."""
    monkeypatch.setattr(_epoch, "EXAMPLES_AT_ONCE", 1)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGINT, before)


INTEGERS = (np.arange(40).reshape(20, 2), Y)  # not what the net reads: the encoder is asked


def interrupted_at(*calls, **options):
    """Four calls an epoch: three steps of at most six examples, then the validation."""
    given = model().with_encoder(Interrupts(*calls))
    return quiet(INTEGERS, given, epochs=3, batch_size=6, validation_split=4, **options)


def test_ctrl_c_keeps_the_best_net_so_far(sigint):
    result = interrupted_at(6)
    assert (result.stopped, result.n_epochs, result.best_epoch) == ("interrupted", 1, 1)
    assert signal.getsignal(signal.SIGINT) is sigint
    schedule = train.OneCycle()
    one = quiet(
        INTEGERS,
        model().with_encoder(Interrupts()),
        epochs=1,
        batch_size=6,
        validation_split=4,
        schedule=lambda step, total: schedule(step, 3 * total),
    )
    for path, array in one.model.net.parameters().items():
        np.testing.assert_array_equal(result.model.net.parameters()[path], array)


def test_ctrl_c_in_the_first_epoch_returns_the_current_net(sigint):  # noqa: ARG001
    result = interrupted_at(2)
    assert (result.stopped, result.n_epochs, result.best_epoch) == ("interrupted", 0, 0)
    assert result.model.net.initialized
    assert repr(result).startswith("TrainResult: 0 of 3 epochs")
    assert result.examples_per_s == 0


def test_ctrl_c_during_the_last_validation_is_not_swallowed(sigint):  # noqa: ARG001
    result = interrupted_at(12)
    assert (result.stopped, result.n_epochs) == ("interrupted", 3)


def test_a_second_ctrl_c_acts_as_usual(sigint):
    given = model().with_encoder(Interrupts(2, 3))
    with pytest.raises(KeyboardInterrupt):
        quiet(INTEGERS, given, epochs=1, batch_size=20, validation_split=4, progress="none",
              validation_data=(INTEGERS[0][:9], Y[:9]))  # fmt: skip
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is sigint


def test_an_ignored_ctrl_c_stays_ignored(sigint):  # noqa: ARG001
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert interrupted_at(2).stopped == "epochs"
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_trains_as_well():
    results = []
    thread = threading.Thread(target=lambda: results.append(quiet(epochs=1)))
    thread.start()
    thread.join()
    assert results[0].stopped == "epochs"


class Terminal(io.StringIO):
    def isatty(self):
        return True


SHARE = r"(\d\d?\.\d\d|100)%"
EPOCH = (
    rf"epoch 1/2  loss \d\.\d{{4}}  acc {SHARE}  val_loss \d\.\d{{4}}  val_acc {SHARE}  "
    r"<\d\d:\d\d"
)


@pytest.mark.parametrize("kind", ["auto", "lines"])
def test_lines_go_to_standard_error_one_a_choice_and_one_an_epoch(kind, capsys):
    quiet(epochs=2, progress=kind)
    out, err = capsys.readouterr()
    assert out == ""
    held, inputs, loss, plan, first, second = err.splitlines()
    assert held == "validation: 2 of 20 examples are held out for it"
    assert re.fullmatch(r"inputs: float32 from -2\.\d+ to 1\.\d+, taken as they are", inputs)
    assert loss == "loss: CrossEntropyLoss, by the net's last layer"
    assert plan == (
        "training on 18 examples, validated on 2; batches of 64, 1 step an epoch; "
        "Adam(lr=0.001), schedule OneCycle(warmup=0.2); compiled step"
    )
    assert re.fullmatch(EPOCH, first)
    assert second.startswith("epoch 2/2")
    assert "eta" not in second


def epochs_shown(err):
    return [int(n) for n in re.findall(r"^epoch +(\d+)/", err, re.MULTILINE)]


def test_many_short_epochs_have_about_twenty_lines_and_the_last_has_one(capsys):
    quiet(epochs=100, progress="lines")
    assert epochs_shown(capsys.readouterr().err) == [1, *range(5, 101, 5)]
    stop = [lambda state: state.stop() if state.epoch == 7 else None]
    quiet(epochs=100, progress="lines", callbacks=stop)
    assert epochs_shown(capsys.readouterr().err) == [1, 5, 7]


def test_long_epochs_have_a_line_each(capsys, monkeypatch):
    monkeypatch.setattr(_loop, "LINE_SECONDS", 0.0)
    quiet(epochs=40, progress="lines")
    assert epochs_shown(capsys.readouterr().err) == list(range(1, 41))


def test_none_is_silent(capsys):
    quiet(epochs=2, progress="none")
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_and_a_line_an_epoch(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    quiet(epochs=2, progress="auto")
    text = stream.getvalue()
    assert "examples/s" in text
    assert "\r" in text
    assert re.search(EPOCH, text)
    assert text.split("\r")[-1].strip() == ""  # the bar is gone in the end


def test_the_bar_is_removed_before_an_error_is_printed(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    with pytest.raises(nn.InputError):
        quiet((X, np.zeros((20, 5))), model(softmax=False), progress="bar", validation_split=0)
    assert stream.getvalue().split("\r")[-1].strip() == ""


def test_long_epochs_report_their_progress(monkeypatch):
    stream, clock = io.StringIO(), iter([0.0, 1.0, 16.0, 16.0, 17.0, 40.0, 40.0, 41.0])
    monkeypatch.setattr("drypoint.common._progress.time.perf_counter", lambda: next(clock))
    progress = make_progress("lines", stream=stream)
    progress.begin(100, done=0)
    progress.batch(10, loss=2.0, accuracy=0.25)  # 1 s
    progress.batch(22, loss=1.5, accuracy=None)  # 16 s: 32 images
    progress.batch(8, loss=1.5, accuracy=None)  # 17 s
    progress.batch(40, loss=1.0, accuracy=0.5)  # 40 s: 80 images
    assert stream.getvalue().splitlines() == [
        "   32%  loss 1.5000  2 examples/s  eta 00:34",
        "   80%  loss 1.0000  acc 50.00%  2 examples/s  eta 00:10",
    ]
