"""The engine's figures as a table in Markdown."""

from collections.abc import Iterator

from drypoint.common import markdown_text

from ._result import BenchResult, NetTimes, best_batch
from ._tables import share, us

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
