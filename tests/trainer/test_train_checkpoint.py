"""Checkpoints: an interrupted and resumed run ends in the bytes of an uninterrupted run."""

import io
import json
import signal

import numpy as np
import pytest
from trainable import blobs, classifier, image_model, images

from drypoint import data, nn, train
from drypoint.autodiff import n_threads, set_threads
from drypoint.common import DrypointError, pack_members, unpack_members
from drypoint.train import Adam, CheckpointError, EarlyStopping, _epoch


def shifted(batch, *, seed, epoch, indices):
    """An augmentation: each image shifted by a number of pixels that index and epoch determine."""
    by = [np.random.default_rng([seed, epoch, i]).integers(3) for i in indices]
    return np.stack([np.roll(image, k, axis=1) for image, k in zip(batch, by, strict=True)])


RUNS = {
    "plain": {},
    "adam, average, one cycle, dropout, augmentation": {
        "optimizer": Adam(lr=0.01, weight_decay=0.1),
        "average": 0.9,
        "schedule": "onecycle",
        "augment": shifted,
    },
    "sgd with momentum, multipliers, clipping": {
        "optimizer": train.SGD(lr=0.05, nesterov=True),
        "schedule": "cosine",
        "lr_multipliers": {"body.conv": 0, "head": 2.0},
        "clip_grad_norm": 0.5,
    },
    "rmsprop, the last net": {"optimizer": "rmsprop", "restore_best": False},
    "signsgd without validation": {"optimizer": "signsgd", "validation_split": 0},
    "batches of a function": {
        "data": lambda size, epoch, rng: [
            (images().x[c], images().y[c])
            for c in np.array_split(rng.permutation(60), 60 // size + epoch % 2)
        ],
        "validation_data": images(20, seed=3),
    },
}


def fit(folder=None, *, epochs=5, data=None, **options):
    given = {"batch_size": 16, "seed": 3, "progress": "none", **options}
    whole = images() if data is None else data
    return train.fit(image_model(), whole, epochs=epochs, checkpoint=folder, **given)


def stop_after(epoch):
    return lambda state: state.stop() if state.epoch == epoch else None


def facts(result):
    """The results that must not depend on interruptions: all except times."""
    history = {name: v for name, v in result.history.items() if name != "seconds"}
    numbers = (result.best_epoch, result.n_batches, result.examples_seen, result.stopped)
    rates = (result.lr_initial, result.lr_final)
    return history, numbers, rates, result.batch_loss.tolist(), result.model.dumps()


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
def test_a_resumed_run_gives_the_very_bytes_of_the_whole(tmp_path, options):
    whole = fit(**options)
    fit(tmp_path, callbacks=[stop_after(1)], **options)
    cut = fit(tmp_path, resume_from=tmp_path, callbacks=[stop_after(3)], **options)
    assert (cut.stopped, cut.n_epochs) == ("callback", 3)
    rest = fit(tmp_path, resume_from=tmp_path, **options)
    assert facts(rest) == facts(whole)
    assert rest.checkpoints == (tmp_path / "checkpoint.npz",)


def test_a_run_is_resumed_on_any_threads_and_by_either_step_to_the_same_bytes(tmp_path):
    """Batches of 100 are two micro-batches; the whole run is made by one thread on the tape."""
    digits = data.load("mnist", "train")[:200]
    layers = [nn.Conv2d(4, 5), nn.MaxPool2d(4), nn.Flatten(), nn.Dropout(0.2), nn.Linear(10)]
    net = nn.Sequential([*layers, nn.Softmax()])

    def run(threads, **options):
        set_threads(threads)
        given = {"epochs": 3, "batch_size": 100, "average": 0.9, "progress": "none", **options}
        return train.fit(net, digits, **given)

    before = n_threads()
    try:
        whole = facts(run(1, compiled=False))
        for threads in (1, 2, 3):
            for compiled in (True, False):
                folder = tmp_path / f"{threads} {compiled}"
                run(threads, compiled=compiled, checkpoint=folder, callbacks=[stop_after(1)])
                rest = run(4 - threads, compiled=not compiled, resume_from=folder)
                assert facts(rest) == whole
    finally:
        set_threads(before)


def test_early_stopping_remembers_the_epochs_before(tmp_path):
    options = {"early_stopping": EarlyStopping(patience=2), "epochs": 30}
    options |= {"schedule": lambda step, total: 1.0 if step < 12 else -1.0}  # noqa: ARG005
    options["optimizer"] = train.SGD(lr=0.05)
    whole = fit(**options)
    assert whole.stopped == "early"
    cut = whole.n_epochs - 1
    fit(tmp_path, callbacks=[stop_after(cut)], **options)
    assert facts(fit(resume_from=tmp_path, **options)) == facts(whole)


def test_a_finished_run_returns_its_result_again(tmp_path):
    whole = fit(tmp_path)
    again = fit(resume_from=tmp_path)
    assert facts(again) == facts(whole)
    stopping = {"early_stopping": EarlyStopping(monitor="loss", min_delta=1e9), "epochs": 9}
    early = fit(tmp_path, **stopping)
    assert (early.stopped, early.n_epochs) == ("early", 2)
    assert facts(fit(resume_from=tmp_path, **stopping)) == facts(early)


def test_ctrl_c_within_an_epoch_loses_that_epoch_only(tmp_path, monkeypatch):
    monkeypatch.setattr(_epoch, "EXAMPLES_AT_ONCE", 1)
    whole = fit()
    calls = []

    def interrupting(batch, **_):
        calls.append(1)
        if len(calls) == 6:  # four batches an epoch
            signal.raise_signal(signal.SIGINT)
        return batch

    def quiet(batch, **_):
        return batch

    interrupting.__qualname__ = quiet.__qualname__ = "same"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        cut = fit(tmp_path, augment=interrupting)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (cut.stopped, cut.n_epochs) == ("interrupted", 1)
    assert 4 <= cut.n_batches <= 6  # batches are made ahead of their steps
    rest = fit(resume_from=tmp_path, augment=quiet)
    assert facts(rest) == facts(whole)


def test_a_checkpoint_is_written_after_each_epoch(tmp_path, monkeypatch):
    written = []

    def spy(path, state, run):  # noqa: ARG001
        written.append(state.epoch)

    monkeypatch.setattr("drypoint.train._loop.checkpoint.save", spy)
    fit(tmp_path)
    assert written == [1, 2, 3, 4, 5]


def test_the_figures_of_a_run_are_in_its_log_once_each(tmp_path):
    for name in ("run.csv", "run.jsonl"):
        log = tmp_path / name
        folder = tmp_path / f"of {name}"
        fit(folder, log=log, callbacks=[stop_after(2)])
        assert len(log.read_text("utf-8").splitlines()) == 2 + name.endswith("csv")
        result = fit(resume_from=folder, log=log)
        lines = log.read_text("utf-8").splitlines()
        if name.endswith("csv"):
            header, *rows = (line.split(",") for line in lines)
            rows = [dict(zip(header, map(float, row), strict=True)) for row in rows]
        else:
            rows = [json.loads(line) for line in lines]
        assert [row.pop("epoch") for row in rows] == [1, 2, 3, 4, 5]
        assert {n: tuple(row[n] for row in rows) for n in rows[0]} == dict(result.history)


OTHERS = {
    "batch size": ({"batch_size": 8}, "batch_size was 16, now it is 8"),
    "epochs": ({"epochs": 6}, "epochs was 5, now it is 6"),
    "seed": ({"seed": 4}, "seed was 3, now it is 4"),
    "optimizer": ({"optimizer": "sgd"}, r"optimizer was {'name': 'adam', .*, now it is {'name'"),
    "average": ({"average": 0.9}, "average was None, now it is 0.9"),
    "data": ({"data": images(59)}, r"data was [0-9a-f]{12}\.\.\., now it is [0-9a-f]{12}\.\.\."),
    "split": ({"validation_split": 7}, "validation was 6 held out, now it is 7 held out"),
    "metrics": ({"metrics": []}, r"metrics was \['accuracy'\], now it is \[\]"),
    "loss": ({"loss": nn.CrossEntropyLoss(label_smoothing=0.1)}, "loss was CrossEntropyLoss"),
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    fit(folder, callbacks=[stop_after(2)])
    return folder


@pytest.mark.parametrize(("options", "reason"), OTHERS.values(), ids=OTHERS)
def test_a_checkpoint_of_another_run_is_refused_in_one_line(checkpoint, options, reason):
    with pytest.raises(CheckpointError, match=f"checkpoint.npz is of another run: {reason}"):
        fit(resume_from=checkpoint, **options)


def test_a_checkpoint_of_another_net_is_refused(checkpoint):
    with pytest.raises(CheckpointError, match=r"is of another run: \w+ was"):
        train.fit(classifier(), blobs(), resume_from=checkpoint, progress="none")


def test_without_a_checkpoint_the_run_starts_from_the_beginning_and_says_so(tmp_path, capsys):
    """One call stands in a loop that starts it again after each crash."""
    for folder in (tmp_path / "new", tmp_path):
        result = fit(folder, resume_from=folder, progress="lines")
        said = capsys.readouterr().err
        assert f"no checkpoint in {folder} yet: the run starts from the beginning\n" in said
        assert facts(result) == facts(fit())
        fit(folder, resume_from=folder, progress="lines")
        assert f"resumed after epoch 5 from {folder}\n" in capsys.readouterr().err


def test_a_checkpoint_that_cannot_be_read_stops_the_run(tmp_path):
    (tmp_path / "checkpoint.npz").mkdir()
    with pytest.raises(DrypointError, match=r"cannot read .*npz: it is a folder"):
        fit(resume_from=tmp_path)


def test_a_folder_that_cannot_be_written_is_found_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match="cannot write"):
        fit(tmp_path / "file", augment=lambda *_, **__: pytest.fail("the work began"))


def changed(content, **values):
    """A checkpoint with other facts."""
    members = unpack_members(content)
    facts = json.loads(members["checkpoint.json"])
    return pack_members({**members, "checkpoint.json": json.dumps({**facts, **values}).encode()})


def without(content, name):
    return pack_members({n: m for n, m in unpack_members(content).items() if n != name})


def with_member(content, name, member):
    return pack_members({**unpack_members(content), name: member})


BIAS = "weights/net.head.fc.bias.npy"


def with_setting(content):
    """One of a later version, which decides bytes in a way that this one does not know."""
    run = json.loads(unpack_members(content)["checkpoint.json"])["run"]
    return changed(content, run={**run, "more": 1})


def with_epochs(content, n):
    """As if it had gone on for n epochs, in facts and figures alike."""
    content = changed(content, epoch=n)
    for name in unpack_members(content):
        if name.startswith("history/"):
            file = io.BytesIO()
            np.save(file, np.zeros(n))
            content = with_member(content, name, file.getvalue())
    return content


DAMAGES = {
    "nothing": lambda c: b"",  # noqa: ARG005
    "half of it": lambda c: c[: len(c) // 2],
    "no facts": lambda c: without(c, "checkpoint.json"),
    "facts that are none": lambda c: with_member(c, "checkpoint.json", b"[1"),
    "nested facts": lambda c: with_member(c, "checkpoint.json", b"[" * 100_000),
    "facts of a list": lambda c: with_member(c, "checkpoint.json", b"[]"),
    "another format": lambda c: changed(c, format="zip"),
    "a later version": lambda c: changed(c, version=2),
    "a negative step": lambda c: changed(c, step=-1),
    "a fraction of an epoch": lambda c: changed(c, epoch=0.5),
    "epochs without end": lambda c: changed(c, epoch=1 << 39, step=1 << 39),
    "steps without end": lambda c: changed(c, step=1 << 39),
    "more epochs than steps": lambda c: changed(c, epoch=5, step=4),
    "a best epoch to come": lambda c: changed(c, best_epoch=3),
    "a time that is none": lambda c: changed(c, seconds="soon"),
    "no time": lambda c: changed(c, seconds=float("nan")),
    "a time of 400 digits": lambda c: changed(c, seconds=10**400),
    "a negative time": lambda c: changed(c, seconds=-1),
    "a step of 400 digits": lambda c: changed(c, step=10**400),
    "a setting of 400 digits": lambda c: changed(c, run={"epochs": 10**400}),
    "a history of numbers": lambda c: changed(c, history=[1]),
    "another history": lambda c: changed(c, history=["loss"]),
    "a run that is none": lambda c: changed(c, run=7),
    "a setting more": with_setting,
    "more epochs than the run": lambda c: with_epochs(c, 6),
    "an array less": lambda c: without(c, "batch_loss.npy"),
    "an array more": lambda c: with_member(c, "more.npy", b""),
    "an array that is none": lambda c: with_member(
        c, BIAS, b"\x93NUMPY\x01\x00" + b" " * (len(unpack_members(c)[BIAS]) - 8)
    ),
    "an array of another type": lambda c: with_member(
        c, BIAS, unpack_members(c)[BIAS].replace(b"'<f4'", b"'|O4'")
    ),
    "a shorter array": lambda c: with_member(
        c, "batch_loss.npy", unpack_members(c)["batch_loss.npy"][:-8]
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_refused_in_one_line(checkpoint, tmp_path, damage):
    content = (checkpoint / "checkpoint.npz").read_bytes()
    (tmp_path / "checkpoint.npz").write_bytes(damage(content))
    with pytest.raises(CheckpointError, match=r"checkpoint\.npz (is|has) .*"):
        fit(resume_from=tmp_path)


@pytest.mark.parametrize("place", range(0, 4000, 97))
def test_any_flipped_bit_is_found_or_changes_nothing_that_is_read(checkpoint, tmp_path, place):
    content = bytearray((checkpoint / "checkpoint.npz").read_bytes())
    content[place % len(content)] ^= 1 << place % 8
    (tmp_path / "checkpoint.npz").write_bytes(content)
    try:
        result = fit(resume_from=tmp_path)
    except CheckpointError:
        return
    assert facts(result) == facts(fit())  # dates and attributes in the zip mean nothing
