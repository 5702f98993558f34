"""Forty-odd mistakes of users on the way from data to C: each is answered by one line.

A line names what came, what was wanted and what to do. The oracle is the exact text of each line.
Users of PyTorch, Keras, Edge Impulse and Arduino make these mistakes.
"""

import re

import numpy as np
import pytest

from drypoint import data, engine, interop, measure, models, nn, quant, train
from drypoint.cli.__main__ import main
from drypoint.common import DrypointError
from drypoint.train import TrainWarning

MODEL = models.load("lenet-mnist")
PROGRAM = models.load_program("lenet-mnist")
ENGINE = engine.Engine(PROGRAM)
U8 = np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8)
Y = np.arange(40) % 10
F = (U8 / 255).astype(np.float32)  # scaled to [0, 1], without an axis for the channel
X = F[:, None]
WITH_NAN = X.copy()
WITH_NAN[3, 0, 5, 5] = np.nan
NET = nn.Sequential(
    [nn.Conv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(10), nn.Softmax()], (1, 28, 28)
)
LOGITS = nn.Sequential([nn.Flatten(), nn.Linear(10)], (1, 28, 28))


def fit(net=NET, pair=(X, Y), **options):
    """A short training without output."""
    return train.fit(net, pair, **{"epochs": 1, "progress": "none", **options})


def export(*args, **options):
    """An export of two inputs; ``golden`` or ``folder`` may be replaced."""
    return engine.export_c(PROGRAM, *args, **{"name": "net", **options})


ANSWERS = [
    (
        lambda: fit(pair=(F[..., None], Y)),
        "Graph wants (1, 28, 28) at port input, got (28, 28, 1); channels come first: "
        "x.transpose(0, 3, 1, 2) of a batch with channels last",
    ),
    (
        lambda: MODEL.net(F),
        "Sequential wants (1, 28, 28), got (40, 28, 28); the axis of the channel is missing: "
        "x[:, None] of a batch",
    ),
    (
        lambda: nn.Sequential([nn.Conv2d(4, 3)], (28, 28, 1)),
        "Conv2d at path 'conv' got (28, 28, 1): a window of 3x3 does not fit into an image "
        "of 28x1; channels come first: is it (1, 28, 28)?",
    ),
    (
        lambda: nn.Sequential([nn.Linear(10)], 784),
        "Sequential wants an input_shape (C, H, W) or (I,), got 784",
    ),
    (
        lambda: fit(pair=(U8.astype(np.float32)[:, None], Y)),
        "input of data are float32 from 0 to 255, as pixels are: give pixels as uint8, "
        "x.astype('uint8'), or scaled to [0, 1], x / 255; "
        "and counts as int16",
    ),
    (
        lambda: MODEL(U8.astype(np.float32)),
        "float pixels must lie in [0, 1]; these reach from 0 to 255: divide by 255, or give uint8",
    ),
    (
        lambda: fit(pair=(X, Y + 1)),
        "labels run from 1 to 10; wanted: indices from 0 to 9, the net's classes: subtract 1, "
        "y - 1",
    ),
    (
        lambda: fit(pair=(X, np.eye(11)[Y])),
        "targets are one-hot rows of 11; the net has 10 classes",
    ),
    (
        lambda: fit(pair=(X, Y[:30])),
        "data has 40 examples at input but 30 at target: each wants one of both",
    ),
    (
        lambda: fit(pair=(F[0], [1])),
        "data has 28 examples at input but 1 at target: of one example give x[None]",
    ),
    (
        lambda: fit(pair=(U8[0], 5)),
        "target of data is 5, not an array with a row for each example",
    ),
    (
        lambda: fit(pair=(WITH_NAN, Y)),
        "input of data holds NaN or infinity, first in example 3: leave such examples out, "
        "or replace the values",
    ),
    (
        lambda: data.Dataset(U8.astype(int), Y),
        "images are int64 from 0 to 255, as pixels are: give pixels as uint8, "
        "x.astype('uint8'), or scaled to [0, 1], x / 255; "
        "and counts as int16",
    ),
    (
        lambda: data.load_folder("nowhere"),
        "there is no folder nowhere",
    ),
    (
        lambda: train.fit(NET, "nowhere/"),
        "there is no folder nowhere",
    ),
    (
        lambda: data.ImageEncoder(width=28, height=28, mean=127.5, std=127.5),
        "mean is 127.5, of pixels that are scaled to [0, 1]: divide mean and std by 255",
    ),
    (
        lambda: data.ImageEncoder(width=28, height=28, color="bgr"),
        "color must be 'gray' or 'rgb', not 'bgr'",
    ),
    (
        lambda: data.ClassDecoder(10),
        "classes must be a list of labels, not 10: range(10) is 0 to 9",
    ),
    (
        lambda: nn.Sequential([nn.Conv2d(4, 3), nn.Linear(10)], (1, 28, 28)),
        "Linear at path 'linear' wants a vector, got (4, 26, 26); put a Flatten before",
    ),
    (
        lambda: nn.Sequential([nn.Flatten(), nn.Linear(100, 10)], (1, 28, 28)),
        "Linear at path 'linear' wants (100,), got (784,); in_features may be left out",
    ),
    (
        lambda: nn.Sequential([nn.Conv2d(3, 8, 3)], (1, 28, 28)),
        "Conv2d at path 'conv' wants 3 channels (C, H, W), got (1, 28, 28); in_channels may "
        "be left out",
    ),
    (
        lambda: nn.Sequential([nn.Flatten(), nn.Conv2d(3, 9)], (1, 8, 8)),
        "Conv2d at path 'conv' wants images (C, H, W), got (64,); put it before the Flatten",
    ),
    (
        lambda: nn.Sequential([nn.MaxPool2d(2)] * 4, (1, 8, 8)),
        "MaxPool2d at path 'pool4' got (1, 1, 1): a window of 2x2 does not fit into an image "
        "of 1x1; take a smaller window, padding, or less pooling before it",
    ),
    (
        lambda: nn.Sequential([nn.Flatten, nn.Linear(3)]),
        "Sequential wants layers, got <class 'drypoint.nn._layers.structure.Flatten'>; write "
        "nn.ReLU() with brackets",
    ),
    (
        lambda: nn.Model(nn.lenet(), decoder=data.ClassDecoder(range(5))),
        "the net has 10 outputs, the decoder 5 classes; wanted: 10 classes, one for each output, "
        "as ClassDecoder(classes)",
    ),
    (
        lambda: fit(LOGITS, loss=nn.CrossEntropyLoss()),
        "CrossEntropyLoss at path 'loss' wants probabilities, got numbers from ...: end the "
        "net in a Softmax, or say from_logits=True",
    ),
    (
        lambda: fit(loss=nn.CrossEntropyLoss(from_logits=True)),
        "the net ends in a Softmax, and CrossEntropyLoss(from_logits=True) applies another: "
        "leave from_logits=True or the Softmax out",
    ),
    (
        lambda: fit(LOGITS),
        "MSELoss() needs targets that are floats, shaped as the net's outputs; these are "
        "int64: labels want a net that ends in a softmax",
    ),
    (
        lambda: fit(nn.Sequential([nn.Flatten(), nn.Linear(5), nn.Softmax()], (1, 28, 28))),
        "labels run from 0 to 9; wanted: indices from 0 to 4, the net's classes",
    ),
    (
        lambda: fit([nn.Flatten(), nn.Linear(10)]),
        "model is a list of 2; wanted: a Model, net or graph; layers in a list make one, "
        "nn.Sequential(layers)",
    ),
    (
        lambda: fit(nn.Sequential),
        "model is the class Sequential, not one of its instances; wanted: a Model, net or "
        "graph, an instance",
    ),
    (
        lambda: fit(fit()),
        "model is a TrainResult; wanted: a Model, net or graph; the trained one is its .model",
    ),
    (
        lambda: fit(PROGRAM),
        "model is a Program; wanted: a Model, net or graph, in floats: a program cannot be trained",
    ),
    (
        lambda: fit(epochs=1.0),
        "epochs is 1.0, not a whole number of at least 1",
    ),
    (
        lambda: fit(batch_size=0),
        "batch_size is 0, not a whole number of at least 1",
    ),
    (
        lambda: fit(validation_split=20.0),
        "validation_split 20.0 would hold out 20.0 of 40 examples and must leave some on "
        "both sides: give a share below 1 or a whole number of examples; 0 holds out none",
    ),
    (
        lambda: fit(log="log.txt"),
        "log is log.txt: its name must end in .csv or .jsonl",
    ),
    (
        lambda: train.Adam(lr="0.1"),
        "lr is '0.1', not a number above 0",
    ),
    (
        lambda: fit(optimizer=train.SGD(lr=1e30)),
        "the loss became NaN or infinite in the first epoch; try a learning rate below "
        "1e+30, or smaller inputs",
    ),
    (
        lambda: nn.Model(NET)(X),
        "Conv2d at path 'conv' has no weight: the net is untrained; train.fit(net, "
        "data).model is the trained copy, net.initialize(seed=0) one with random weights",
    ),
    (
        lambda: quant.calibrate(NET, X),
        "Conv2d at path 'conv' has no weight: the net is untrained; train.fit(net, "
        "data).model is the trained copy, net.initialize(seed=0) one with random weights",
    ),
    (
        lambda: MODEL.net(np.zeros((2, 1, 32, 32), np.float32)),
        "Sequential wants (1, 28, 28), got (1, 32, 32); data.ImageEncoder(width=28, "
        "height=28) in a Model resizes pictures",
    ),
    (
        lambda: nn.Model(NET.initialize(seed=0)).top(X[:1]),
        "top() wants a decoder of classes, the model has None: "
        "with_decoder(data.ClassDecoder(classes))",
    ),
    (
        lambda: measure.measure(MODEL, U8),
        "the data are an array uint8 (40, 28, 28); wanted: a Dataset or a pair (x, y) of "
        "arrays (pictures in folders: data.load_folder; by name: data.load)",
    ),
    (
        lambda: measure.measure(MODEL, (U8, Y + 1)),
        "labels reach from 1 to 10, 10 classes allow 0 to 9: subtract 1, y - 1",
    ),
    (
        lambda: measure.measure(MODEL, (U8, Y[:3])),
        "the data have 40 inputs but 3 labels",
    ),
    (
        lambda: measure.measure(MODEL, "mnist"),
        "the data are the text 'mnist'; wanted: a Dataset or a pair (x, y) of arrays "
        "(pictures in folders: data.load_folder; by name: data.load)",
    ),
    (
        lambda: measure.measure(ENGINE, (np.zeros((3, 32, 32), np.uint8), [0, 1, 2])),
        "inputs are (3, 32, 32), the program reads (28, 28, 1) or a batch of them: "
        "encoder_from_config(program.encoder).pixels(x) of drypoint.data resizes",
    ),
    (
        lambda: quant.quantize(MODEL, U8),
        "calibration is an array uint8 (40, 28, 28); wanted: a Calibration: "
        "quant.calibrate(model, inputs)",
    ),
    (
        lambda: quant.calibrate(MODEL, U8[:0]),
        "calibration needs at least one input, and got none",
    ),
    (
        lambda: quant.calibrate(MODEL, U8[0]),
        "inputs of shape (28, 28) are encoded to (1, 28, 28), not to many of (1, 28, 28): "
        "give an array or list of several inputs",
    ),
    (
        lambda: quant.calibrate(MODEL, np.zeros((3, 28, 28), np.uint8)),
        "the values of all 3 inputs are equal (-0.424213): calibrate with some hundred "
        "training examples",
    ),
    (
        lambda: quant.quantize(NET.initialize(seed=0), quant.calibrate(MODEL, U8)),
        "the calibration knows no layer 'relu': it is of another net; quant.calibrate(model, "
        "inputs) makes one of this net",
    ),
    (
        lambda: quant.quantize(PROGRAM, quant.calibrate(MODEL, U8)),
        "model is a Program; wanted: a Model, or a net, trained: train.fit(...).model",
    ),
    (
        lambda: ENGINE.run(F),
        "inputs are float32, the program reads uint8: pixels from 0 to 255; of x in [0, 1] "
        "they are (255 * x).round().astype('uint8')",
    ),
    (
        lambda: ENGINE(F),
        "inputs are float32, the program reads uint8: pixels from 0 to 255; of x in [0, 1] "
        "they are (255 * x).round().astype('uint8')",
    ),
    (
        lambda: ENGINE.run(U8.astype(int)),
        "inputs are int64, the program reads uint8: pixels from 0 to 255, x.astype('uint8')",
    ),
    (
        lambda: ENGINE.run(U8[:, None]),
        "inputs are (40, 1, 28, 28), the program reads (28, 28, 1) or a batch of them: "
        "channels come last, x.transpose(0, 2, 3, 1) of a batch with channels first",
    ),
    (
        lambda: ENGINE.run(U8.reshape(40, 784)),
        "inputs are (40, 784), the program reads (28, 28, 1) or a batch of them: "
        "x.reshape(-1, 28, 28, 1) of a batch",
    ),
    (
        lambda: engine.Engine(MODEL),
        "program is a Model; wanted: a Program, as quant.quantize gives it, the bytes of a "
        "blob or the path of a .dpt",
    ),
    (
        lambda: engine.Engine(PROGRAM, backend="cuda"),
        "no backend 'cuda' here; there are: ...",
    ),
    (
        lambda: engine.Engine("nowhere.dpt"),
        "cannot read nowhere.dpt: No such file or directory",
    ),
    (
        lambda: engine.Engine("model.npz"),
        "model.npz: not a drypoint blob: it does not start with a header of 64 bytes and its "
        "magic; it looks like a float model, which nn.load reads; quant.quantize makes a "
        "program of it",
    ),
    (
        lambda: nn.load("program.dpt"),
        "program.dpt: not a model file, or a damaged one: File is not a zip file; it looks "
        "like an integer program: engine.Engine(path) runs it, Program.load reads it",
    ),
    (
        lambda: nn.load("text.txt"),
        "text.txt: not a model file, or a damaged one: File is not a zip file; Model.save "
        "writes one",
    ),
    (
        lambda: nn.load("arrays.npz"),
        "arrays.npz: not a model file: there is no model.json in it; Model.save writes one",
    ),
    (
        lambda: MODEL.save("text.txt/model.npz"),
        "cannot write text.txt/model.npz: text.txt is a file; name another folder",
    ),
    (
        lambda: MODEL.save("."),
        "cannot write .: it is a folder; name another file",
    ),
    (
        lambda: engine.export_c(MODEL, U8, "out", name="net"),
        "program is a Model; wanted: a Program, as quant.quantize gives it and "
        "program.blob.loads reads it",
    ),
    (
        lambda: engine.export_c(PROGRAM),
        "export_c got no golden: some inputs for the self-test, export_c(program, "
        'test.x[:10], "out", name="net")',
    ),
    (
        lambda: export(None, "out"),
        "golden is None; wanted: some inputs of the program, such as test.x[:10], which the "
        "self-test compiles in",
    ),
    (
        lambda: export(F, "out"),
        "inputs are float32, the program reads uint8: pixels from 0 to 255; of x in [0, 1] "
        "they are (255 * x).round().astype('uint8')",
    ),
    (
        lambda: export(U8[:0], "out"),
        "the self-test needs at least one input; there are 0",
    ),
    (
        lambda: export(U8[:2], "out", name="my-net"),
        "'my-net' cannot name C files: start with a lower-case letter and use only "
        "lower-case letters, digits and _, such as my_net",
    ),
    (
        lambda: export(U8[:2], "out", name="int"),
        "'int' cannot name C files: C or the generated code uses it already; take another, "
        "such as my_int",
    ),
    (
        lambda: export(U8[:2], "out", form="keil"),
        "form is 'keil'; there are: plain, cmake, amalgamation, arduino, platformio, zephyr, "
        "esp-idf, cmsis-pack",
    ),
    (
        lambda: export(U8[:2], "out", kernels="cortex-m4"),
        "no kernels are called 'cortex-m4'; there are: scalar, blocks, blocks-any, dsp, mve, "
        "neon, neon-armv7, neondot, neoni8mm, rvv, wasm",
    ),
    (
        lambda: engine.verify(PROGRAM, U8),
        'verify got no inputs: verify(program, {"C": engine.Engine(program)}, inputs)',
    ),
    (
        lambda: quant.report(MODEL, U8),
        "report got no inputs: report(model, quant.calibrate(model, inputs), inputs)",
    ),
    (
        lambda: measure.measure(MODEL, U8, Y),
        "measure got 3 positional arguments, too many: inputs and labels are one argument, "
        "measure(model, (x, y))",
    ),
    (
        lambda: engine.verify(PROGRAM, {}, U8),
        "runners is empty; wanted: at least one, such as {'C': Engine(program)}",
    ),
    (
        lambda: models.load("lenet"),
        "no shipped model is called 'lenet'; there are: lenet-mnist",
    ),
    (
        lambda: interop.from_onnx("nowhere.onnx"),
        "cannot read nowhere.onnx: No such file or directory",
    ),
]

COMMANDS = [
    ("trian", "drypoint: there is no command 'trian'; is it train? (see drypoint --help)"),
    (
        "export program.dpt",
        "drypoint export: the following arguments are required: --out (see drypoint export --help)",
    ),
    (
        "export nowhere.dpt --out out",
        "drypoint: cannot read nowhere.dpt: No such file or directory, and no shipped model "
        "(lenet-mnist)",
    ),
    (
        "verify model.npz",
        "drypoint: model.npz is a float model; this needs a program: drypoint quantize model.npz",
    ),
    (
        "export program.dpt --out out --target stm32f4",
        "drypoint export: argument --target: there is no 'stm32f4'; there are ...cortex-m4... "
        "(see drypoint export --help)",
    ),
    (
        "export program.dpt --out out --budget ram=1K",
        "drypoint: --budget is about a device: name one with --target",
    ),
    (
        "export program.dpt --out out --budget 64K",
        "drypoint export: argument --budget: the budget has '64K'; write it as "
        "ram=8K,flash=512K,stack=2K: any of the three, whole numbers, K and M for 1024 and 1024 * "
        "1024 bytes (see drypoint export --help)",
    ),
    (
        "quantize program.dpt --out y.dpt",
        "drypoint: program.dpt is an integer program; this needs a float model (.npz)",
    ),
    ("run nowhere.png", "drypoint: cannot read nowhere.png: no such file"),
    ("run text.txt", "drypoint: text.txt is not a readable picture (...)"),
    (
        "train --epochs 0",
        "drypoint train: argument --epochs: '0' is not a whole number of at least 1 (see drypoint "
        "train --help)",
    ),
    (
        "info text.txt",
        "drypoint: text.txt: not a model file, or a damaged one: File is not a zip file; "
        "Model.save writes one",
    ),
    ("info cut.npz", "drypoint: cut.npz: a damaged model file: ...; copy it again"),
    ("info folder", "drypoint: cannot read folder: it is a folder; name a file in it"),
    ("run folder", "drypoint: cannot read folder: it is a folder; name a file in it"),
    (
        "train --plot loss.pdf --out y.npz",
        "drypoint: cannot save a picture as 'loss.pdf': name it .png or .svg",
    ),
    (
        "train --data arrays.npz --out y.npz",
        "drypoint: arrays.npz has the arrays x: inputs without labels; wanted: x and y, or "
        "x_train, y_train, ...",
    ),
    (
        "measure nowhere.npz",
        "drypoint: cannot read nowhere.npz: No such file or directory, and no shipped model "
        "(lenet-mnist)",
    ),
]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A working folder with a file of each kind."""
    monkeypatch.chdir(tmp_path)
    MODEL.save("model.npz")
    PROGRAM.save("program.dpt")
    (tmp_path / "text.txt").write_text("hello")
    np.savez("arrays.npz", x=U8)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "model.npz").read_bytes()[:-1000])
    (tmp_path / "folder").mkdir()


def is_answer(text, wanted):
    """Whether a message is the wanted one; "..." stands for what the machine decides."""
    pattern = ".*".join(map(re.escape, wanted.split("...")))
    return re.fullmatch(pattern, text) is not None


@pytest.mark.usefixtures("files")
def test_mistakes_in_python_are_answered_in_one_line(toolbox):
    toolbox.need_package("onnx")
    assert len(ANSWERS) >= 40
    for call, wanted in ANSWERS:
        with pytest.raises(DrypointError) as caught:
            call()
        assert is_answer(str(caught.value), wanted), f"{caught.value}\nwanted: {wanted}"


@pytest.mark.usefixtures("files")
def test_mistakes_in_commands_are_answered_in_one_line(capsys):
    for words, wanted in COMMANDS:
        with pytest.raises(SystemExit, match="2"):
            raise SystemExit(main(words.split()))
        assert is_answer(capsys.readouterr().err.splitlines()[-1], wanted), words


def test_images_whose_channels_seem_to_be_last_are_trained_on_with_a_warning():
    """Nothing is wrong for sure: the net may be one of 32 channels."""
    net = nn.Sequential([nn.Flatten(), nn.Linear(10), nn.Softmax()])
    x = np.random.default_rng(0).random((40, 32, 32, 3), np.float32)
    wanted = (
        "inputs of shape (32, 32, 3) are 32 channels of 32 x 3; if they are channels last, give "
        "x.transpose(0, 3, 1, 2)"
    )
    with pytest.warns(TrainWarning, match=f"^{re.escape(wanted)}$"):
        fit(net, (x, Y))


def test_what_is_no_mistake_works():
    """One-hot labels, labels (N, 1), names of classes, a batch larger than the data, a folder that
    does not exist yet, a second training of a trained model."""
    for labels in (np.eye(10)[Y], Y[:, None], Y.astype(np.float32), [str(i) for i in Y]):
        assert fit(pair=(X, labels)).n_epochs == 1
    once = fit(batch_size=1000).model
    assert fit(once).n_epochs == 1


def test_a_file_is_saved_to_a_folder_that_does_not_exist(tmp_path):
    MODEL.save(tmp_path / "new/folder/model.npz")
    assert nn.load(tmp_path / "new/folder/model.npz").dumps() == MODEL.dumps()
