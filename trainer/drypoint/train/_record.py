"""The facts of a run: the inputs that decide its bytes, its settings, and the plan line."""

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from drypoint.common import DrypointError
from drypoint.nn import Graph

from ._plan import Plan
from ._prepared_model import PreparedModel
from ._settings import describe, optimizer_text
from ._training_data import TrainingData


def run_identity(ready: PreparedModel, parts: TrainingData, plan: Plan) -> dict[str, Any]:
    """The settings, net and data that decide the bytes of a run, of JSON types."""
    encoder = getattr(ready.whole, "encoder", None)
    facts = {
        **plan.settings.run_identity(),
        "loss": ready.loss,
        "metrics": list(plan.metrics),
        "net": _digest(ready.objective.graph),
        "encoder": describe(encoder),
        **parts.facts,
    }
    known: dict[str, Any] = json.loads(json.dumps(facts, default=describe))
    return known


def config(run: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """The arguments of `fit`, defaults filled in, digests of net and data, and versions."""
    versions = {
        "drypoint": version("drypoint"),
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    return {**run, **plan.settings.record(), "versions": versions}


def plan_line(plan: Plan, *, n_val: int) -> str:
    """One line for the user: examples, batches, optimizer and schedule of the run."""
    settings, source = plan.settings, plan.source
    n = "batches of a function" if source.n is None else f"{source.n:,} examples"
    steps = "" if source.steps is None else f", {source.steps:,} steps an epoch"
    val = f", validated on {n_val:,}" if n_val else ""
    return (
        f"training on {n}{val}; batches of {settings.batch_size}{steps}; "
        f"{optimizer_text(settings.optimizer)}, schedule {describe(settings.schedule)}"
    )


def _digest(graph: Graph) -> str:
    """SHA-256 of the graph's layers, settings and shapes, not of its parameters."""
    content = hashlib.sha256()
    for path, leaf in graph.leaves():
        try:
            settings = json.dumps(leaf.config(), sort_keys=True, default=describe)
        except DrypointError:  # functions of the user's own
            settings = type(leaf).__qualname__
        content.update(f"{path} {settings}\n".encode())
    content.update(repr({**graph.param_shapes(), **graph.buffer_shapes()}).encode())
    return content.hexdigest()
