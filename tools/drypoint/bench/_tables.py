"""A result as text, one screen a net, and as Markdown."""

import math
from collections.abc import Iterator, Sequence

from drypoint.common import markdown_text, table_lines

from ._chart import SpeedBars
from ._figure import Figure
from ._machine import CLOCK, READ
from ._result import BenchResult, EngineTimes, NetTimes, PeerTimes, ThreadTimes, best_batch

ENGINE_HEAD = (
    "backend",
    "C, us",
    "Python, us",
    "spread",
    "limit, us",
    "of limit",
    "batched, us",
    "n",
    "of limit",
    "packed, bytes",
    "load + pack + first, ms",
)
PEER_HEAD = (
    "peer, through Python",
    "us",
    "spread",
    "batched, us",
    "n",
    "spread",
    "decisions equal",
)
RATIO_HEAD = ("ours as a share of the best peer's time", "peer", "median", "rounds")
LAYER_HEAD = ("one input", "backend", "us", "spread", "MACs", "MAC/cycle", "limit, us", "of limit")


def text(result: BenchResult) -> str:
    """The whole result."""
    core = "" if result.core is None else f" on core {result.core}"
    lines = [
        result.machine.line,
        f"one thread{core}; {result.rounds} interleaved rounds of {result.ms} ms a figure, medians",
    ]
    clock = result.limits[CLOCK]
    for net in result.nets:
        lines += ["", *_net(net, clock)]
    lines += ["", *_empty(result.empty), "", *_threads(result.threads), "", *_startup(result)]
    lines += ["", *_limits(result)]
    lines += ["", SpeedBars(result).render(100)]
    if result.warnings:
        lines += ["", *(f"warning: {warning}" for warning in result.warnings)]
    return "\n".join(lines)


def _net(net: NetTimes, clock: Figure) -> Iterator[str]:
    yield (
        f"{net.name}: {net.macs:,} multiply-accumulates, {net.weight_bytes:,} bytes of weights, "
        f"blob {net.blob_bytes:,}, arena {net.arena_bytes:,}"
    )
    yield ""
    yield from table([ENGINE_HEAD, *map(_engine_row, net.engines)])
    if net.peers:
        yield ""
        yield from table([PEER_HEAD, *(_peer_row(net, peer) for peer in net.peers)])
        yield ""
        rows = [(r.what, r.peer, *_ratio(r.ratio)) for r in net.ratios]
        yield from table([RATIO_HEAD, *rows])
    yield from (f"  {note}" for note in net.notes)
    yield ""
    yield from table([LAYER_HEAD, *_layer_rows(net, clock)])


def _engine_row(times: EngineTimes) -> tuple[str, ...]:
    n, batched = best_batch(times.batches)
    steps = f"{times.load_ms:.2f} + {times.pack_ms:.2f} + {times.first_ms:.2f}"
    return (
        times.backend,
        us(times.c_us.median),
        us(times.python_us.median),
        f"{times.c_us.spread:.1%}",
        us(times.bound_us),
        share(times.bound_us, times.c_us.median),
        us(batched.median),
        str(n),
        share(times.batch_bound_us, batched.median),
        f"{times.packed_bytes:,}",
        steps,
    )


def _peer_row(net: NetTimes, peer: PeerTimes) -> tuple[str, ...]:
    n, batched = best_batch(peer.batches)
    return (
        f"{peer.name} {peer.version}",
        us(peer.batches[1].median),
        f"{peer.batches[1].spread:.1%}",
        us(batched.median),
        str(n),
        f"{batched.spread:.1%}",
        f"{peer.equal_decisions:,} of {net.images:,}",
    )


def _ratio(ratio: Figure) -> tuple[str, ...]:
    return f"{ratio.median:.2f}", f"{ratio.low:.2f} to {ratio.high:.2f}"


def _layer_rows(net: NetTimes, clock: Figure) -> Iterator[tuple[str, ...]]:
    """The rows of each op: a row for each backend, and for each peer with the op alone."""
    for i, first in enumerate(net.engines[0].layers):
        times = [
            (engine.backend, engine.layers[i].us, engine.layers[i].bound_us)
            for engine in net.engines
        ]
        times += [(f"{peer.name}, alone", peer.layers[i], None) for peer in net.peers]
        for row, (name, taken, bound) in enumerate(times):
            if math.isnan(taken.median):
                continue
            cycles = 1e3 * taken.median * clock.median
            yield (
                first.name if row == 0 else "",
                name,
                us(taken.median),
                f"{taken.spread:.1%}",
                f"{first.macs:,}",
                f"{first.macs / cycles:.1f}" if cycles > 0 else "-",
                us(bound),
                share(bound, taken.median),
            )


def _empty(net: NetTimes) -> Iterator[str]:
    yield "a call that computes one product:"
    (engine,) = net.engines
    rows = [("drypoint, C", engine.c_us), ("drypoint, Python", engine.python_us)]
    rows += [(peer.name, peer.batches[1]) for peer in net.peers]
    cells = [(name, us(figure.median), f"{figure.spread:.1%}") for name, figure in rows]
    yield from table([("", "us", "spread"), *cells])
    yield from (f"  {note}" for note in net.notes)


def _threads(times: Sequence[ThreadTimes]) -> Iterator[str]:
    if not times:
        yield "threads: one core only, nothing to share out"
        return
    yield f"threads, batches of {times[0].batch} through Python, us an input:"
    head = ("", "1 thread", "2 threads", "gain", "rounds")
    rows = [
        (t.name, us(t.us[1].median), us(t.us[2].median), *_ratio(t.us[1].over(t.us[2])))
        for t in times
    ]
    yield from table([head, *rows])


def _startup(result: BenchResult) -> Iterator[str]:
    yield "a program of its own, from its start to its first result:"
    head = ("", "ms", "spread", "peak memory, MB", "program and model, bytes")
    rows = [
        (
            start.name,
            f"{start.first_result_ms.median:.1f}",
            f"{start.first_result_ms.spread:.1%}",
            f"{start.peak_mb.median:.1f}",
            f"{start.bytes:,}",
        )
        for start in result.startup
    ]
    yield from table([head, *rows])


def _limits(result: BenchResult) -> Iterator[str]:
    clock = result.limits[CLOCK].median
    yield f"limits of one core, measured in the same rounds (clock {clock:.2f} GHz):"
    rows = [("", "GMAC/s or GB/s", "a cycle", "spread")]
    reads = [name for name in result.limits if name.startswith(READ)]
    largest = max(reads, key=lambda name: int(name.removeprefix(READ)), default="")
    for name, figure in result.limits.items():
        shown = name != CLOCK and (name not in reads or name == largest)  # all are in the JSON
        if shown and figure.median > 0:
            per_cycle = f"{figure.median / clock:.1f}" if clock > 0 else "-"
            rows.append((name, f"{figure.median:.1f}", per_cycle, f"{figure.spread:.1%}"))
    yield from table(rows)


def us(value: float | None) -> str:
    """Microseconds with about three digits."""
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def share(bound: float | None, value: float) -> str:
    """The share of the limit that is reached."""
    return "-" if bound is None or value <= 0 else f"{bound / value:.0%}"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned rows of equally many cells: the first column to the left, numbers to the right."""
    return [f"  {line}" for line in table_lines(rows)]


HEAD = (
    "microseconds an image",
    "one image: C",
    "Python",
    "of the limit",
    "batches (images a call)",
    "of the limit",
)
NET_HEAD = (
    "net",
    "MACs",
    "one image",
    "of the limit",
    "share of the best peer",
    "batches",
    "of the limit",
    "share of the best peer",
)


def markdown(result: BenchResult) -> str:
    """The first net's contestants in a table, and a line for every net if there are several."""
    first, *others = result.nets
    head = (f"{markdown_text(first.name)}, {HEAD[0]}", *HEAD[1:])
    lines = [*markdown_table(head, list(_contestants(first)))]
    if others:
        lines += ["", *markdown_table(NET_HEAD, [_net_row(net) for net in result.nets])]
    lines += [
        "",
        f"({result.machine.cpu}, {result.machine.compiler}; one thread, medians of {result.rounds} "
        f"interleaved rounds; `{command(result)}` measures again.)",
    ]
    return "\n".join(lines)


def command(result: BenchResult) -> str:
    """The command that prints the table."""
    names = ",".join(net.name for net in result.nets)
    return f"drypoint bench {'' if names == 'lenet' else f'--nets {names} '}--markdown"


def _contestants(net: NetTimes) -> Iterator[tuple[str, ...]]:
    for engine in net.engines:
        n, batched = best_batch(engine.batches)
        yield (
            f"drypoint, {engine.backend}",
            us(engine.c_us.median),
            us(engine.python_us.median),
            share(engine.bound_us, engine.c_us.median),
            f"{us(batched.median)} ({n})",
            share(engine.batch_bound_us, batched.median),
        )
    for peer in net.peers:
        n, batched = best_batch(peer.batches)
        single = us(peer.batches[1].median)
        yield f"{peer.name} {peer.version}", "", single, "", f"{us(batched.median)} ({n})", ""


def _net_row(net: NetTimes) -> tuple[str, ...]:
    engine = min(net.engines, key=lambda engine: engine.c_us.median)
    _, batched = best_batch(engine.batches)
    ratios = {ratio.what: f"{ratio.ratio.median:.2f} ({ratio.peer})" for ratio in net.ratios}
    single, _, many = [*ratios.values()] or ("", "", "")
    return (
        markdown_text(net.name),
        f"{net.macs:,}",
        us(engine.c_us.median),
        share(engine.bound_us, engine.c_us.median),
        single,
        us(batched.median),
        share(engine.batch_bound_us, batched.median),
        many,
    )


def markdown_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    """A table as pages have it: the first column to the left, numbers to the right."""
    yield f"| {' | '.join(head)} |"
    yield "|---|" + "---:|" * (len(head) - 1)
    yield from (f"| {' | '.join(row)} |" for row in rows)
