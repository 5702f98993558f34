"""Every public function of the parts that measure, quantize, draw and export, with wrong arguments.

The oracle: whatever plausible thing stands in the place of an argument, the function takes it, or
refuses it by a `DrypointError` of one line. No error of internals comes through.
"""

import inspect
import itertools
from pathlib import Path

import numpy as np
import pytest
from pictures import dataset, history

from drypoint import baselines, engine, interop, measure, models, nn, plot, quant, tasks
from drypoint.common import DrypointError
from drypoint.program import blob

DATA = dataset()
X = (DATA.x[:, None] / np.float32(255)).astype(np.float32)
MODEL = models.load("lenet-mnist")
LENET = models.load_program("lenet-mnist")
NET = nn.Sequential([nn.Conv2d(2, 3), nn.Flatten(), nn.Linear(3), nn.Softmax()], (1, 8, 8))
SMALL = nn.Model(NET.initialize(seed=1))
CALIBRATION = quant.calibrate(SMALL, X)
PROGRAM = quant.quantize(SMALL, CALIBRATION)
MEASURED = measure.measure(SMALL, (X, DATA.y))
INTEGERS = PROGRAM.integers(X)
ENGINE = engine.Engine(PROGRAM)
COMPARED = measure.compare({"a": MEASURED}, (X, DATA.y), seconds=0)

WRONG = {
    "nothing": None,
    "a number": 3,
    "a text": "text",
    "a path": Path("nowhere"),
    "bytes": b"bytes",
    "a list": [1, 2],
    "no list": [],
    "a dict": {"a": 1},
    "no dict": {},
    "a pair": (X, DATA.y),
    "an array": X,
    "an array of texts": np.array(["a", "b"]),
    "no images": X[:0],
    "one number": np.float32(1),
    "ragged": [[1, 2], [3]],
    "a data set": DATA,
    "a net": SMALL.net,
    "no values": nn.Sequential([nn.Linear(3)]),
    "a model": SMALL,
    "a class": nn.Model,
    "a function": len,
    "a calibration": CALIBRATION,
    "a program": PROGRAM,
    "an engine": ENGINE,
    "a measurement": MEASURED,
    "a module": np,
}
"""What somebody may give in the place of something else."""

CALLS = {
    measure.measure: {"model": SMALL, "dataset": (X, DATA.y)},
    measure.compare: {"models": {"a": SMALL}, "test": (X, DATA.y), "seconds": 0},
    measure.measure_activations: {"model": SMALL, "inputs": X},
    measure.measure_regression: {"predicted": [1.0], "y": [2.0]},
    measure.measure_anomalies: {"errors": [1.0, 2.0], "y": [False, True], "threshold": 1.0},
    measure.anomaly_threshold: {"errors": [1.0, 2.0], "false_alarms": 0.01},
    measure.mcnemar_p: {"first_only": 1, "second_only": 2},
    measure.wilson_interval: {"correct": 1, "n": 2},
    measure.read_log: {"path": "log.csv"},
    quant.calibrate: {"model": SMALL, "inputs": X},
    quant.quantize: {"model": SMALL, "calibration": CALIBRATION},
    quant.check_export: {"model": SMALL},
    quant.finetune: {"model": SMALL, "data": (X, DATA.y), "scheme": 4, "epochs": 1},
    quant.sensitivity: {"model": SMALL, "data": (X, DATA.y), "calibration": CALIBRATION},
    quant.allocate: {"model": SMALL, "data": (X, DATA.y), "flash": 4096, "examples": 2},
    quant.error_bound: {"model": SMALL, "calibration": CALIBRATION},
    quant.report: {"model": SMALL, "calibration": CALIBRATION, "inputs": X},
    plot.comparison: {"table": COMPARED},
    plot.confusion: {"m": MEASURED},
    plot.examples: {"shown": DATA},
    plot.histograms: {"values": {"a": [1.0, 2.0]}},
    plot.images: {"shown": [DATA.x[0]]},
    plot.inline_svg: {"picture": plot.scores([("a", 0.5)]), "name": "p", "label": "scores"},
    plot.kernels: {"layer": SMALL.net["conv"]},
    plot.maps: {"activations": np.ones((2, 3, 3))},
    plot.memory: {"program": PROGRAM},
    plot.net: {"shown": SMALL.net},
    plot.ports: {"arrays": DATA.as_ports()},
    plot.reliability: {"m": MEASURED},
    plot.roc: {"m": MEASURED},
    plot.scores: {"probabilities": [("a", 0.5)]},
    plot.tradeoff: {"points": {"a": (1, 0.5)}},
    plot.training: {"run": history()},
    engine.export_c: {"program": PROGRAM, "golden": INTEGERS[:1], "folder": "out", "name": "net"},
    engine.export_models: {"models": {}, "folder": "out"},
    engine.verify: {"program": PROGRAM, "runners": {"C": ENGINE}, "inputs": INTEGERS},
    engine.find_compiler: {},
    engine.Engine: {"program": PROGRAM},
    interop.from_onnx: {"source": b""},
    interop.from_tflite: {"source": b""},
    interop.is_quantized_onnx: {"source": b""},
    interop.is_quantized_tflite: {"source": b""},
    interop.is_tflite: {"source": b""},
    interop.program_and_rounding: {"source": b""},
    interop.program_from_onnx: {"source": b""},
    interop.read_wake_word: {"path": "nowhere.json"},
    interop.rounding_report: {"source": b""},
    interop.program_from_tflite: {"source": b""},
    interop.to_onnx: {"source": SMALL, "inputs": INTEGERS},
    interop.to_tflite: {"program": PROGRAM, "inputs": INTEGERS},
    interop.check: {"model": SMALL, "source": SMALL.net.__call__, "inputs": X},
    interop.from_sklearn: {"model": None},
    interop.from_keras: {"model": None},
    interop.from_torch: {"module": None, "example": X},
    interop.to_safetensors: {"net": SMALL},
    interop.to_torch_state_dict: {"net": SMALL},
    measure.measure_pixels: {"predicted": [[[1]]], "y": [[[0]]], "classes": None},
    measure.count_errors: {
        "detections": [(0, 0)],
        "spoken": [measure.Spoken(0, 1, 0)],
        "threshold": 0.5,
        "hours": 1.0,
    },
    tasks.answer_inputs: {"model": SMALL, "x": X, "top": 1, "task": None},
    tasks.find_task: {"word": "classes"},
    tasks.task_of: {"reader": SMALL},
    models.card: {"name": "lenet-mnist"},
    models.load: {"name": "lenet-mnist"},
    models.load_program: {"name": "lenet-mnist"},
    baselines.auto: {"data": DATA, "time_limit": 0.001},
}
WITHOUT_ARGUMENTS = {
    engine.c_sources,
    engine.headers,
    engine.include_dir,
    engine.include_dirs,
    models.names,
}


def test_all_public_functions_are_called_here():
    for part in (measure, tasks, quant, plot, engine, interop, models, baselines):
        for name, function in vars(part).items():
            if inspect.isfunction(function) and not name.startswith("_"):
                assert function in CALLS or function in WITHOUT_ARGUMENTS, function


@pytest.mark.parametrize("function", CALLS, ids=lambda f: f.__name__)
def test_what_is_no_such_argument_is_taken_or_refused_in_one_line(function, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = CALLS[function]
    for (parameter, value), (name, wrong) in itertools.product(arguments.items(), WRONG.items()):
        if parameter in ("time_limit", "seconds") or type(wrong) is type(value):
            continue
        if function is quant.finetune and parameter == "data" and callable(wrong):
            continue  # a function that makes batches raises errors of its own
        try:
            function(**{**arguments, parameter: wrong})
        except DrypointError as error:
            assert "\n" not in str(error), f"{parameter}={name}: {error}"
        except Exception as error:
            raise AssertionError(f"{parameter}={name}: {error!r}") from error


ACCEPTED = [
    lambda: quant.calibrate(SMALL.net, X) == CALIBRATION,
    lambda: blob.dumps(quant.quantize(SMALL.net, CALIBRATION)) == blob.dumps(PROGRAM),
    lambda: quant.calibrate(MODEL, DATA).n_examples == len(DATA),
    lambda: measure.measure(SMALL.net, (X, DATA.y)).accuracy == MEASURED.accuracy,
]


def test_what_is_meant_is_taken():
    for holds in ACCEPTED:
        assert holds()
