"""The bench of training: every library, batch and number of threads, in interleaved rounds."""

import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint import data
from drypoint.engine import Engine
from drypoint.nn import Model

from ._build import build_limits
from ._contestants import Contestant, served
from ._figure import Figure
from ._limits import measure_limits
from ._machine import BUSY, look, usable_cpus
from ._net import started
from ._nets import NETS, random_images
from ._rounds import Answers, run_rounds
from ._train_result import TrainNet, TrainResult, TrainTimes

IMAGES = 4096  # in memory
WIDE = 0.1  # a spread that deserves a warning: training meets the whole machine
PACKAGES = {
    "drypoint": "drypoint",
    "drypoint, augmenting": "drypoint",
    "PyTorch": "torch",
    "PyTorch channels_last": "torch",
    "JAX": "jax",
}


@dataclass(frozen=True, kw_only=True)
class TrainPlan:
    """What every library is asked.

    Attributes:
        rounds: turns of every library.
        ms: milliseconds of a turn at one question.
        batches: images a step.
        threads: how many a library may use; more than one only where there are as many cores.
        peers: whether the installed ones take part.
    """

    rounds: int = 5
    ms: int = 300
    batches: tuple[int, ...] = (32, 64, 128, 256, 512, 1024)
    threads: tuple[int, ...] = (1, 2)
    peers: bool = True


QUICK_TRAIN = TrainPlan(rounds=3, ms=100, batches=(128,), threads=(1,))


def bench_training(
    names: Sequence[str],
    plan: TrainPlan,
    *,
    compiler: str,
    say: Callable[[str], None],
    told: Callable[[int, int], None],
) -> TrainResult:
    """Time training of nets of ``NETS``.

    Args:
        names: of nets.
        plan: how long.
        compiler: path of a C compiler.
        say: told a line about what goes on.
        told: told how many of how many turns are done.

    Raises:
        BenchError: drypoint or the compiler failed.
    """
    machine, cpus = look(compiler), usable_cpus()
    nets = list[TrainNet]()
    with tempfile.TemporaryDirectory(prefix="drypoint-bench-") as name:
        folder = Path(name)
        limits = build_limits(compiler, folder)
        for net in names:
            say(f"timing the training of {net}: {plan.rounds} rounds")
            nets.append(_time_net(net, plan, folder, limits=limits, cpus=cpus, told=told))
    return TrainResult(
        machine=machine,
        rounds=plan.rounds,
        ms=plan.ms,
        nets=tuple(nets),
        warnings=tuple(_warnings(machine.load, nets)),
    )


def _time_net(
    name: str,
    plan: TrainPlan,
    folder: Path,
    *,
    limits: Path,
    cpus: list[int],
    told: Callable[[int, int], None],
) -> TrainNet:
    net = NETS[name]().initialize(0)
    x, y = _images(name)
    Model(net).save(folder / "net.npz")
    np.savez(folder / "data.npz", x=x, y=y)
    counts = [n for n in plan.threads if n == 1 or n <= len(cpus)]
    versions = _installed(peers=plan.peers)
    commands = [(kind, batch) for kind in ("step", "forward") for batch in plan.batches]
    questions = [(f"{kind} {batch} {plan.ms}", 2) for kind, batch in commands]
    done, total = itertools.count(1), plan.rounds * len(counts) * len(versions) * len(questions)
    libraries, notes, limit = list[TrainTimes](), list[str](), None
    for threads in counts:
        entrants = [_entrant(one, folder, threads) for one in versions]
        with started(entrants, cpus[-threads:]) as (processes, left_out):
            notes += left_out
            answers, found = run_rounds(
                processes,
                dict.fromkeys(processes, questions),
                rounds=plan.rounds,
                limits=lambda: measure_limits(limits, _float_limits(), cpus=cpus[-1:]),
                told=lambda: told(next(done), total),
            )
        if limit is None and found:
            limit = next(iter(found.values())).scaled(2)  # a multiply-add is two operations
        libraries += [_times(one, versions[one], threads, plan, answers) for one in processes]
    forward, step = flops(name)
    return TrainNet(
        name=name,
        step_flops=step,
        forward_flops=forward,
        limit=limit,
        libraries=tuple(libraries),
        notes=tuple(notes),
    )


def _images(name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Digits for nets that take them, since how many gradients are zero depends on the images."""
    shape = NETS[name]().input_shape
    assert shape is not None  # every net here says it
    channels, height, width = shape
    if (channels, height, width) == (1, 28, 28):
        digits = data.load("mnist", "train")[:IMAGES]
        return digits.x, digits.y
    classes = np.random.default_rng(0).integers(0, 10, IMAGES)
    return random_images(height, width, channels, n=IMAGES, seed=1), classes


def _installed(*, peers: bool) -> dict[str, str]:
    """Library -> version, of those that can run here."""
    found = {}
    for name, package in PACKAGES.items():
        try:
            if peers or package == "drypoint":
                found[name] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _entrant(name: str, folder: Path, threads: int) -> Contestant:
    files = (str(folder / "net.npz"), str(folder / "data.npz"))
    return Contestant(
        name=name,
        command=served("serve_training", name, *files, str(threads)),
        backend=name if name.startswith("drypoint") else None,
        through_c=False,
    )


def _float_limits() -> list[str]:
    here = Engine.backends()
    return ["fma512"] if "avx512vnni" in here else ["fma256"] if "avx2" in here else []


def _times(name: str, number: str, threads: int, plan: TrainPlan, answers: Answers) -> TrainTimes:
    def of(kind: str, line: int) -> dict[int, Figure]:
        return {n: answers[name][f"{kind} {n} {plan.ms}"][line] for n in plan.batches}

    return TrainTimes(
        name=name,
        version=number,
        threads=threads,
        step_us=of("step", 0),
        step_cpu_us=of("step", 1),
        forward_us=of("forward", 0),
    )


def flops(name: str) -> tuple[int, int]:
    """Operations an image, forward and of a whole step.

    Backward takes as much twice, once for the weights and once for the input; of the first layer
    only the weights' part.
    """
    macs = [layer.macs for layer in NETS[name]().info().layers if layer.n_params]
    return 2 * sum(macs), 6 * sum(macs) - 2 * macs[0]


def _warnings(load: float, nets: Sequence[TrainNet]) -> Iterator[str]:
    if load > BUSY:
        yield f"the machine is busy: load average {load:.1f} before the start"
    for net in nets:
        wide = {
            f"{one.name} ({one.threads})"
            for one in net.libraries
            if max(figure.spread for figure in one.step_us.values()) > WIDE
        }
        if wide:
            yield f"{net.name}: rounds differ by more than {WIDE:.0%} for {', '.join(sorted(wide))}"
