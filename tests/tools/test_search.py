"""A search under a budget: its rule, its trials in files of several processes, its command."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import starmap

import numpy as np
import pytest

from drypoint import data, devices, nn, program, search, tasks
from drypoint.cli.__main__ import main
from drypoint.common import MissingPackageError
from drypoint.search import _storage
from drypoint.search._front import front
from drypoint.search._rule import Limits, Rule, size_families
from drypoint.search._space import (
    Architecture,
    Block,
    Ends,
    architecture,
    build,
    draw,
    mutate,
    twin,
)
from drypoint.search._trainer import make_trainer, scheme_of
from drypoint.train import StudyData
from tools import ONLY_CI

optuna = pytest.importorskip("optuna", reason="Optuna is not installed")
BUDGET = {"ram": 2200, "flash": 10_000}
ACCURACY = tasks.Criterion("accuracy", "accuracy")


@pytest.fixture(scope="module")
def blobs():
    """Signals of three classes that a small net tells apart, and a test part."""
    rng = np.random.default_rng(0)
    y = np.arange(240) % 3
    wave = np.sin(np.arange(24) * (0.4 + 0.4 * y[:, None]))
    x = (wave + rng.normal(scale=0.3, size=wave.shape))[:, None].astype(np.float32)
    parts = [
        data.Dataset(x[at], y[at], classes=("a", "b", "c")) for at in (slice(180), slice(180, 240))
    ]
    return StudyData(train=parts[0], test=parts[1], name="blobs")


def point(number, score, flash, ram, criterion=ACCURACY):
    return search.Point(
        criterion=criterion,
        number=number,
        net=f"mlp:{number + 1}",
        epochs=1,
        seed=0,
        score=score,
        flash=flash,
        ram=ram,
        arena=ram,
        instructions=None,
        macs=1,
    )


def test_the_front_has_what_no_other_net_passes():
    """Oracle: by hand."""
    points = [
        point(0, 0.9, 100, 50),
        point(1, 0.9, 100, 60),
        point(2, 0.8, 100, 40),
        point(3, 0.8, 90, 60),
        point(4, 0.7, 95, 45),
    ]
    assert [p.number for p in front(points)] == [3, 4, 0, 2]
    picture = search.FrontPicture(tuple(points))
    assert picture.text.count("\n") == 4
    assert picture.png()[:4] == b"\x89PNG"


def test_architectures_survive_json_and_mutation():
    """Oracle: the shape that the outputs have, by the net's own layers."""
    rng = np.random.default_rng(1)
    inputs = (((1, 40), (5,)), ((3, 16, 16), (2,)), ((9,), (9,)), ((1, 24, 32), (7, 3, 4)))
    for ends in (*starmap(Ends, inputs), Ends((1, 8, 8), (2, 8, 8))):
        drawn, bits = draw(rng, ends), set()
        for _ in range(60):
            assert architecture(drawn.to_text()) == drawn
            drawn = mutate(rng, drawn, ends)
            bits |= {*drawn.weight_bits.values()}
            try:
                assert build(drawn, ends).output_shape(ends.input) == ends.output
            except nn.LayerError:  # planes that are too small for it
                assert not ends.shrink
        assert bits >= {4, 2}


@pytest.mark.parametrize(
    ("family", "shape"),
    [
        ("mlp:5,3", (9,)),
        ("conv1d:4,6,7", (2, 20)),
        ("cnn:3,4", (1, 9, 9)),
        ("grid-cnn:3,4,5,6", (1, 16, 24)),
    ],
)
def test_a_familys_twin_has_its_sizes(family, shape):
    """Oracle: parameters, MACs and output of the family's net."""
    net = nn.create_net(family, input_shape=shape, classes=7)
    ends = Ends(shape, net.output_shape(shape))
    same = build(twin(family, ends), ends)
    assert same.output_shape(shape) == ends.output
    assert (same.info().n_params, same.info().macs) == (net.info().n_params, net.info().macs)


def test_chosen_nets_keep_the_budget_and_good_ones_train_longer(blobs):
    """Oracle: the estimate of each net, without the rule."""
    trainer = make_trainer(blobs, None, lambda _: None)
    limits = Limits(trainer, devices.target("cortex-m0+"), BUDGET, "-Os")
    families = size_families(limits)
    assert families
    wider = families[0].partition(":")[0] + ":400,400,400"
    assert limits.fit(wider) is None
    rule, trials = Rule(limits, families, np.random.default_rng(0)), []
    for number in range(24):
        share = 0.2 if number < 20 else 0.8
        net, rung = rule.choose(trials, share, 60.0)
        found = devices.estimate(
            trainer.net(net), "cortex-m0+", scheme_of(net), "-Os", budget=BUDGET
        )
        assert found.find_excess(BUDGET) == {}
        assert (net, rung) not in {(trial.net, trial.rung) for trial in trials}
        facts = {"seconds": 1.0, "macs": found.program.macs, "epochs": 4}
        merit = 1 - 1 / (number + 2)
        trials.append(_storage.Past(number=number, net=net, rung=rung, merit=merit, facts=facts))
    rungs = [trial.rung for trial in trials]
    assert [trial.net for trial in trials[: len(families)]] == families
    assert 1 in rungs[:20]
    assert rungs[20:] != [0, 0, 0, 0]
    assert 2 in rungs[20:]


def run_trials(study, nets):
    """Enqueue, run and finish a trial for each net, as a process of a search does; after each step
    it yields."""
    for net in nets:
        _storage.enqueue(study, net=net, rung=0, epochs=3, seed=0)
        yield
        trial = study.ask()
        yield
        trial.set_user_attr("worker", _storage.worker())
        yield
        for name, value in {"flash": 10, "ram": 20, "note": "µ-Netz ☂"}.items():
            trial.set_user_attr(name, value)
            yield
        study.tell(trial, [0.5, 10.0, 20.0])
        yield


def replay(content):
    """The trials of the whole lines of a journal, read without Optuna: [net, state]."""
    trials = []
    for line in content[: content.rfind(b"\n") + 1].splitlines():
        log = json.loads(line)
        if log["op_code"] == 4:  # a new trial, waiting
            trials.append([log["user_attrs"]["net"], log["state"]])
        elif log["op_code"] == 6:  # a trial's state
            trials[log["trial_id"]][1] = log["state"]
    return trials


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    """The bytes of a journal that two processes wrote in turn, which have ended; its text is not
    escaped, as other writers of JSON leave it."""
    file = tmp_path_factory.mktemp("journal") / "study.log"
    studies = [_storage.open_study(file, "this") for _ in range(2)]
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    ended = {**_storage.worker(), "process": process.pid}
    runs = [
        run_trials(study, [f"mlp:{i},{n}" for n in range(1, 7)]) for i, study in enumerate(studies)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_storage, "worker", lambda: ended)
        for _ in itertools.zip_longest(*runs):
            pass
    lines = file.read_text("utf-8").splitlines()
    whole = [json.dumps(json.loads(line), ensure_ascii=False) for line in lines]
    return ("\n".join(whole) + "\n").encode("utf-8")


RUNNING, COMPLETE = 0, 1  # states in a journal


def cuts_of(content, count):
    """Random places in a journal, some within a character, some between two lines."""
    rng = np.random.default_rng(60)
    within = [i for i, byte in enumerate(content) if 0x80 <= byte < 0xC0]
    between = [i + 1 for i, byte in enumerate(content) if byte == ord("\n")]
    anywhere = range(len(content))
    kinds = (anywhere, within, between)
    return [int(rng.choice(kinds[n % 3])) for n in range(count)]


def test_a_torn_journal_goes_on_and_repeats_what_ran(journal, tmp_path, toolbox):
    """Oracle: the whole lines before the cut, read without Optuna."""
    for number, cut in enumerate(cuts_of(journal, toolbox.count(every_day=15, ci=60))):
        torn = tmp_path / f"{number}.log"
        torn.write_bytes(journal[:cut])
        kept = journal[: journal.rfind(b"\n", 0, cut) + 1]
        before = replay(kept)
        study = _storage.open_study(torn, "this")
        assert torn.read_bytes()[: len(kept)] == kept
        ran = [net for net, state in before if state == RUNNING]
        assert len(ran) <= 2  # one of each process
        assert _storage.enqueue_dead(study) == len(ran)
        again = []
        while _storage.has_waiting(study):
            trial = study.ask()
            again.append(trial.user_attrs["net"])
            study.tell(trial, [0.5, 10.0, 20.0])
        finished = [net for net, state in before if state == COMPLETE]
        waited = [net for net, state in before if state not in (RUNNING, COMPLETE)]
        assert sorted(again) == sorted(ran + waited)
        assert not {*again} & {*finished}
        done = _storage.past(_storage.open_study(torn, "this"))
        assert sorted(trial.net for trial in done) == sorted(net for net, _ in before)


def test_a_living_process_writes_after_a_torn_line(tmp_path):
    """Another process was killed while it wrote. Oracle: the lines before, and Optuna's reader."""
    file = tmp_path / "study.log"
    study = _storage.open_study(file, "this")
    for torn in (b'{"op_code":4,"worker', '{"op_code":8,"user_attr":{"note":"µ'.encode()[:-1]):
        whole = file.read_bytes()
        with file.open("ab") as other:
            other.write(torn)
        study.tell(study.ask(), [0.1, 1.0, 1.0])
        assert file.read_bytes().startswith(whole)
        assert all(json.loads(line) for line in file.read_bytes().splitlines())
    assert len(_storage.open_study(file, "this").trials) == 2


def test_a_study_of_another_search_is_refused(tmp_path):
    _storage.open_study(tmp_path / "study.log", "mnist on cortex-m4")
    with pytest.raises(
        search.SearchError, match="study of mnist on cortex-m4; this search is of x"
    ):
        _storage.open_study(tmp_path / "study.log", "x")
    (tmp_path / "text").write_text("no journal\n")
    with pytest.raises(search.SearchError, match="cannot open the study"):
        _storage.open_study(tmp_path / "text", "x")


def test_a_dead_trial_is_run_again_once(tmp_path):
    """Of a process that ended, and of this one, which did not."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    study = _storage.open_study(tmp_path / "study.log", "x")
    facts = {"net": "mlp:3", "rung": 1, "epochs": 5, "seed": 7}
    for worker in ({**_storage.worker(), "process": ended.pid}, _storage.worker()):
        trial = study.ask()
        for name, value in {**facts, "worker": worker}.items():
            trial.set_user_attr(name, value)
    assert _storage.enqueue_dead(study) == 1
    assert _storage.enqueue_dead(study) == 0
    again = study.ask()
    found = dict(again.user_attrs)
    assert found.pop("repeats") == 0
    assert (again.number, found.pop("worker")["process"]) == (2, os.getpid())
    assert found == facts
    assert [p.number for p in _storage.past(study)] == [1, 2]
    assert _storage.is_dead({"host": "elsewhere", "process": 1, "time": time.time()}) is False
    assert _storage.is_dead({"host": "elsewhere", "process": 1, "time": time.time() - 1e5}) is True


def test_a_trial_that_has_its_facts_before_its_values_runs(tmp_path):
    """A process writes both one after the other; another one reads in between."""
    study = _storage.open_study(tmp_path / "study.log", "x")
    trial = study.ask()
    for name, value in {"net": "mlp:3", "rung": 1, "flash": 9_000}.items():
        trial.set_user_attr(name, value)
    assert [p.merit for p in _storage.past(study)] == [None]
    study.tell(trial, [0.5, 9_000, 900])
    assert [p.merit for p in _storage.past(study)] == [0.5]


def test_two_processes_repeat_a_dead_trial_once(tmp_path):
    """Both enqueued it before either failed it: the later repeat is the twin."""
    study = _storage.open_study(tmp_path / "study.log", "x")
    for repeats in (0, 0, 1):
        _storage.enqueue(study, net="mlp:3", rung=1, epochs=5, seed=7, repeats=repeats)
    _storage.enqueue(study, net="mlp:4", rung=1, epochs=5, seed=7)
    asked = [study.ask() for _ in range(4)]
    assert [_storage.has_twin(study, trial) for trial in asked] == [False, True, False, False]


def test_a_net_is_found_that_keeps_the_budget(blobs, tmp_path):
    """Oracle: `devices.estimate` of the program in the folder."""
    lines = []
    found = search.best(
        blobs, target="cortex-m0+", budget="ram=2200,flash=10000", minutes=0.1, notify=lines.append
    )
    files = found.save(tmp_path / "out", command="drypoint search ...")
    assert all(file.exists() for file in files)
    loaded = program.blob.loads((tmp_path / "out/model.dpt").read_bytes())
    cost = devices.estimate(loaded, "cortex-m0+", optimize="-Os", by_rows=False)
    assert cost.find_excess(BUDGET) == {}
    facts = json.loads((tmp_path / "out/search.json").read_text())
    assert facts["account"]["flash_bytes"] == cost.account.flash_bytes <= 10_000
    assert found.test_score is not None
    assert found.test_score > 0.6
    assert found.point in found.points
    assert found.point.score == max(p.score for p in found.points)
    assert nn.load(tmp_path / "out/model.npz").net.n_params == found.model.net.n_params
    assert any("families sized" in line for line in lines)
    assert "accuracy of the integers" in (tmp_path / "out/front.html").read_text()


def test_less_of_an_error_is_better(tmp_path):
    """Numbers of tables. Oracle: the errors of all trials in the study."""
    x = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    prices, places = np.unique(np.rint(x @ [100, -200, 50]).astype(int), return_inverse=True)
    flats = data.Dataset(x, places, classes=tuple(prices.tolist()))
    study, pictures = tmp_path / "study.log", []
    options = {"target": "cortex-m0+", "budget": "flash=12K", "study": study, "minutes": 0.05}
    found = search.best(flats, task="numbers", show=pictures.append, **options)
    errors = [trial.values[0] for trial in _storage.open_study(study, _about(study)).trials]
    assert found.point.score == min(errors)
    assert str(found).splitlines()[1].startswith("root mean squared error: ")
    assert pictures[-1].text == found.picture.text
    assert found.program.output_shape.size == 1


def test_few_bits_are_trained_and_keep_the_budget(blobs):
    """Oracle: the weights of the program, which training made smaller than its estimate."""
    trainer = make_trainer(blobs, None, lambda _: None)
    blocks = (Block("conv", 8, 3, bits=4), Block("separable", 6, 3, bits=2))
    drawn = Architecture(blocks, "mean", (5,), bits=4)
    found = trainer.train(drawn.to_text(), epochs=40, seed=0)
    bits = {op.name: op.weight_bits for op in found.program.ops if hasattr(op, "weight_bits")}
    wanted = {"block1": 4, "block2": 2, "fc1": 4, "last": 4}
    assert bits == {name: wanted[name.partition(".")[0]] for name in bits}
    assert found.model.is_integer
    assert found.score > 0.5
    limits = Limits(trainer, devices.target("cortex-m0+"), {"flash": 20_000}, "-Os")
    cost = limits.fit(drawn.to_text())  # with the mean of one value, which training leaves out
    assert len(cost.program.ops) == len(found.program.ops) + 1
    assert cost.account.flash_bytes > limits.cost(found.program).account.flash_bytes


def test_a_budget_of_stack_alone_takes_kernels_of_less_stack(blobs):
    """Oracle: the bounds of the sets, which tests of devices measure."""
    trainer = make_trainer(blobs, None, lambda _: None)
    net = Architecture((Block("conv", 8, 3),), "mean", ()).to_text()
    for stack, kernels in ((4096, "blocks"), (800, "blocks-small"), (600, "plain")):
        limits = Limits(trainer, devices.target("cortex-m0+"), {"stack": stack}, "-Os")
        found = limits.fit(net)
        assert (found.target.kernels, found.account.size("stack") <= stack) == (kernels, True)
    assert Limits(trainer, devices.target("cortex-m0+"), {"stack": 100}, "-Os").fit(net) is None


def test_pictures_that_are_too_large_are_read_smaller():
    """Pictures of 1,600 bytes, RAM of 1,500. Oracle: the encoder, and the example that it reads."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    x = (rng.integers(0, 90, (60, 40, 40)) + 120 * y[:, None, None]).astype(np.uint8)
    trainer = make_trainer(StudyData(train=data.Dataset(x, y)), None, lambda _: None)
    limits = Limits(trainer, devices.target("cortex-m0+"), {"ram": 1500}, "-Os")
    assert [*trainer.views] == [1, 2, 3]
    assert limits.divisors == [2, 3]
    assert limits.fit("mlp:4") is None
    assert limits.fit("mlp:4/3") is not None
    found = trainer.train("mlp:4/3", epochs=20, seed=0)
    assert (found.model.encoder.width, found.model.encoder.height) == (13, 13)
    assert found.program.input_shape == (13, 13, 1)
    assert found.score > 0.5


def test_what_cannot_be_searched_is_one_line(blobs, monkeypatch):
    options = {"target": "cortex-m0+", "minutes": 0.05}
    with pytest.raises(search.SearchError, match=r"the smallest takes flash [23],\d+ bytes"):
        search.best(blobs, budget="flash=1K", **options)
    with pytest.raises(search.SearchError, match="minutes is 0"):
        search.best(blobs, budget="flash=9K", target="cortex-m0+", minutes=0)
    with pytest.raises(devices.BudgetError, match="the budget has 'rom=1K'"):
        search.best(blobs, budget="rom=1K", **options)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=r"pip install 'drypoint\[search\]'"):
        search.best(blobs, budget="flash=9K", **options)


@pytest.fixture
def folder(blobs, tmp_path):
    """The training part as a file of arrays."""
    np.savez(tmp_path / "waves.npz", x=blobs.train.x, y=blobs.train.y)
    return tmp_path


def command(folder, *more):
    words = ["search", "--data", str(folder / "waves.npz"), "--target", "cortex-m0+"]
    return [*words, "--budget", "ram=2200,flash=10K", "--out", str(folder / "out"), *more]


def test_the_command_writes_a_net_that_keeps_the_budget(folder, capsys):
    assert main(command(folder, "--minutes", "0.1", "--json")) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["net"]["flash"] <= 10_240
    assert facts["net"]["ram"] <= 2200
    assert (folder / "out/firmware/model.c").exists()
    assert main(["search", "--data", "digits"]) == 2
    assert "a search needs a core and a budget" in capsys.readouterr().err


def test_killed_processes_leave_a_study_that_goes_on(folder, capsys, toolbox):
    """kill -9 at random moments; oracle: the next process ends well, and leaves no trial
    that runs."""
    study = str(folder / "study.log")
    words = [sys.executable, "-m", "drypoint", *command(folder, "--study", study, "--minutes", "1")]
    rng = np.random.default_rng(3)
    for _ in range(toolbox.count(every_day=1, ci=30)):
        running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begin = time.monotonic()
        while not os.path.exists(study) and time.monotonic() < begin + 60:  # noqa: PTH110
            time.sleep(0.05)
        time.sleep(float(rng.uniform(0.2, 3)))
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert main(command(folder, "--study", study, "--minutes", "0.1")) == 0
    states = [trial.state.name for trial in _storage.open_study(study, _about(study)).trials]
    assert "COMPLETE" in states
    assert "RUNNING" not in states
    capsys.readouterr()


FULL = """
import resource, signal, sys
from drypoint.cli.__main__ import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit is an error, as of a disk
size = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
sys.exit(main(sys.argv[2:]))
"""


def test_a_full_disk_ends_in_a_line_and_the_study_opens_again(folder, capsys, toolbox):
    """Oracle: the next process goes on with the finished trials of the journal."""
    study = folder / "study.log"
    more = ("--study", str(study), "--minutes", "1")
    sizes = np.random.default_rng(2).integers(800, 9000, toolbox.count(every_day=1, ci=3))
    for size in sizes.tolist():
        study.unlink(missing_ok=True)
        words = [sys.executable, "-c", FULL, str(size), *command(folder, *more)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stderr
        *_, last = done.stderr.splitlines()
        assert last.startswith(f"drypoint: the study {study} cannot be written: File too large")
        assert "Traceback" not in done.stderr
        content = study.read_bytes()
        assert len(content) <= size
        assert content.endswith(b"\n")
        finished = [trial for trial in replay(content) if trial[1] == COMPLETE]
        opened = _storage.open_study(study, _about(study))
        assert len([p for p in _storage.past(opened) if p.merit is not None]) == len(finished)
    assert main(command(folder, "--study", str(study), "--minutes", "0.1")) == 0
    capsys.readouterr()


INTERRUPTED = """
import signal, sys
from drypoint.cli.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test in the background ignores it
sys.exit(main(sys.argv[1:]))
"""


def test_an_interrupt_writes_the_best_net_so_far(folder, toolbox):
    """SIGINT at random moments after the first trained net. Oracle: the folder and its account."""
    rng = np.random.default_rng(4)
    for _ in range(toolbox.count(every_day=1, ci=3)):
        words = [sys.executable, "-c", INTERRUPTED, *command(folder, "--minutes", "3")]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as running:
            assert running.stderr is not None
            while " epochs: " not in (line := running.stderr.readline()):
                assert line, "the search ended"
            time.sleep(float(rng.uniform(0, 2)))
            running.send_signal(signal.SIGINT)
            text, said = running.communicate(timeout=200)
        assert running.returncode == 0, said
        assert "interrupted: the best net so far" in said
        facts = json.loads((folder / "out/search.json").read_text())
        loaded = program.blob.loads((folder / "out/model.dpt").read_bytes())
        cost = devices.estimate(loaded, "cortex-m0+", optimize="-Os", by_rows=False)
        assert facts["account"] == cost.account.to_json()
        assert facts["net"]["score"] == max(p["score"] for p in facts["front"])
        assert (folder / "out/firmware/model.c").exists()
        assert " on validation examples" in text
        shutil.rmtree(folder / "out")


def _about(study):
    storage = _storage._storage(study)
    return optuna.load_study(study_name=_storage.NAME, storage=storage).user_attrs[_storage.ABOUT]


@ONLY_CI
def test_two_processes_share_a_study(folder, capsys):
    study = str(folder / "study.log")
    words = [sys.executable, "-m", "drypoint", *command(folder, "--study", study)]
    words += ["--minutes", "0.3"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as second:
        assert main(command(folder, "--study", study, "--minutes", "0.3")) == 0
        _, said = second.communicate(timeout=200)
    assert second.returncode == 0, said
    trials = _storage.past(_storage.open_study(study, _about(study)))
    assert {trial.facts["worker"]["process"] for trial in trials} == {os.getpid(), second.pid}
    short = [trial.net for trial in trials if trial.rung == 0]
    assert len(set(short)) >= len(short) - 2  # nets that both began at once
    capsys.readouterr()
