"""One epoch: its batches, prefetched by a second thread, its training steps, and validation."""

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import closing
from typing import Any, TypeAlias, TypeVar

import numpy as np

from drypoint.nn import Context

from ._examples import Column, Examples, LazyBatch, Rows, stored_arrays
from ._metrics import ACCURACY, Totals
from ._plan import Plan
from ._reports import Progress
from ._training_state import Figures, TrainingState
from .step.tape import Shard, Step

EXAMPLES_AT_ONCE, NUMBERS_AT_ONCE, BYTES_AT_ONCE = 2048, 3 << 19, 5 << 19
"""Bounds of a group of batches that is encoded at once; the bytes are before encoding."""
PREFETCH_DEPTH = 1
"""Groups made in advance, beside the group that the steps read: its batches take memory too."""
EVALUATION_BATCH = 256
POLL_SECONDS = 0.25
"""Seconds of steps between two checks for a stop, and between two reports."""

StoredBatch: TypeAlias = tuple[LazyBatch, Column, int]
"""A batch before encoding: (this process's shard, the indices of its examples, examples of the
whole batch)."""

T = TypeVar("T")


def prefetch(items: Iterator[T], thread: Executor) -> Generator[T, None, None]:
    """The items in order, made by another thread, at most `PREFETCH_DEPTH` in advance.

    Prefetching does not change an item: the thread makes one after the other, and random numbers
    depend on epoch and index alone. An error of the iterator is raised in place of its item. If
    the reader stops early, the thread finishes its item and drops it.
    """
    end = object()
    futures = deque(thread.submit(next, items, end) for _ in range(PREFETCH_DEPTH))
    try:
        while (item := futures.popleft().result()) is not end:
            futures.append(thread.submit(next, items, end))
            yield item  # type: ignore[misc]  # next() gives a T or `end`
    finally:
        for future in futures:
            future.cancel()


def batches(plan: Plan, number: int) -> Iterator[list[Shard]]:
    """This process's shard of each batch of an epoch, augmented and encoded, in groups.

    Small batches are augmented and encoded several at a time, since each call, and each wake of the
    second thread, costs about as much for 256 images as for 64. The encoding of an example does
    not depend on its neighbours.
    """
    for group in _groups(plan, number):
        yield _encode_group(plan, group, number)  # no variable here keeps the arrays alive


def _encode_group(plan: Plan, group: list[StoredBatch], number: int) -> list[Shard]:
    """The shards of a group of batches of an epoch; the group is emptied.

    Columns that neither encoder nor augmentation changes are not copied.
    """
    settings = plan.settings
    columns = {port: [stored[port] for stored, _, _ in group] for port in group[0][0]}
    changed = [port for port, (first, *_) in columns.items() if plan.changes(port, first)]
    batch = {port: _concatenate([*map(np.asarray, columns.pop(port))]) for port in changed}
    places, sizes = [own for _, own, _ in group], [n for _, _, n in group]
    group.clear()  # its arrays, of which `batch` has copies
    indices = _concatenate(places)
    draw: dict[str, Any] = {"seed": settings.seed, "epoch": number, "indices": indices}
    if settings.augment is not None:
        batch[plan.images] = settings.augment(batch[plan.images], **draw)
    if change := getattr(settings.augment, "change_targets", None):
        batch[plan.targets] = change(batch[plan.targets], **draw)
    encoded, end, shards = plan.encode(batch), 0, []
    if change := getattr(settings.augment, "change_features", None):
        encoded[plan.images] = change(encoded[plan.images], **draw)
    for i, n in enumerate(sizes):
        begin, end = end, end + len(places[i])
        own = {port: column[begin:end] for port, column in encoded.items()}
        shards.append(Shard(own | {port: parts[i] for port, parts in columns.items()}, n))
    return shards


def _groups(plan: Plan, number: int) -> Iterator[list[StoredBatch]]:
    """The batches of an epoch before encoding, in groups. Rows that will be changed are copied."""
    group: list[StoredBatch] = []
    changed: dict[str, bool] = {}
    examples = numbers = size = 0
    for stored, places in plan.source.epoch(number):
        n = len(places)
        rows = slice(None) if plan.all_reduce is None else plan.all_reduce.shard(n)
        for port, column in stored.items():
            if isinstance(column, Rows) and port not in changed:
                changed[port] = plan.changes(port, column)
        batch = {
            port: np.asarray(column[rows]) if changed.get(port) else column[rows]
            for port, column in stored.items()
        }
        group.append((batch, places[rows], n))
        examples += n
        arrays = stored_arrays(batch).values()
        numbers += sum(array.size for array in arrays)
        size += sum(array.nbytes for array in arrays)
        full = numbers >= NUMBERS_AT_ONCE or size >= BYTES_AT_ONCE or examples >= EXAMPLES_AT_ONCE
        slow = plan.source.n is None or any(array.dtype.kind in "OU" for array in arrays)
        if slow or full:
            yield group
            group, examples, numbers, size = [], 0, 0, 0
    if group:
        yield group


def _concatenate(arrays: list[Column]) -> Column:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def train_epoch(
    plan: Plan,
    state: TrainingState,
    step: Step,
    progress: Progress,
    *,
    thread: Executor,
    halted: Callable[[], bool],
) -> Figures | None:
    """The mean figures of one epoch; None if it was halted or the loss is not finite.

    ``thread`` makes the batches.
    """
    begin = time.perf_counter()
    number = state.epoch + 1
    totals: dict[str, float] = {"loss": 0.0, **dict.fromkeys(plan.metrics, 0.0)}
    seen = 0
    with closing(prefetch(batches(plan, number), thread)) as groups:
        for item in _run_steps(step, groups, halted):
            if item is None:
                return None
            n, batch_totals = item
            for name, value in batch_totals.items():
                totals[name] += value
            seen += n
            if not math.isfinite(totals["loss"]):
                return None
            state.batch_loss.append(batch_totals["loss"] / n)
            state.examples += n
            accuracy = totals[ACCURACY] / seen if ACCURACY in totals else None
            progress.batch(n, loss=totals["loss"] / seen, accuracy=accuracy)
    if not state.weights.finite:  # the losses do not depend on the last update
        return None
    means = {name: value / seen for name, value in totals.items()}
    loss = means.pop("loss")
    rate, seconds = plan.rate(state.step - 1), time.perf_counter() - begin
    return {"loss": loss, "lr": rate, **means, "seconds": seconds, "examples": seen}


def _run_steps(
    step: Step, groups: Iterable[list[Shard]], halted: Callable[[], bool]
) -> Iterator[tuple[int, Totals] | None]:
    """(number of examples, totals) of each training step; None when halted. Groups are emptied."""
    n_at_once = 1  # steps of one call
    for group in groups:
        n_done = 0
        while rest := group[n_done : n_done + n_at_once]:
            if halted():
                yield None
                return
            begin = time.perf_counter()
            totals = step.run(rest)
            each = (time.perf_counter() - begin) / len(totals)
            yield from ((shard.size, t) for shard, t in zip(rest, totals, strict=False))
            n_done += len(totals)
            n_at_once = max(int(POLL_SECONDS / each), 1)
        group.clear()  # its arrays, before the next group is waited for


def validate(plan: Plan, state: TrainingState, val: Examples) -> Figures:
    """Mean validation loss and metrics of the averaged weights; the names begin with "val_"."""
    totals: dict[str, float] = {"loss": 0.0, **dict.fromkeys(plan.metrics, 0.0)}
    objective, params = state.weights.validation()
    for start in range(0, len(val), EVALUATION_BATCH):
        batch = plan.encode(val.take(slice(start, start + EVALUATION_BATCH)))
        outputs = objective.outputs(params, objective.inputs(batch), Context())
        totals["loss"] += float(objective.losses(outputs).data.sum())
        for name, figure in plan.metrics.items():
            totals[name] += float(figure.sums(name, outputs, [batch])[0])
    return {f"val_{name}": value / len(val) for name, value in totals.items()}
