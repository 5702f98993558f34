"""Measurements count only while all cores are at full speed. Oracle: the list of questions."""

import pytest

from drypoint.bench import build_limits
from drypoint.bench._machine import usable_cpus
from training_bench._bench import _float_limits
from training_bench._cores import AGAIN, Cores, Watch, Watched


class CountingResponder:
    """Answers with the number of questions so far."""

    def __init__(self):
        self.count = 0

    def ask(self, command, *, lines=1):
        self.count += 1
        return [[float(self.count), command, lines]]


def looks(*answers):
    """Results of successive checks of the cores; then True for ever."""
    left = list(answers)
    return lambda: left.pop(0) if left else True


@pytest.mark.parametrize(
    ("seen", "turns", "again"),
    [
        ((), 1, 0),
        ((False, False, True), 1, 0),  # waits before
        ((True, False, False, True), 2, 1),  # the first turn ends on halves of a core
        ((True, False, True, False, True, True), 3, 2),
    ],
)
def test_a_turn_counts_if_the_cores_were_whole_before_and_after(seen, turns, again):
    watch, responder = Watch(looks(*seen), patience=60), CountingResponder()
    answer = Watched(responder, watch).ask("step 64 600", lines=2)
    assert answer == [[turns, "step 64 600", 2]]
    assert (responder.count, watch.turns, watch.again, watch.doubtful) == (turns, turns, again, 0)


def test_the_last_of_five_measurements_counts_anyway():
    watch, responder = Watch(looks(*(True, False) * 9), patience=60), CountingResponder()
    watch.turn(responder, "", 1)
    assert (responder.count, watch.again, watch.doubtful) == (AGAIN, AGAIN - 1, 1)


def test_without_patience_every_turn_counts():
    watch, responder = Watch(lambda: False, patience=0), CountingResponder()
    for n in (1, 2):
        watch.turn(responder, "", 1)
        assert (responder.count, watch.again, watch.doubtful) == (n, 0, n)


def test_a_core_is_slow_against_the_fastest_seen(monkeypatch, tmp_path):
    rates = [[9.0, 10.0]] * 10 + [[9.4, 9.5], [10.0, 5.0], [12.0, 11.0], [11.3, 11.9]]
    trips = [70.0] * 10 + [140.0] * 4 + [141.0, 60.0, 121.0]
    monkeypatch.setattr(Cores, "_rates", lambda _: rates.pop(0) if rates else [12.0, 12.0])
    monkeypatch.setattr(Cores, "_trip", lambda _: trips.pop(0))
    cores = Cores(tmp_path, "loop", [0, 1])
    assert [cores.whole() for _ in range(4)] == [True, False, False, True]
    assert [cores.whole() for _ in range(3)] == [False, True, False]  # far, near, far
    assert (cores.shortest, cores.longest) == (60, 141)


def test_real_loops_on_all_cores(toolbox, tmp_path):
    if not _float_limits():
        pytest.skip("no loop is known for this CPU")
    if not usable_cpus():
        pytest.skip("the system does not pin processes to cores")
    program = build_limits(str(toolbox.need("gcc")), tmp_path)
    cores = Cores(program, _float_limits()[0], usable_cpus()[:2])
    # Multiply-adds a nanosecond, and nanoseconds; a busy machine's processes take turns on a core.
    assert all(0 < rate < 1000 for rate in cores._rates())
    if len(cores._cpus) > 1:
        assert cores._trip() > 1
