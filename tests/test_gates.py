"""Every public function and every class that users make, with wrong arguments.

Signatures say which parameters there are. The oracle: whatever plausible thing stands in the place
of an argument, the function takes it, or refuses it by a `DrypointError` of one line. No error of
internals comes through.
"""

import inspect
from pathlib import Path

import numpy as np
import pytest
from pictures import dataset, history

from drypoint import (
    baselines,
    data,
    engine,
    interop,
    measure,
    models,
    nn,
    plot,
    quant,
    tasks,
    train,
)
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
CELL = nn.Sequential([nn.GRU(2)], (1, 8)).initialize(seed=1)
RECURRENT = quant.quantize(CELL, X[:, 0, :1])
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

NUMBERS = {
    "no number": np.nan,
    "infinity": np.inf,
    "below": -1,
    "zero": 0,
    "huge": 1 << 40,
    "a half": 0.5,
    "true": True,
}
"""Numbers that a size, a count, a share or a scale may not be."""

CALLS = {
    data.scenes: {"n": 1, "seed": 0, "classes": 1, "part": "train", "clutter": "lines"},
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
    plot.boxes: {"shown": [DATA.x[0]], "found": [[data.FoundBox("a", 0.5, 0, 0, 1, 1)]]},
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
    plot.states: {"program": RECURRENT, "recording": X[0, 0, :1]},
    plot.scores: {"probabilities": [("a", 0.5)]},
    plot.tradeoff: {"points": {"a": (1, 0.5)}},
    plot.training: {"run": history()},
    engine.export_c: {"program": PROGRAM, "golden": INTEGERS[:1], "folder": "out", "name": "net"},
    engine.export_models: {"models": {}, "folder": "out"},
    engine.verify: {"program": PROGRAM, "runners": {"C": ENGINE}, "inputs": INTEGERS},
    engine.find_compiler: {},
    engine.Engine: {"program": PROGRAM},
    engine.make_runner: {"program": PROGRAM},
    ENGINE.predict_proba: {"x": X},
    ENGINE.run: {"x": INTEGERS},
    ENGINE.trace: {"x": INTEGERS},
    SMALL.predict_proba: {"x": X},
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
    tasks.tasks_of: {"reader": SMALL},
    nn.check_layer: {"layer": nn.ReLU()},
    nn.create_net: {"name": "mlp", "input_shape": (5,), "classes": 2},
    nn.default_loss: {"net": SMALL.net},
    nn.last_layer: {"net": SMALL.net},
    nn.layer_from_config: {"config": nn.ReLU().config()},
    nn.load: {"path": "nowhere.npz"},
    nn.loads: {"content": b""},
    nn.module_from_config: {"config": nn.ReLU().config()},
    nn.TrainingGraph: {"net": SMALL.net, "loss": nn.CrossEntropyLoss()},
    data.ascii_image: {"image": DATA.x[0], "width": 8},
    data.decoder_from_config: {"config": data.ClassDecoder().config()},
    data.encoder_from_config: {"config": data.ImageEncoder(width=8, height=8).config()},
    data.hold_out: {"dataset": DATA, "share": 0.5},
    data.idx_bytes: {"array": DATA.x},
    data.label_indices: {"labels": [0, 1], "classes": ["a", "b"]},
    data.load: {"source": "mnist", "split": "test"},
    data.load_folder: {"root": "nowhere"},
    data.load_idx: {"images": "nowhere", "labels": "nowhere"},
    data.parse_idx: {"data": b""},
    data.read: {"source": "nowhere"},
    data.read_audio: {"source": "nowhere"},
    data.read_idx: {"path": "nowhere"},
    data.read_inputs: {"source": "nowhere", "names": ["x"]},
    data.read_samples: {"source": "nowhere"},
    data.train_val_split: {"dataset": DATA, "size": 0.5},
    data.write_idx: {"path": "out", "array": DATA.x},
    train.fit: {"model": SMALL, "data": (X, DATA.y), "epochs": 1, "progress": "none"},
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
    data.cache_folder,
    data.cards,
    nn.families,
    nn.layers,
}
OF_PARTS = {
    *(data.channels_last, data.check_scaled, data.class_names, data.class_places),
    *(data.input_files, data.is_one_hot, data.is_word, data.model_inputs, data.plain_images),
    *(data.choose_encoder, data.choose_validation, data.is_label_map, data.picture_size),
    *(data.take, nn.gradcheck_layer),
    *(tasks.answer_heads, tasks.find_boxes, tasks.measure_boxes, tasks.with_thresholds),
    *(engine.engine_files, engine.families_of, quant.sketch, tasks.with_decoder),
    *(train.find_validation, train.make_body_study, train.make_study),
}
"""Functions that other parts call with values which they have checked."""
PRESETS = (
    *(nn.autoencoder, nn.cnn, nn.conv1d, nn.dilated, nn.ds_cnn, nn.ds_conv1d, nn.lenet, nn.lenet5),
    *(
        nn.gru,
        nn.lstm,
        nn.grid_cnn,
        nn.mixednet,
        nn.mlp,
        nn.mobilenet,
        nn.mobilenet_v1,
        nn.resnet8,
        nn.squeezenet,
    ),
    *(nn.tcn, nn.unet),
)


def test_all_public_functions_are_called_here():
    called = {*CALLS, *WITHOUT_ARGUMENTS, *OF_PARTS, *PRESETS}
    parts = (measure, tasks, quant, plot, engine, interop, models, baselines, nn, data, train)
    for part in parts:
        for name, function in vars(part).items():
            if inspect.isfunction(function) and not name.startswith("_"):
                assert function in called, function


def check_refusals(function, arguments, parameter, values):
    """Each value in the place of an argument is taken, or refused in one line."""
    for name, wrong in values.items():
        try:
            function(**{**arguments, parameter: wrong})
        except DrypointError as error:
            assert "\n" not in str(error), f"{parameter}={name}: {error}"
        except Exception as error:
            raise AssertionError(f"{parameter}={name}: {error!r}") from error


@pytest.mark.parametrize("function", CALLS, ids=lambda f: f.__name__)
def test_what_is_no_such_argument_is_taken_or_refused_in_one_line(function, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = CALLS[function]
    for parameter, value in arguments.items():
        if parameter in ("time_limit", "seconds"):
            continue
        values = {name: wrong for name, wrong in WRONG.items() if type(wrong) is not type(value)}
        if isinstance(value, str):  # where a word is wanted, nobody gives an array
            values = {n: wrong for n, wrong in values.items() if not isinstance(wrong, np.ndarray)}
        if function in (quant.finetune, train.fit) and parameter == "data":
            del (
                values["a class"],
                values["a function"],
            )  # which make batches, by errors of their own
        check_refusals(function, arguments, parameter, values)


REQUIRED = {
    "out_channels": 2,
    "kernel_size": 3,
    "out_features": 3,
    "hidden_size": 4,
    "groups": 2,
    "probability": 0.5,
    "first": 0,
    "shape": (3,),
    "classes": 3,
    "axes": (0, 1),
    "axis": 0,
    "padding": 1,
    "upscale_factor": 2,
    "size": 4,
    "scale_factor": 2,
    "function": np.sin,
    "derivative": np.cos,
    "name": "square",
    "layers": [nn.Flatten()],
    "net": nn.Flatten(),
    "width": 4,
    "height": 4,
    "window": 4,
    "rows": 4,
    "x": DATA.x,
    "y": DATA.y,
}
"""Parameters without a default -> an argument."""
CLASSES = (
    *(*nn.LEAF_TYPES, nn.Model, *PRESETS),
    *(data.Dataset, data.AudioEncoder, data.BooleanDecoder, data.ClassDecoder, data.ClassEncoder),
    *(data.FunctionEncoder, data.ImageDecoder, data.ImageEncoder, data.SignalEncoder),
    *(data.augment.Warp, data.augment.Audio, data.augment.Signals),
    *(train.SGD, train.Adam, train.RMSProp, train.SignSGD, train.OneCycle, train.Step),
    *(train.EarlyStopping, quant.Scheme, tasks.Classes, tasks.Keywords, tasks.Numbers),
)


@pytest.mark.parametrize(
    "kind", sorted(CLASSES, key=lambda f: f.__name__), ids=lambda f: f.__name__
)
def test_every_parameter_of_a_signature_refuses_what_it_cannot_take(kind):
    """Of a parameter of words or of yes and no, an array is no mistake that anybody makes."""
    parameters = inspect.signature(kind).parameters
    free = {name for name, each in parameters.items() if each.default is each.empty}
    arguments = {name: REQUIRED[name] for name in free}
    kind(**arguments)
    for name, parameter in parameters.items():
        values = WRONG | NUMBERS
        if type(parameter.default) in (str, bool):
            values = {n: v for n, v in values.items() if not isinstance(v, np.ndarray)}
        check_refusals(kind, arguments, name, values)


ACCEPTED = [
    lambda: quant.calibrate(SMALL.net, X) == CALIBRATION,
    lambda: blob.dumps(quant.quantize(SMALL.net, CALIBRATION)) == blob.dumps(PROGRAM),
    lambda: quant.calibrate(MODEL, DATA).n_examples == len(DATA),
    lambda: measure.measure(SMALL.net, (X, DATA.y)).accuracy == MEASURED.accuracy,
]


def test_what_is_meant_is_taken():
    for holds in ACCEPTED:
        assert holds()
