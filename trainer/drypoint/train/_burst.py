"""Several steps by one call of the kernels: batches of a group, each with its update.

What Python does for a step takes a few times as long after a step as right after itself: the
kernels have driven it out of the processor's caches, and all threads wait for it. For a group it
does it once, before any of the steps is made and after all of them: where to read the batches and
to leave what comes of them, the optimizer's numbers, the sums.
"""

from itertools import takewhile

from ._examples import Batch
from ._plan import Plan
from ._session import Session
from ._sources import DROPOUT
from ._step import Totals, totals_of
from ._turns import form_of


def burst(plan: Plan, session: Session, group: list[tuple[Batch, int]]) -> list[Totals]:
    """As many steps of the group, from its first batch on, as one call can make.

    None, if there is no pass that can be made again, or a step is more than that and an update by
    kernels. Where a loss is not finite, the weights are worthless after it, as they are after any
    update with such a loss: who reads the totals ends the run.

    Args:
        plan: of the run.
        session: its weights move.
        group: batches as the graph takes them, each with how many examples it has.
    """
    first, divisor = group[0]
    if session.moves is None or (turn := session.turns.of(first)) is None:
        return []
    batches = [batch for batch, _ in takewhile(lambda row: form_of(row[0]) == turn.form, group)]
    steps = range(session.step, session.step + len(batches))
    outcome, n_done = turn.play(
        batches,
        seeds=[(plan.settings.seed, DROPOUT, step) for step in steps],
        divisor=divisor,
        numbers=session.moves.values(session.step, len(batches)),
    )
    session.step += n_done
    return totals_of(plan, session, outcome, batches[:n_done]) if n_done else []
