"""The bench's result as text and as Markdown tables."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping

from drypoint.bench import Figure, markdown_table, table, us

from ._result import OURS, TrainNet, TrainRatio, TrainResult, TrainTimes


def train_text(result: TrainResult) -> str:
    """The whole result."""
    lines = [
        result.machine.line,
        f"{result.rounds} interleaved rounds of about {result.ms} ms a figure, medians; a step is "
        "drawing and scaling images, forward, backward, Adam",
    ]
    for net in result.nets:
        lines += ["", *_net(net)]
    if doubts := [*result.failures, *result.warnings]:
        lines += ["", *(f"warning: {doubt}" for doubt in doubts)]
    return "\n".join(lines)


def train_markdown(result: TrainResult) -> str:
    """A table a net: a row for each batch and count of threads, and how much faster ours are."""
    lines = list[str]()
    for net in result.nets:
        lines += [*_page(net), ""]
    names = ",".join(net.name for net in result.nets)
    batches = ",".join(map(str, result.nets[0].batches))
    return "\n".join(
        [
            *lines,
            *(f"{failure}\n" for failure in result.failures),
            f"({result.machine.cpu}, {result.machine.compiler}; microseconds an image of a full "
            "step, peers at their best setting: processor time with one thread, wall time with "
            f"several; how many times as fast {result.nets[0].ours[-1].name} is; medians of "
            f"{result.rounds} interleaved rounds, of ratios within rounds; MB: what training "
            "takes beside the library and the data; "
            f"`make bench-train ARGS='--nets {names} --batches {batches} --markdown'` "
            "measures again.)",
        ]
    )


def _net(net: TrainNet) -> Iterator[str]:
    limit = "" if net.limit is None else f"; one core does {net.limit.median:.0f} GFLOP/s"
    yield (
        f"{net.name}: a step takes {net.step_flops / 1e6:.2f} MFLOP an image, forward "
        f"{net.forward_flops / 1e6:.2f} (direct convolution){limit}"
    )
    for title, of, flops in (
        ("full step, images a second", lambda times: times.step_us, net.step_flops),
        ("full step, images a second of one core's time", lambda times: times.step_cpu_us, 0),
        ("forward, images a second", lambda times: times.forward_us, net.forward_flops),
    ):
        yield ""
        yield from table(list(_rows(net, title, of, flops)))
    if net.ratios:
        yield ""
        yield from table(list(_ratio_rows(net)))
    yield ""
    yield from table(list(_memory_rows(net)))
    yield from (f"  {note}" for note in net.notes)


def _rows(
    net: TrainNet, title: str, of: Callable[[TrainTimes], Mapping[int, Figure]], flops: int
) -> Iterator[tuple[str, ...]]:
    yield (title, "threads", *map(str, net.batches), *(["best of limit"] if flops else []))
    for times in net.libraries:
        figures = of(times)
        rates = tuple(f"{1e6 / figures[n].median:,.0f}" for n in net.batches)
        best = min(figure.median for figure in figures.values())
        share = (_share(net, flops / best / 1e3, times.threads),) if flops else ()
        yield (f"{times.name} {times.version}", str(times.threads), *rates, *share)


def _ratio_rows(net: TrainNet) -> Iterator[tuple[str, ...]]:
    yield ("full step, times as fast: median (rounds)", "threads", "by", *map(str, net.batches))
    for ours in net.ours:
        clock = "CPU time" if ours.threads == 1 else "wall time"
        for family in (*net.peers, OURS):
            found = {ratio.batch: ratio for ratio in _over(net, ours, family)}
            if found:
                what = f"{ours.name} over {'one thread' if family == OURS else family}"
                yield (
                    what,
                    str(ours.threads),
                    clock,
                    *(_cell(found[n].times) for n in net.batches),
                )
    gains = [gain for n in net.batches if (gain := net.gain(n)) is not None]
    if gains:
        most = str(max(net.threads))
        yield (f"{most} trainings at once over one", most, "wall time", *map(_cell, gains))


def _memory_rows(net: TrainNet) -> Iterator[tuple[str, ...]]:
    yield ("the most memory in use, MB", "threads", "all", "to train")
    for times in net.libraries:
        yield (times.name, str(times.threads), _mb(times.peak_bytes), _mb(times.training_bytes))


def _mb(n_bytes: float) -> str:
    return "-" if math.isnan(n_bytes) else f"{n_bytes / 1e6:,.0f}"


def _over(net: TrainNet, ours: TrainTimes, family: str) -> Iterator[TrainRatio]:
    for ratio in net.ratios:
        if (ratio.ours, ratio.threads, ratio.family) == (ours.name, ours.threads, family):
            yield ratio


def _cell(times: Figure) -> str:
    return f"{times.median:.2f} ({times.low:.2f} to {times.high:.2f})"


def _page(net: TrainNet) -> Iterator[str]:
    """Ours, each peer at its best setting, and how much faster the slowest of ours is."""
    ours = list(dict.fromkeys(times.name for times in net.ours))
    slowest, several = ours[-1], len(net.threads) > 1
    families = [*net.peers, *([OURS] if several else [])]
    over = [f"over {'one thread' if f == OURS else f}" for f in families]
    over += ["trainings at once over one"] if net.at_once else []
    over += [f"MB of {family}" for family in (OURS, *net.peers)]
    rows = []
    for threads, n in itertools.product(net.threads, net.batches):
        here = [times for times in net.libraries if times.threads == threads]
        figures = [_least(n, (times for times in here if times.name == name)) for name in ours]
        figures += [_least(n, (times for times in here if times.family == f)) for f in net.peers]
        ratios = {
            r.family: f"{r.times.median:.2f}"
            for r in net.ratios
            if (r.ours, r.batch, r.threads) == (slowest, n, threads)
        }
        cells = [ratios.get(f, "-") for f in families]
        if net.at_once:
            gain = net.gain(n) if threads == max(net.threads) else None
            cells.append("-" if gain is None else f"{gain.median:.2f}")
        for family in (OURS, *net.peers):
            sizes = [times.training_bytes for times in here if times.family == family]
            cells.append(_mb(min(sizes, default=math.nan)))
        rows.append((str(n), str(threads), *figures, *cells))
    return markdown_table((f"{net.name}, images a step", "threads", *ours, *net.peers, *over), rows)


def _least(batch: int, libraries: Iterable[TrainTimes]) -> str:
    return us(min((times.fair_us[batch].median for times in libraries), default=None))


def _share(net: TrainNet, gflops: float, threads: int) -> str:
    if net.limit is None or net.limit.median == 0:
        return "-"
    return f"{gflops / (threads * net.limit.median):.0%}"
