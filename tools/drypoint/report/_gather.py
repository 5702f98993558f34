"""`make_report`: measures, compares and counts everything that a report shows."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drypoint import devices, quant
from drypoint.common import check_kind
from drypoint.data import Dataset
from drypoint.engine import Engine, Verification, verify
from drypoint.interop import RoundingReport
from drypoint.measure import measure
from drypoint.nn import Model
from drypoint.program import Program, fuse_rows, random_inputs, simplify

from ._data_facts import activity_facts, data_facts
from ._facts import (
    calibration_facts,
    cost_facts,
    layer_facts,
    memory_facts,
    net_facts,
    program_facts,
    proof_facts,
    quality_facts,
)
from ._random import RANDOM, random_values
from ._report import SCHEMA, Report, ReportError
from ._training import TRAINING, saved_training
from ._verdict import find_verdict

PERCENTILES = (99.99, 99.9)  # of the calibrations that are tried where the integers lose something
COMPARED = 1000  # test examples that layers are compared on, and that every byte is verified on


def make_report(
    reported: Model | Program,
    test: Dataset | None = None,
    *,
    calibration: quant.Calibration | NDArray[np.generic] | None = None,
    train: Dataset | None = None,
    name: str | None = None,
    targets: Sequence[str] = (),
    chip: str | None = None,
    budget: Mapping[str, int] | None = None,
    training: Mapping[str, Any] | None = None,
    verification: Verification | None = None,
    rounding: RoundingReport | None = None,
) -> Report:
    """Gather the facts of a model, which is quantized for it, or of a program.

    Args:
        reported: a float model, or a program; with test examples, a classifier.
        test: test images or signals; the first 1,000 also compare layers and verify bytes. None:
            20 random inputs verify bytes, and the report says nothing of accuracy.
        calibration: of the model: the result of `quant.calibrate`, or training images or signals
            to calibrate on; None for a program. Without test examples, None: random inputs, by
            which graph, costs and bytes are known, but no scale that the model's data would have.
        train: training examples: a model without ``calibration`` is calibrated on them, and the
            verdict compares them with the test examples.
        name: the title; None: the program's name.
        targets: names of targets (`devices.TARGETS`) to measure the cost on, in emulators.
        chip: name of a chip (`devices.CHIPS`): its target is one of ``targets``, and its RAM and
            flash are the budget of the verdict.
        budget: bytes of ``ram`` and ``flash``, as `devices.parse_budget` gives them, instead of the
            chip's; RAM is arena, input, output and stack together.
        training: the facts of the training: ``TrainResult.to_json()``; None: as the model's file
            has them.
        verification: the result of `engine.verify`; None: all backends of the engine are compared.
        rounding: of a program: `interop.rounding_report` of the file that it was imported from.

    Raises:
        ReportError: test examples and a model without calibration, or a program with one.
        UnknownTargetError: a name is no target's, or no chip's.
        MeasureError: the test examples do not fit the model, or it is no classifier.
        DrypointError: as `quant.quantize` and `devices.measure_cost`.
    """
    part = None if chip is None else devices.chip(chip)
    names = [*targets] if part is None else [part.target, *targets]
    rows = [devices.target(name) for name in dict.fromkeys(names)]
    limits = {**({} if part is None else part.budget), **(budget or {})}
    wanted = "a Model, as train.fit(...).model, or a Program, as quant.quantize gives it"
    check_kind(reported, (Model, Program), name="reported", wanted=wanted, error=ReportError)
    if test is not None:
        wanted = "a Dataset of test examples"
        check_kind(test, Dataset, name="test", wanted=wanted, error=ReportError)
    if train is not None:
        wanted = "a Dataset of training examples"
        check_kind(train, Dataset, name="train", wanted=wanted, error=ReportError)
    model = reported if isinstance(reported, Model) else None
    if model is not None and calibration is None and train is not None:
        calibration = train.x
    is_guess = model is not None and test is None and calibration is None
    if model is not None and is_guess:
        calibration = random_values(model, RANDOM)
    ranges = _calibrate(model, calibration)
    provenance = dict(reported.provenance)
    training = training or saved_training(provenance)
    facts_of_model = {key: value for key, value in provenance.items() if key != TRAINING}
    if model is not None and ranges is not None:
        program = quant.quantize(
            model, ranges, name=name or "model", provenance={"model": facts_of_model}
        )
    else:
        assert isinstance(reported, Program)
        program = reported
    output = _class_output(program)
    integers = None if test is None else measure(Engine(program), test, output=output)
    floats = None if test is None or model is None else measure(model, test, output=output)
    compared = random_inputs(program, RANDOM) if test is None else program.encode(test.x[:COMPARED])
    layers = bounds = None
    if model is not None and ranges is not None and not is_guess:
        layers = None if test is None else quant.report(model, ranges, test.x[:COMPARED])
        bounds = quant.error_bound(model, ranges)
    if verification is None:
        backends = {
            f"engine ({backend})": Engine(program, backend=backend) for backend in Engine.backends()
        }
        verification = verify(program, backends, compared)
    simplified = simplify(program)
    arena = devices.arena_limit(limits, simplified.program, rows[0]) if rows and limits else None
    exported = fuse_rows(simplified.program, arena=arena)
    reader, found = (program, integers) if model is None else (model, floats)
    facts: dict[str, Any] = {
        "schema": SCHEMA,
        "drypoint": version("drypoint"),
        "name": name or program.name,
        "net": None if model is None else net_facts(model),
        "program": program_facts(program),
        "training": {"provenance": facts_of_model, "result": training},
        "calibration": calibration_facts(ranges, provenance),
        "data": None if test is None else data_facts(reader, test, train, found),
        "activity": None if test is None else activity_facts(program, compared),
        "inputs": {"random": test is None, "calibration_random": is_guess},
        "quality": None
        if integers is None
        else quality_facts(
            integers, floats, percentiles=lambda: _percentiles(model, train, test, output=output)
        ),
        "rounding": None if rounding is None else rounding.json(),
        "layers": None if layers is None else layer_facts(layers),
        "memory": memory_facts(exported, simplified.left_out if simplified.changes else ""),
        "budget": _budget(limits, part, rows),
        "costs": cost_facts(exported, rows),
        "proof": proof_facts(program, verification, bounds, largest=_largest(layers, ranges)),
    }
    facts["verdict"] = find_verdict(facts)
    return Report(
        facts=facts,
        program=program,
        exported=exported,
        model=model,
        measured=integers,
        layers=layers,
    )


def _percentiles(
    model: Model | None, train: Dataset | None, test: Dataset | None, *, output: str | None
) -> list[dict[str, float]]:
    """The accuracy of the integers of a model that is calibrated on percentiles."""
    if model is None or train is None or test is None:
        return []
    found = []
    for percentile in PERCENTILES:
        ranges = quant.calibrate(
            model, train.x[:COMPARED], method="percentile", percentile=percentile
        )
        engine = Engine(quant.quantize(model, ranges, name="model"))
        accuracy = measure(engine, test, output=output).accuracy
        found.append({"percentile": percentile, "accuracy": accuracy})
    return found


def _budget(
    limits: Mapping[str, int], part: devices.Chip | None, rows: Sequence[devices.Target]
) -> dict[str, Any] | None:
    """The name and the limits of a budget; None without one."""
    if not limits:
        return None
    name = part.name if part is not None else rows[0].name if rows else "the budget"
    return {"name": name, "ram": limits.get("ram"), "flash": limits.get("flash")}


def _largest(
    layers: quant.Report | None, ranges: quant.Calibration | None
) -> dict[str, float] | None:
    """Op -> the largest magnitude of its float output in the calibration."""
    if layers is None or ranges is None:
        return None
    return {
        op.op: max(map(abs, ranges.ranges[op.layer])) for op in layers if op.layer in ranges.ranges
    }


def _class_output(program: Program) -> str | None:
    """The output that is measured: of several the one with a decoder of classes, else the last."""
    if not program.earlier_outputs:
        return None
    found = (o.name for o in program.outputs if (o.decoder or {}).get("type") == "class")
    return next(found, program.outputs[-1].name)


def _calibrate(
    model: Model | None, calibration: quant.Calibration | NDArray[np.generic] | None
) -> quant.Calibration | None:
    """The calibration of a model; None for a program, whose integers are chosen already."""
    if model is None:
        if calibration is not None:
            raise ReportError("a program is quantized already: leave calibration out")
        return None
    if calibration is None:
        raise ReportError(
            "calibration is missing: a model is quantized for its report; give training "
            "examples, or the result of quant.calibrate"
        )
    if isinstance(calibration, quant.Calibration):
        return calibration
    return quant.calibrate(model, calibration)
