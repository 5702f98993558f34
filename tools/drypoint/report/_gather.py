"""`make_report`: measures, compares and counts everything that a report shows."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drypoint import devices, plot, quant
from drypoint.common import check_kind
from drypoint.data import Dataset, ImageEncoder, SignalEncoder
from drypoint.engine import Engine, Verification, make_runner, verify
from drypoint.interop import RoundingReport
from drypoint.measure import measure
from drypoint.nn import Model
from drypoint.program import Program, Simplified, random_inputs, simplify, to_export
from drypoint.tasks import Classes, Reported, Task, Trial, find_task, task_of, tasks_of

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
from ._remembers import remembered_facts
from ._report import SCHEMA, Report, ReportError
from ._training import TRAINING, saved_training
from ._verdict import find_verdict

PERCENTILES = (99.99, 99.9)  # of the calibrations that are tried where the integers lose something
COMPARED = 1000  # test examples that layers are compared on, and that every byte is verified on
RANDOM = 20  # inputs: the reference takes a second for each of a net of 100 million MACs


def make_report(
    reported: Model | Program,
    test: Dataset | tuple[NDArray[np.generic], ArrayLike] | None = None,
    *,
    calibration: quant.Calibration | NDArray[np.generic] | None = None,
    train: Dataset | None = None,
    name: str | None = None,
    targets: Sequence[str] = (),
    chip: str | None = None,
    budget: Mapping[str, int] | None = None,
    streaming: bool = False,
    optimize: str = devices.LEVELS[0],
    training: Mapping[str, Any] | None = None,
    verification: Verification | None = None,
    rounding: RoundingReport | None = None,
    normal: Sequence[str] | None = None,
    sensitivity: bool = False,
) -> Report:
    """Gather the facts of a model, which is quantized for it, or of a program.

    Args:
        reported: a float model, or a program: a classifier, autoencoder or regression. A model that
            was trained in integers is reported as its program.
        test: test images or signals; of a regression also (x, y), inputs and true numbers. The
            first 1,000 also compare layers and verify bytes. None: 20 random inputs verify bytes,
            and the report says nothing of accuracy.
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
            chip's; RAM is all of the model's account, its stack too.
        streaming: RAM and cost are of the program that reads a signal row by row.
        optimize: the level of the targets' compilers, one of `devices.LEVELS`.
        training: the facts of the training: ``TrainResult.to_json()``; None: as the model's file
            has them.
        verification: the result of `engine.verify`; None: all backends of the engine are compared.
        rounding: of a program: `interop.rounding_report` of the file that it was imported from.
        normal: of an autoencoder: names of the classes of normal examples; all others are
            anomalies, and the report has their ROC curve.
        sensitivity: of a model: also measure what each op's weights lose at 4 and 2 bits
            (`quant.sensitivity` on the first 500 test examples): two more programs an op.

    Raises:
        ReportError: test examples and a model without calibration, or a program with one; or
            ``sensitivity`` of a program, or without a data set of test examples.
        UnknownTargetError: a name is no target's, or no chip's.
        MeasureError: the test examples do not fit the model.
        DrypointError: as `quant.quantize` and `devices.measure_cost`.
    """
    rows, budget_facts = _targets(targets, chip, budget)
    _check(reported, test, train)
    provenance = dict(reported.provenance)
    training = training or saved_training(provenance)
    facts_of_model = {key: value for key, value in provenance.items() if key != TRAINING}
    if isinstance(reported, Model) and reported.is_integer:  # it is its program
        said = {"model": facts_of_model}
        reported = quant.quantize(reported, name=name or "model", provenance=said)
    output, task = _measured_output(reported, test)
    if isinstance(test, tuple) and isinstance(test[0], Mapping):
        test = reported.encode(test[0]), test[1]
    labelled = test if isinstance(test, Dataset) and task.has_classes else None
    x: Any = test[0][:COMPARED] if isinstance(test, tuple) else None
    if isinstance(test, Dataset):
        x = test[:COMPARED].inputs
    model = reported if isinstance(reported, Model) else None
    if model is not None and calibration is None and train is not None:
        calibration = train.inputs
    is_guess = model is not None and test is None and calibration is None
    if model is not None and is_guess:
        calibration = _random_values(model, RANDOM)
    ranges = _calibrate(model, calibration)
    if model is not None and ranges is not None:
        program = quant.quantize(
            model, ranges, name=name or "model", provenance={"model": facts_of_model}
        )
    else:
        assert isinstance(reported, Program)
        program = reported
    quality = Reported()
    if test is not None:
        trial = Trial(make_runner(program), test, output, normal, train)
        quality = task.report(model, trial)
    train = train if task.has_classes else None
    compared: Any = random_inputs(program, RANDOM) if x is None else program.encode_examples(x)
    if sensitivity and (model is None or not isinstance(test, Dataset)):
        raise ReportError("sensitivity needs a float model and a data set of test examples")
    layers = bounds = bits = None
    if model is not None and ranges is not None and not is_guess:
        layers = None if x is None else quant.report(model, ranges, x)
        bounds = quant.error_bound(model, ranges)
        if sensitivity and isinstance(test, Dataset):
            judged = task.class_examples(model, test)
            bits = quant.sensitivity(model, judged, calibration=ranges).to_json()
    if verification is None:
        backends = {
            f"engine ({backend})": Engine(program, backend=backend) for backend in Engine.backends()
        }
        verification = verify(program, backends, compared)
    simplified = simplify(program)
    exported = _export(simplified, rows, budget_facts, streaming=streaming)
    facts: dict[str, Any] = {
        "schema": SCHEMA,
        "drypoint": version("drypoint"),
        "name": name or program.name,
        "net": None if model is None else net_facts(model),
        "program": program_facts(program),
        "training": {"provenance": facts_of_model, "result": training},
        "calibration": calibration_facts(ranges, provenance),
        "data": None
        if labelled is None
        else data_facts(
            reported,
            labelled,
            train,
            integers=quality.integers,
            floats=quality.floats,
            output=output,
        ),
        "activity": None if test is None else activity_facts(program, compared),
        "inputs": {"random": test is None, "calibration_random": is_guess},
        "quality": None
        if quality.integers is None
        else quality_facts(
            quality.integers,
            quality.floats,
            percentiles=lambda: _percentiles(model, train, labelled, output),
        ),
        "outputs": None if quality.facts is None else dict(quality.facts),
        "remembers": None if test is None else remembered_facts(program, compared, task, output),
        "rounding": None if rounding is None else rounding.json(),
        "layers": None if layers is None else layer_facts(layers),
        "bits": bits,
        "memory": memory_facts(exported, simplified.left_out if simplified.changes else ""),
        "budget": budget_facts,
        "costs": cost_facts(exported, rows, optimize),
        "proof": proof_facts(program, verification, bounds, largest=_largest(layers, ranges)),
    }
    facts["verdict"] = find_verdict(facts)
    return Report(
        facts=facts,
        program=program,
        exported=exported,
        model=model,
        layers=layers,
        reported=quality,
        states=None if facts["remembers"] is None else plot.states(program, compared[0]),
        test=labelled,
    )


def _percentiles(
    model: Model | None, train: Dataset | None, test: Dataset | None, output: str | None
) -> list[dict[str, float]]:
    """The accuracy of the integers of a model that is calibrated on percentiles."""
    if model is None or train is None or test is None:
        return []
    found = []
    for percentile in PERCENTILES:
        ranges = quant.calibrate(
            model, train[:COMPARED].inputs, method="percentile", percentile=percentile
        )
        program = quant.quantize(model, ranges, name="model")
        accuracy = measure(make_runner(program), test, output=output).accuracy
        found.append({"percentile": percentile, "accuracy": accuracy})
    return found


def _targets(
    targets: Sequence[str], chip: str | None, budget: Mapping[str, int] | None
) -> tuple[list[devices.Target], dict[str, Any] | None]:
    """The targets, that of the chip first, and the name and limits of the budget; None without."""
    part = None if chip is None else devices.chip(chip)
    names = [*targets] if part is None else [part.target, *targets]
    rows = [devices.target(name) for name in dict.fromkeys(names)]
    limits = {**({} if part is None else part.budget), **(budget or {})}
    if not limits:
        return rows, None
    name = part.name if part is not None else rows[0].name if rows else "the budget"
    return rows, {"name": name, "ram": limits.get("ram"), "flash": limits.get("flash")}


def _export(
    simplified: Simplified,
    rows: Sequence[devices.Target],
    budget: Mapping[str, Any] | None,
    *,
    streaming: bool,
) -> Program:
    """The program in as little RAM as its budget asks for."""
    whole = to_export(simplified, streaming=streaming)
    if not rows or budget is None or budget["ram"] is None:
        return whole
    unfused = simplified.program if not whole.is_streaming else whole
    limit = devices.arena_limit({"ram": budget["ram"]}, unfused, rows[0])
    return to_export(simplified, streaming=streaming, arena=limit)


def _check(reported: object, test: object, train: object) -> None:
    """Check the kinds of what is reported and of the examples."""
    wanted = "a Model, as train.fit(...).model, or a Program, as quant.quantize gives it"
    check_kind(reported, (Model, Program), name="reported", wanted=wanted, error=ReportError)
    if test is not None and not (isinstance(test, tuple) and len(test) == 2):
        wanted = "a Dataset of test examples, or of a regression (x, y)"
        check_kind(test, Dataset, name="test", wanted=wanted, error=ReportError)
    if train is not None:
        wanted = "a Dataset of training examples"
        check_kind(train, Dataset, name="train", wanted=wanted, error=ReportError)


def _largest(
    layers: quant.Report | None, ranges: quant.Calibration | None
) -> dict[str, float] | None:
    """Op -> the largest magnitude of its float output in the calibration."""
    if layers is None or ranges is None:
        return None
    return {
        op.op: max(map(abs, ranges.ranges[op.layer])) for op in layers if op.layer in ranges.ranges
    }


def _measured_output(reported: Model | Program, test: object) -> tuple[str | None, Task]:
    """The output that is measured, and its task: of several the first of classes, else the last;
    None: the only one."""
    heads = tasks_of(reported)
    if len(heads) == 1:
        pair = isinstance(test, tuple)  # of inputs and numbers
        return None, find_task("numbers") if pair else task_of(reported)
    classes = [name for name, task in heads.items() if isinstance(task, Classes)]
    name = [*classes, [*heads][-1]][0]
    return name, heads[name]


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


def _random_values(model: Model, count: int) -> NDArray[np.generic]:
    """What a model takes, the same every time: pixels of an image encoder, each value equally
    likely; else floats (count, ...) of the normal distribution.
    """
    rng, encoder = np.random.default_rng(0), model.encoder
    if isinstance(encoder, ImageEncoder):
        plane = (count, encoder.height, encoder.width)
        shape = plane if encoder.color == "gray" else (*plane, 3)
        return rng.integers(0, 256, shape).astype(np.uint8)
    if isinstance(encoder, SignalEncoder):
        return rng.normal(0, 1, (count, encoder.window, encoder.channels)).astype(np.float32)
    if model.input_shape is None:
        raise ReportError("the net leaves its input sizes open: give test examples")
    return rng.normal(0, 1, (count, *model.input_shape)).astype(np.float32)
