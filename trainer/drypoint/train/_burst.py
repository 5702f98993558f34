"""Several steps by one call of the kernels: batches of a group, each with its update.

What Python does for a step takes a few times as long after a step as right after itself: the
kernels have driven it out of the processor's caches. For a group it does it in a row, once, before
any of the steps is made: where to copy the batch from, the optimizer's numbers, where to keep the
losses. The kernels then run through all of it, and no thread waits for Python in between.
"""

import numpy as np

from drypoint.autodiff import Recording, Tensor, copy_into, play

from ._examples import Batch
from ._optimizers import OPTIMIZERS
from ._passes import Pass
from ._plan import Plan
from ._session import Session
from ._step import Totals, totals_of, update


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
    recorded, settings = session.passes.recorded, plan.settings
    clipped = settings.clip_grad_norm is not None or settings.clip_weight is not None
    known = type(settings.optimizer) in OPTIMIZERS.values()
    if recorded is None or plan.team is not None or clipped or not known:
        return []
    if not recorded.recording.kernels_only:
        return []
    begin, parts, results = session.step, list[Recording](), list[Pass]()
    for batch, n in group:
        if not recorded.takes(batch, n):
            break
        made = _copies(recorded.result)
        with Recording(dry=True) as before:
            for port, column in recorded.batch.items():
                copy_into(column, batch[port])
        with Recording(dry=True) as after:
            copy_into(made.losses, recorded.result.losses)
            for port, y in made.outputs.items():
                copy_into(y.data, recorded.result.outputs[port].data)
            update(plan, session, made.gradients)
        parts += [before, recorded.recording, after]
        results.append(made)
    n_steps = play(parts) // 3
    session.step = begin + n_steps
    return [
        totals_of(plan, session, made, batch)
        for made, (batch, _) in zip(results[:n_steps], group, strict=False)
    ]


def _copies(result: Pass) -> Pass:
    """Memory for what is kept of a pass."""
    outputs = {port: Tensor(np.empty_like(y.data)) for port, y in result.outputs.items()}
    return Pass(outputs, np.empty_like(result.losses), result.gradients)
