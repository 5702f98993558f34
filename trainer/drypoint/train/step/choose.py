"""Choose the step of a run: the compiled step, or the tape step with a reason."""

from collections.abc import Callable

import numpy as np

from drypoint.autodiff.kernels.runtime import compiled_kernels
from drypoint.nn import Conv2d, CrossEntropyLoss, Graph, Layer, Loss, Module, Sequential

from .._examples import Examples
from .._objective import Objective
from .._plan import Plan
from .._training_state import TrainingState
from .compiled import CompiledStep
from .context import in_kernels, is_batch_norm
from .microbatch import splitting
from .tape import Step, TapeStep


def choose_step(
    plan: Plan, state: TrainingState, sample: Examples, *, notify: Callable[[str], None]
) -> tuple[Step, str]:
    """The step of a run, and its description in the plan line."""
    objective = state.weights.objective
    obstacle = why_not_compiled(plan, objective, sample)
    per_example = obstacle is None and is_per_example(objective)
    leaves = [module for _, module in _modules(objective.graph)]
    joint = any(map(is_batch_norm, leaves))
    in_groups = any(isinstance(leaf, Conv2d) and leaf.groups > 1 for leaf in leaves)
    splits = per_example and not (joint and in_groups)
    tape = TapeStep(plan, state, splitting(objective.graph, splits=splits, joint=joint))
    if not plan.settings.compiled:
        return tape, "tape step: compiled=False"
    if obstacle is not None:
        return tape, f"tape step: {obstacle}"
    callbacks = host_callbacks(plan, objective)
    with_callbacks = f" with host callbacks: {', '.join(callbacks)}" if callbacks else ""
    return CompiledStep(tape, notify), f"compiled step{with_callbacks}"


def why_not_compiled(plan: Plan, objective: Objective, sample: Examples) -> str | None:
    """The reason why the step cannot be compiled; None if there is no known reason."""
    if compiled_kernels() is None:
        return "there are no compiled kernels"
    for path, module in _modules(objective.graph):
        if not (module.in_kernels or type(module).run in (Layer.run, Loss.run)):
            return f"{path} is a {type(module).__name__}, which NumPy computes in a run of its own"
    for port, column in sample.columns.items():
        wanted = np.int64 if objective.graph.takes_integers(port) else np.float32
        integers = column.dtype.kind in "iu" and wanted is np.int64
        if port not in plan.encoders and column.dtype not in (wanted, np.float32):
            kind = "int64" if integers else "float32"
            return f"{port} holds {column.dtype}, and kernels take {kind}"
    return None


def is_per_example(objective: Objective) -> bool:
    """Whether kernels compute the loss of each example from this example alone, and from the
    statistics of batch norms."""
    if [*objective.weights.values()] != [1]:
        return False
    return all(
        (module.per_example or is_batch_norm(module))
        and (not isinstance(module, Loss) or _is_from_kernels(objective.graph, path))
        for path, module in _modules(objective.graph)
    )


def host_callbacks(plan: Plan, objective: Objective) -> list[str]:
    """The names of the parts of a compiled step that Python computes between kernels."""
    shapes = objective.graph.layer_shapes(objective.graph.input_shapes)
    of_pixels = {each.path for each in shapes if len(each.input_shapes.get("input", ())) == 3}
    callbacks = [
        type(module).__name__
        for path, module in _modules(objective.graph)
        if not module.in_kernels
        or (type(module) is CrossEntropyLoss and path in of_pixels)
        or (isinstance(module, Loss) and not _is_from_kernels(objective.graph, path))
    ]
    callbacks += ["weighted losses"] if [*objective.weights.values()] != [1] else []
    callbacks += ["all-reduce"] if plan.all_reduce is not None else []
    callbacks += ["clip_grad_norm"] if plan.settings.clip_grad_norm is not None else []
    callbacks += [] if plan.updates_in_kernels else ["optimizer"]
    return [*dict.fromkeys(callbacks)]


def _is_from_kernels(graph: Graph, path: str) -> bool:
    """Whether kernels compute a loss of a graph: its target must be data, no layer's output."""
    loss = graph[path]
    source = graph.wiring.feeds[path]["target"][0] if "." not in path else ""
    return isinstance(loss, Loss) and in_kernels(loss) and source == ""


def _modules(graph: Module, prefix: str = "") -> list[tuple[str, Module]]:
    """(path, module) for each leaf, and for each container of a class of the user's own."""
    if not isinstance(graph, Sequential | Graph) or type(graph) not in (Sequential, Graph):
        return [(prefix, graph)]
    return [
        found
        for name, layer in graph.layers.items()
        for found in _modules(layer, f"{prefix}.{name}" if prefix else name)
    ]
