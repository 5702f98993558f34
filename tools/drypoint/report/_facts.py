"""The facts of nets, programs and decisions as JSON types."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from drypoint import devices
from drypoint.common import sha256
from drypoint.engine import Verification
from drypoint.measure import Example, Measurement
from drypoint.nn import Model
from drypoint.program import MAX_ACCUMULATOR, Program, account, blob, bytes_in_use
from drypoint.quant import VISIBLE_DB, Calibration
from drypoint.quant import Report as LayerReport

from ._integer_rules import paired_loss

CYCLES = (1.0, 1.7)
"""The least and the most cycles an instruction of an estimated time: an assumption from times of
boards with a Cortex-M4 that others published, measured on no board here."""
SHOWN = 10  # examples of each list


def net_facts(model: Model) -> dict[str, Any]:
    """Layers, parameters, multiply-accumulates."""
    info = model.net.info()
    return {
        "parameters": info.n_params,
        "macs": info.macs,
        "layers": [
            {
                "layer": layer.path,
                "kind": layer.kind,
                "output_shape": None if layer.output_shape is None else list(layer.output_shape),
                "parameters": layer.n_params,
            }
            for layer in info.layers
        ],
    }


def program_facts(program: Program) -> dict[str, Any]:
    """Ops, bytes, multiply-accumulates."""
    content, names = blob.dumps(program), ["input", *(op.name for op in program.ops)]
    return {
        "file_bytes": len(content),
        "sha256": sha256(content),
        "weight_bytes": program.weight_bytes,
        "arena_bytes": program.arena_size,
        "macs": program.macs,
        "unit": "step" if program.is_streaming else "example",  # of a run
        "input": str(program.input),
        "sample_rate": program.sample_rate,
        "labels": list(program.labels),
        "ops": [
            {
                "op": op.name,
                "kind": op.kind,
                "reads": [names[tensor] for tensor in tensors],
                "writes": str(op.output),
                "weights": int(op.weight.size) if hasattr(op, "weight") else 0,
                "macs": op.macs,
            }
            for op, tensors in zip(program.ops, program.reads, strict=True)
        ],
    }


def memory_facts(exported: Program, left_out: str) -> dict[str, Any]:
    """RAM of the exported program, and what the export leaves out, in words."""
    plan, memory = exported.plan, account(exported)
    return {
        "account": memory.to_json(),
        "account_text": memory.ram_text,
        "arena_bytes": exported.arena_size,
        "arena_least_bytes": exported.arena_lower_bound,
        "input_bytes": exported.input_size,
        "output_bytes": exported.output_size,
        "ram_bytes_without_stack": memory.ram_bytes,
        "left_out": left_out,
        "ops": [
            {
                "op": op.name,
                "bytes_in_use": used,
                "rows_kept": plan.rows_of(i) if plan.is_fused(i) else None,
            }
            for i, (op, used) in enumerate(zip(exported.ops, bytes_in_use(exported), strict=True))
        ],
    }


def quality_facts(
    integers: Measurement,
    floats: Measurement | None,
    *,
    percentiles: Callable[[], list[dict[str, float]]],
) -> dict[str, Any]:
    """Decisions on the test examples: figures, and the examples that the page shows."""
    differ = None
    if floats is not None:
        differ = np.flatnonzero(integers.predicted != floats.predicted).tolist()
    facts = {
        "examples": integers.n,
        "integers": integers.to_json(),
        "float": None if floats is None else floats.to_json(),
        "differing_decisions": differ,
        "worst": [_example(example) for example in integers.worst(SHOWN)],
        "least_certain": [_example(example) for example in integers.least_certain(SHOWN)],
        "percentiles": None,
    }
    found = paired_loss(facts)
    if found is not None and found[0] > found[1]:
        facts["percentiles"] = percentiles()
    return facts


def _example(example: Example) -> dict[str, Any]:
    return {
        "example": example.index,
        "true": example.true,
        "predicted": example.predicted,
        "p_true": example.p_true,
    }


def layer_facts(found: LayerReport) -> dict[str, Any]:
    """The integers of each op against the floats, and the first op with a visible loss."""
    first = found.first_visible
    ops = found.to_json()["ops"]
    return {
        "examples": found.n_examples,
        "visible_below_db": VISIBLE_DB,
        "first_visible": None if first is None else first.op,
        "ops": ops,
    }


def calibration_facts(
    ranges: Calibration | None, provenance: Mapping[str, Any]
) -> dict[str, Any] | None:
    """How a model was calibrated: for this report, or as a program's file says; None if it is not
    known.
    """
    if ranges is not None:
        return {
            "examples": ranges.n_examples,
            "method": ranges.method,
            "percentile": ranges.percentile,
        }
    said = provenance.get("calibration")
    if not isinstance(said, dict) or type(said.get("examples")) is not int:
        return None
    return {key: said.get(key) for key in ("examples", "method", "percentile")}


def proof_facts(
    program: Program,
    verification: Verification,
    bounds: Mapping[str, float] | None,
    *,
    largest: Mapping[str, float] | None,
) -> dict[str, Any]:
    """Bounds of the accumulators and of the error, and the bytes that were compared."""
    runners = len(verification.differing)
    return {
        "accumulator_limit": MAX_ACCUMULATOR,
        "accumulators": [
            {"op": op.name, "largest": int(op.acc_bound.max()) << op.shift}
            for op in program.ops
            if hasattr(op, "acc_bound") and hasattr(op, "shift")
        ],
        "verification": verification.to_json(),
        "verified_bytes": verification.examples * verification.bytes_per_example * runners,
        "error_bounds": None if bounds is None else dict(bounds),
        "largest_values": None if largest is None else dict(largest),
    }


def cost_facts(
    exported: Program, targets: Sequence[devices.Target], optimize: str
) -> dict[str, Any]:
    """Target -> the cost of the exported program, or why it was not measured."""
    return {target.name: _cost(target, exported, optimize) for target in targets}


def _time(instructions: int, row: devices.Target) -> dict[str, float] | None:
    """The least and the most milliseconds of a run; None for a target without a usual clock."""
    if not row.clock_mhz:
        return None
    low, high = (instructions * cycles / row.clock_mhz / 1000 for cycles in CYCLES)
    return {"low": low, "high": high, "clock_mhz": row.clock_mhz}


def _cost(row: devices.Target, program: Program, optimize: str) -> dict[str, Any]:
    try:
        devices.check_tools(row)
    except devices.DeviceError as error:
        return {"not_measured": str(error)}
    cost = devices.measure_cost(row, program, optimize=optimize)
    memory = cost.account
    counts = cost.instructions.ops if cost.instructions else (None,) * len(program.ops)
    tables = [devices.table_bytes(op, row) for op in program.ops]
    total = cost.instructions.total if cost.instructions else 0
    cycles = devices.find_cycles(program, row, total)
    return {
        "kernels": row.kernels,
        "built_with": cost.built_with,
        "account": memory.to_json(),
        "account_text": memory.ram_text,
        "code_bytes": memory.size("code"),
        "helper_bytes": memory.size("helpers"),
        "table_bytes": memory.size("tables"),
        "flash_bytes": memory.flash_bytes,
        "arena_bytes": memory.size("arena"),
        "stack_bytes": memory.size("stack"),
        "ram_bytes": memory.ram_bytes,
        "instructions": cost.instructions.total if cost.instructions else None,
        "frame_instructions": cost.instructions.frame if cost.instructions else None,
        "estimated_milliseconds": _time(cost.instructions.total, row)
        if cost.instructions
        else None,
        "cycles": {name: known.total for name, known in cycles.items()},
        "ops": [
            {"op": op.name, "table_bytes": table, "stack_bytes": stack, "instructions": count}
            for op, table, stack, count in zip(
                program.ops, tables, cost.op_stacks, counts, strict=True
            )
        ],
    }
