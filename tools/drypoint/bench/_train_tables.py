"""What ``drypoint bench --train`` found, as text."""

from collections.abc import Callable, Iterator, Mapping

from ._figure import Figure
from ._tables import table
from ._train_result import TrainNet, TrainResult, TrainTimes

OURS = "drypoint"


def train_text(result: TrainResult) -> str:
    """The whole result."""
    lines = [
        result.machine.line,
        f"{result.rounds} interleaved rounds of about {result.ms} ms a figure, medians; a step is "
        "drawing and scaling images, forward, backward, Adam",
    ]
    for net in result.nets:
        lines += ["", *_net(net)]
    if result.warnings:
        lines += ["", *(f"warning: {warning}" for warning in result.warnings)]
    return "\n".join(lines)


def _net(net: TrainNet) -> Iterator[str]:
    limit = "" if net.limit is None else f"; one core does {net.limit.median:.0f} GFLOP/s"
    yield (
        f"{net.name}: a step takes {net.step_flops / 1e6:.2f} MFLOP an image, forward "
        f"{net.forward_flops / 1e6:.2f} (direct convolution){limit}"
    )
    for title, of, flops in (
        ("full step, images a second", lambda one: one.step_us, net.step_flops),
        ("full step, images a second of one core's time", lambda one: one.step_cpu_us, 0),
        ("forward, images a second", lambda one: one.forward_us, net.forward_flops),
    ):
        yield ""
        yield from table(list(_rows(net, title, of, flops)))
    yield from (f"  {note}" for note in net.notes)


def _rows(
    net: TrainNet, title: str, of: Callable[[TrainTimes], Mapping[int, Figure]], flops: int
) -> Iterator[tuple[str, ...]]:
    """Rates, and below ours its gain over the best peer with as many threads."""
    batches = list(of(net.libraries[0]))
    yield (title, "threads", *map(str, batches), *(["best of limit"] if flops else []))
    for one in net.libraries:
        figures = of(one)
        rates = tuple(f"{1e6 / figures[n].median:,.0f}" for n in batches)
        best = min(figure.median for figure in figures.values())
        share = (_share(net, flops / best / 1e3, one.threads),) if flops else ()
        yield (f"{one.name} {one.version}", str(one.threads), *rates, *share)
    for threads in sorted({one.threads for one in net.libraries}):
        group = [one for one in net.libraries if one.threads == threads]
        ours = [one for one in group if one.name == OURS]
        peers = [one for one in group if not one.name.startswith(OURS)]
        if ours and peers:
            gains = tuple(_gain(of(ours[0])[n], [of(p)[n] for p in peers]) for n in batches)
            yield ("  drypoint over the best peer", str(threads), *gains, *([""] if flops else []))


def _share(net: TrainNet, gflops: float, threads: int) -> str:
    if net.limit is None or net.limit.median == 0:
        return "-"
    return f"{gflops / (threads * net.limit.median):.0%}"


def _gain(ours: Figure, theirs: list[Figure]) -> str:
    best = min(theirs, key=lambda figure: figure.median)
    return f"{best.over(ours).median:.2f} x"
