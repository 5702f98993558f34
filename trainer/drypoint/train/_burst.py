"""Several steps by one call of the kernels: batches of a group, each with its update.

What Python does for a step takes a few times as long after a step as right after itself: the
kernels have driven it out of the processor's caches. For a group it does it in a row, once, before
any of the steps is made: where to copy the batch from, and the optimizer's numbers. The kernels
then run through all of it, and no thread waits for Python in between.
"""

from drypoint.autodiff import Recording, play

from ._examples import Batch
from ._optimizers import OwnOptimizer, arranged, is_own
from ._plan import Plan
from ._session import Session
from ._sources import DROPOUT
from ._step import Totals, totals_of
from ._turns import Turn


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
    settings, optimizer = plan.settings, plan.settings.optimizer
    clipped = settings.clip_grad_norm is not None or settings.clip_weight is not None
    if plan.team is not None or clipped or not is_own(optimizer):
        return []
    begin, turns, recordings = session.step, list[Turn](), list[Recording]()
    for place, (batch, n) in enumerate(group):
        seed = (settings.seed, DROPOUT, session.step)
        turn = session.turns.at(place, batch, seed=seed, divisor=n)
        if turn is None:
            break
        with Recording(dry=True) as after:
            _move(plan, session, turn, optimizer)
        turns.append(turn)
        recordings += [turn.recording, after]
    n_steps = play(recordings) // 2 if turns else 0
    session.step = begin + n_steps
    return [
        totals_of(plan, session, turn.rooms.outcome, batch)
        for turn, (batch, _) in zip(turns[:n_steps], group, strict=False)
    ]


def _move(plan: Plan, session: Session, turn: Turn, optimizer: OwnOptimizer) -> None:
    """What `update` does, for gradients that are always in the same place."""
    if turn not in session.arranged:
        params = session.weights.params
        session.arranged[turn] = {
            multiplier: arranged({p: params[p] for p in paths}, turn.gradients, session.state)
            for multiplier, paths in plan.groups.items()
            if multiplier
        }
    rate = plan.rate(session.step)
    session.step += 1
    for multiplier, parameters in session.arranged[turn].items():
        optimizer.move(parameters, lr=rate * multiplier, t=session.step)
    session.weights.stepped(session.step)
