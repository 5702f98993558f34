"""The bench of training: its nets, and every library, batch and count of threads in rounds."""

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drypoint import bench, data, nn
from drypoint.bench import SIGNALS as OF_ENGINE
from drypoint.bench import (
    BenchError,
    Contestant,
    Figure,
    Process,
    Responder,
    build_limits,
    figures_by_batch,
    look,
    measure_limits,
    random_images,
    run_rounds,
    spread_warnings,
    start,
    usable_cpus,
)
from drypoint.common import progress
from drypoint.engine import Engine
from drypoint.nn import Model, Sequential

from ._cores import Cores, Together, Watch, Watched
from ._result import OURS, TrainNet, TrainResult, TrainTimes


def unet() -> Sequential:
    """A small U-Net for maps of 32 x 32: two levels of 8 and 16 channels, a skip between them."""

    def block(channels: int) -> dict[str, nn.Layer]:
        conv = nn.Conv2d(channels, 3, padding="same", bias=False)
        return {"conv": conv, "norm": nn.BatchNorm2d(), "act": nn.ReLU()}

    layers: dict[str, nn.Module] = {
        "fine": Sequential(block(8)),
        "pool": nn.MaxPool2d(2),
        "coarse": Sequential(block(16)),
        "up": nn.Upsample(2),
        "join": nn.Concat(),
        "decoder": Sequential(block(8)),
        "map": nn.Conv2d(1, 1),
    }
    edges = [
        ("input", "fine", "pool", "coarse", "up", "join.a"),
        ("fine", "join.b"),
        ("join", "decoder", "map"),
    ]
    return Sequential({"unet": nn.Graph(layers, edges, {"input": (1, 32, 32)})}, (1, 32, 32))


def gru(steps: int) -> Sequential:
    """A GRU of 32 units on 8 signals, whose last output gives 6 classes."""
    return Sequential([nn.GRU(32), nn.Linear(6)], (8, steps))


NETS: dict[str, Callable[[], Sequential]] = {
    **bench.NETS,
    "mobilenet": nn.mobilenet,
    "tcn": nn.tcn,
    "unet": unet,
    "gru-50": lambda: gru(50),
    "gru-200": lambda: gru(200),
}
SIGNALS = (
    *OF_ENGINE,
    "tcn",
    "unet",
    "gru-50",
    "gru-200",
)  # these read real numbers, and images the others
MNIST = (1, 28, 28)  # the shape of nets that read it
REPEATING = ("ad", "unet")  # these learn to repeat their input, and classes the others

EXAMPLES = (
    15_360  # random ones of nets that do not read MNIST: images of 28 x 28 have MNIST's bytes
)


def training_data(name: str) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Examples and targets of a net.

    Returns:
        x: MNIST for nets that read it, since the images determine how many gradients are zero;
            else random, uint8 images (N, h, w) or (N, h, w, 3), or float32 signals.
        y: int64 classes (N,), or x where a net repeats its input.
    """
    net = NETS[name]()
    shape = net.input_shape
    assert shape is not None  # every net of NETS has one
    if shape == MNIST:
        digits = data.load("mnist", "train")
        return digits.x, digits.y
    rng = np.random.default_rng(0)
    classes = rng.integers(0, net.output_shape(shape)[0], EXAMPLES)
    if name in SIGNALS:
        x = rng.normal(size=(EXAMPLES, *shape)).astype(np.float32)
        return x, x if name in REPEATING else classes
    channels, height, width = shape
    return random_images(height, width, channels, n=EXAMPLES, seed=1), classes


AT_ONCE = "trainings at once"  # as many one-thread trainings as the largest number of threads
# Seconds to wait, for a net, until all cores are at full speed; none for one thread, whose time is
# that of the processor.
PATIENCE = 120
WIDE = 0.1  # a spread that deserves a warning
# Library -> names of its packages; one of them is enough.
PACKAGES = {
    "drypoint": ("drypoint",),
    "drypoint, augmenting": ("drypoint",),
    "PyTorch": ("torch",),
    "PyTorch channels_last": ("torch",),
    "TensorFlow": ("tensorflow", "tensorflow-cpu"),
    "JAX": ("jax",),
}


# The code of a library's process, which finds this package from any working folder.
_SERVE = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r}); "
    "from training_bench import serve; serve(sys.argv[1:])"
)


@dataclass(frozen=True, kw_only=True)
class TrainPlan:
    """What to measure of every library.

    Attributes:
        rounds: measurements of each question by every library.
        ms: milliseconds of a measurement.
        batches: images a step.
        threads: numbers of threads of a library; a number above the number of cores is left out.
        peers: whether installed peers are timed.
    """

    rounds: int = 5
    ms: int = 600
    batches: tuple[int, ...] = (32, 64, 128, 256, 512, 1024)
    threads: tuple[int, ...] = (1, 2)
    peers: bool = True


QUICK = TrainPlan(rounds=3, ms=100, batches=(128,), threads=(1,))


def bench_training(
    names: Sequence[str], plan: TrainPlan, *, compiler: str, notify: Callable[[str], None]
) -> TrainResult:
    """Time training of nets of ``NETS`` of this package.

    A net that fails is among the result's failures; the others keep their
    figures.

    Raises:
        BenchError: the compiler failed, there are fewer cores than the fewest threads, or no net
            could be timed: then the first net's reason.
    """
    machine, cpus = look(compiler), usable_cpus()
    if min(plan.threads) > max(1, len(cpus)):
        raise BenchError(f"cannot time {min(plan.threads)} threads on {max(1, len(cpus))} cores")
    nets, failed = list[TrainNet](), list[str]()
    with tempfile.TemporaryDirectory(prefix="drypoint-bench-") as name:
        folder = Path(name)
        limits = build_limits(compiler, folder)
        for net in names:
            notify(f"timing the training of {net}: {plan.rounds} rounds")
            try:
                nets.append(_time_net(net, plan, folder, limits=limits, cpus=cpus))
            except BenchError as error:
                failed.append(f"{net} is not timed: {error}")
                notify(failed[-1])
    if not nets:
        raise BenchError(failed[0])
    return TrainResult(
        machine=machine,
        rounds=plan.rounds,
        ms=plan.ms,
        nets=tuple(nets),
        failures=tuple(failed),
        warnings=tuple(spread_warnings(machine.load, _step_figures(nets), wide=WIDE)),
    )


def _time_net(
    name: str, plan: TrainPlan, folder: Path, *, limits: Path, cpus: list[int]
) -> TrainNet:
    net = NETS[name]().initialize(0)
    x, y = training_data(name)
    if max(plan.batches) > len(y):
        raise BenchError(
            f"{name} has {len(y):,} examples, too few for a batch of {max(plan.batches):,}"
        )
    Model(net).save(folder / "net.npz")
    np.savez(folder / "data.npz", x=x, y=y)
    versions = _installed_libraries(peers=plan.peers, augments=net.input_shape == MNIST)
    counts = [n for n in plan.threads if n == 1 or n <= len(cpus)]
    commands = [(kind, batch) for kind in ("step", "forward") for batch in plan.batches]
    questions = [(f"{kind} {batch} {plan.ms}", 2) for kind, batch in commands]
    with contextlib.ExitStack() as stack:
        processes, notes = dict[str, Process](), list[str]()
        notes += [
            f"left out: {n} threads on {len(cpus)} cores" for n in plan.threads if n not in counts
        ]
        for threads in counts:
            entrants = [_entrant(name, folder, threads) for name in versions]
            begun, left_out = stack.enter_context(start(entrants, cpus[-threads:]))
            processes |= begun
            notes += left_out
        before = {key: process.memory() for key, process in processes.items()}
        responders: dict[str, Responder] = {**processes}
        if max(counts) > 1:
            command = _entrant(OURS, folder, 1).command
            together = [
                stack.enter_context(Process(AT_ONCE, command, cpus=[cpu]))
                for cpu in cpus[-max(counts) :]
            ]
            responders[AT_ONCE] = Together(together)
        loops, used = _float_limits(), cpus[-max(counts) :]
        cores = Cores(limits, loops[0], used) if loops and used else None
        watch = (
            None
            if cores is None
            else Watch(cores.whole, patience=PATIENCE if max(counts) > 1 else 0)
        )
        if watch is not None:
            responders = {key: Watched(responder, watch) for key, responder in responders.items()}
        total = plan.rounds * len(responders) * len(questions)
        done = stack.enter_context(progress(f"timing {name}", total=total, unit="turns"))
        answers, limits_found = run_rounds(
            responders,
            [{key: [question] for key in responders} for question in questions],
            rounds=plan.rounds,
            limits=lambda: measure_limits(limits, _float_limits(), cpus=cpus[-1:]),
            on_answer=lambda: done(1),
        )
        peaks = {key: process.peak_memory() for key, process in processes.items()}
    if watch is not None and cores is not None:
        notes += _core_notes(watch, cores)
    limit = next(
        (figure.scale(2) for figure in limits_found.values()), None
    )  # a multiply-add is two
    libraries = [
        _times(
            name,
            versions[name],
            threads,
            plan,
            answers=answers[key],
            memory=(before[key], peaks[key]),
        )
        for threads in counts
        for name in versions
        if (key := _key(name, threads)) in processes
    ]
    forward, step = flops(name)
    return TrainNet(
        name=name,
        step_flops=step,
        forward_flops=forward,
        limit=limit,
        libraries=tuple(libraries),
        at_once=figures_by_batch(answers[AT_ONCE], "step", plan.batches, plan.ms)
        if AT_ONCE in answers
        else None,
        notes=tuple(notes),
    )


def _core_notes(watch: Watch, cores: Cores) -> Iterator[str]:
    yield (
        f"{watch.again} of {watch.turns} turns did not count, since cores were slower, or farther "
        f"apart, than they can be right before or after them; {watch.doubtful} such ones count"
    )
    if cores.longest:
        yield (
            f"a cache line took {cores.shortest:.0f} to {cores.longest:.0f} ns from one core to "
            "the other and back"
        )


def _installed_libraries(*, peers: bool, augments: bool) -> dict[str, str]:
    """Library -> version, of the installed libraries; ours twice where images are augmented."""
    found = {}
    for name, packages in PACKAGES.items():
        if not augments and name == "drypoint, augmenting":
            continue
        for package in packages if peers or "drypoint" in packages else ():
            with contextlib.suppress(PackageNotFoundError):
                found[name] = version(package)
    return found


def _key(name: str, threads: int) -> str:
    return f"{name} ({threads})"


def _entrant(name: str, folder: Path, threads: int) -> Contestant:
    files = (str(folder / "net.npz"), str(folder / "data.npz"))
    return Contestant(
        name=_key(name, threads),
        command=(sys.executable, "-c", _SERVE, name, *files, str(threads)),
        backend=name if name.startswith("drypoint") else None,
        through_c=False,
    )


def _float_limits() -> list[str]:
    here = Engine.backends()
    return ["fma512"] if "avx512vnni" in here else ["fma256"] if "avx2" in here else []


def _times(
    name: str,
    number: str,
    threads: int,
    plan: TrainPlan,
    *,
    answers: Mapping[str, list[Figure]],
    memory: tuple[float, float],
) -> TrainTimes:
    return TrainTimes(
        name=name,
        version=number,
        threads=threads,
        step_us=figures_by_batch(answers, "step", plan.batches, plan.ms),
        step_cpu_us=figures_by_batch(answers, "step", plan.batches, plan.ms, line=1),
        forward_us=figures_by_batch(answers, "forward", plan.batches, plan.ms),
        peak_bytes=memory[1],
        training_bytes=memory[1] - memory[0],
    )


def flops(name: str) -> tuple[int, int]:
    """Operations an image, forward and of a whole step.

    The gradients of a layer by its weights and by its input take as many operations each as its
    forward; the first layer has no gradient by its input.
    """
    macs = [layer.macs for layer in NETS[name]().info().layers if layer.n_params]
    return 2 * sum(macs), 6 * sum(macs) - 2 * macs[0]


def _step_figures(nets: Sequence[TrainNet]) -> dict[str, dict[str, list[Figure]]]:
    """Net -> library and threads -> the figures of a step."""
    return {
        net.name: {_key(x.name, x.threads): [*x.fair_us.values()] for x in net.libraries}
        for net in nets
    }
