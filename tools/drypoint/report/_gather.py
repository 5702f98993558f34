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
from drypoint.measure import measure
from drypoint.nn import Model
from drypoint.program import Program, fuse_rows, simplify

from ._facts import (
    cost_facts,
    layer_facts,
    memory_facts,
    net_facts,
    program_facts,
    proof_facts,
    quality_facts,
)
from ._report import SCHEMA, Report, ReportError

COMPARED = 1000  # test examples that layers are compared on, and that every byte is verified on


def make_report(
    reported: Model | Program,
    test: Dataset,
    *,
    calibration: quant.Calibration | NDArray[np.generic] | None = None,
    name: str | None = None,
    targets: Sequence[str] = (),
    training: Mapping[str, Any] | None = None,
    verification: Verification | None = None,
) -> Report:
    """Gather the facts of a model, which is quantized for it, or of a program.

    Args:
        reported: a float classifier, or a program of one.
        test: test images or signals; the first 1,000 also compare layers and verify bytes.
        calibration: of the model: the result of `quant.calibrate`, or training images or signals
            to calibrate on; None for a program.
        name: the title; None: the program's name.
        targets: names of targets (`devices.TARGETS`) to measure the cost on, in emulators.
        training: the facts of the training: ``TrainResult.to_json()``, or None.
        verification: the result of `engine.verify`; None: all backends of the engine are compared.

    Raises:
        ReportError: a model without calibration, or a program with one.
        UnknownTargetError: a name is no target's.
        MeasureError: the test examples do not fit the model, or it is no classifier.
        DrypointError: as `quant.quantize` and `devices.measure_cost`.
    """
    rows = [devices.target(name) for name in targets]
    wanted = "a Model, as train.fit(...).model, or a Program, as quant.quantize gives it"
    check_kind(reported, (Model, Program), name="reported", wanted=wanted, error=ReportError)
    check_kind(test, Dataset, name="test", wanted="a Dataset of test examples", error=ReportError)
    model = reported if isinstance(reported, Model) else None
    ranges = _calibrate(model, calibration)
    if model is not None and ranges is not None:
        program = quant.quantize(
            model, ranges, name=name or "model", provenance={"model": dict(model.provenance)}
        )
    else:
        assert isinstance(reported, Program)
        program = reported
    engine, compared = Engine(program), test.x[:COMPARED]
    output = _class_output(program)
    integers = measure(engine, test, output=output)
    floats = None if model is None else measure(model, test, output=output)
    layers = bounds = None
    if model is not None and ranges is not None:
        layers = quant.report(model, ranges, compared)
        bounds = quant.error_bound(model, ranges)
    if verification is None:
        backends = {
            f"engine ({backend})": Engine(program, backend=backend) for backend in Engine.backends()
        }
        verification = verify(program, backends, compared)
    simplified = simplify(program)
    exported = fuse_rows(simplified.program)
    provenance = program.provenance if model is None else model.provenance
    facts: dict[str, Any] = {
        "schema": SCHEMA,
        "drypoint": version("drypoint"),
        "name": name or program.name,
        "net": None if model is None else net_facts(model),
        "program": program_facts(program),
        "training": {"provenance": dict(provenance), "result": training},
        "quality": quality_facts(integers, floats),
        "layers": None if layers is None else layer_facts(layers),
        "memory": memory_facts(exported, simplified.left_out if simplified.changes else ""),
        "costs": cost_facts(exported, rows),
        "proof": proof_facts(program, verification, bounds),
    }
    return Report(
        facts=facts,
        program=program,
        exported=exported,
        model=model,
        measured=integers,
        layers=layers,
    )


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
