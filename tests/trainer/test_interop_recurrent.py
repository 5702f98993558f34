"""LSTM and GRU of other frameworks. Oracles: ONNX Runtime, PyTorch, Keras on the same inputs.

Tolerance: `check_close`'s 1e-5 of the largest output, as of the other kinds of layers.
"""

import importlib.util
import os

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from onnx_files import OnnxFile as File
from onnx_files import onnx_runtime
from same_values import check_close
from tflite_files import TfliteFile

from drypoint import interop, nn, quant

GATES = {"LSTM": 4, "GRU": 3}
STEPS, CHANNELS, UNITS = 7, 3, 5


def signals(n=6, seed=0):
    return np.random.default_rng(seed).normal(0, 1, (n, STEPS, CHANNELS)).astype(np.float32)


def by_channel(x):
    """(N, T, C) as (N, C, T), and back."""
    return x.transpose(0, 2, 1)


def cell(file, op, x, **more):
    """A node on (T, N, C), as PyTorch's exporters write it; what it outputs."""
    rows = GATES[op] * UNITS
    arrays = [file.drawn(1, rows, n) for n in (more.pop("read", CHANNELS), UNITS)]
    reads = [x, *arrays, file.drawn(1, 2 * rows), *more.pop("reads", ())]
    if op == "GRU":
        more = {"linear_before_reset": 1, **more}
    return file.of(op, *reads, outputs=GATES[op] - 1, hidden_size=UNITS, **more)


def zeros(file, x="input"):
    """A state of zeros for each example of an open batch."""
    size = file.of("Gather", file.of("Shape", x), file.ints(0), axis=0)
    return file.of(
        "ConstantOfShape", file.of("Concat", file.ints(1), size, file.ints(UNITS), axis=0)
    )


def last_of_all(file, op):
    x = file.of("Transpose", "input", perm=[1, 0, 2])
    y = cell(file, op, x, reads=["", zeros(file)])[0]
    y = file.of("Transpose", file.of("Squeeze", y, file.ints(1)), perm=[1, 0, 2])
    return file.of("Gather", y, file.constant(-1, np.int64), axis=1)


def sliced(file, op):
    """The last step as a slice, of states that an exporter slices out of a larger constant."""
    x = file.of("Transpose", "input", perm=[1, 0, 2])
    state = file.of("Slice", zeros(file), file.ints(0), file.ints(1), file.ints(0))
    y = file.of("Squeeze", cell(file, op, x, reads=["", state])[0], file.ints(1))
    y = file.of("Slice", y, file.ints(-1), file.ints(2**31), file.ints(0))
    return file.of("Squeeze", y, file.ints(0))


def stacked(file, op):
    """Two nodes, and the last output of the second one out of both, as ``h[-1]``."""
    x = file.of("Transpose", "input", perm=[1, 0, 2])
    first, h1, *_ = cell(file, op, x)
    x = file.of("Transpose", first, perm=[0, 2, 1, 3])
    x = file.of("Reshape", x, file.ints(0, 0, -1))
    _, h2, *_ = cell(file, op, x, read=UNITS)
    both = file.of("Concat", h1, h2, axis=0)
    return file.of("Gather", both, file.constant(-1, np.int64), axis=0)


def in_the_middle(file, op):
    """All outputs, through a function and a Linear for each step, to another cell's last."""
    x = file.of("Transpose", "input", perm=[1, 0, 2])
    y = file.of("Relu", file.of("Squeeze", cell(file, op, x)[0], file.ints(1)))
    y = file.of("MatMul", file.of("Transpose", y, perm=[1, 0, 2]), file.drawn(UNITS, 4))
    y = file.of("Transpose", file.of("Add", y, file.drawn(4)), perm=[1, 0, 2])
    return file.of("Squeeze", cell(file, op, y, read=4)[1], file.ints(0))


NETS = [last_of_all, sliced, stacked, in_the_middle]


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("make", NETS)
def test_a_file_computes_what_onnx_runtime_computes(make, op):
    file = File((STEPS, CHANNELS))
    file.at = make(file, op)
    content = file.then("Gemm", file.drawn(UNITS, 2), file.drawn(2)).bytes()
    net, x = interop.from_onnx(content), signals()
    assert net.input_shape == (CHANNELS, STEPS)
    check_close(net(by_channel(x)), onnx_runtime(content, x))
    (wanted,) = ReferenceEvaluator(onnx.load_model_from_string(content)).run(None, {"input": x})
    check_close(net(by_channel(x)), wanted)
    quant.check_export(net)


def test_the_input_of_channels_first_and_a_batch_of_one():
    """ONNX Runtime has no CPU kernel of layout 1, which Keras's cells need: the next test."""
    file = File((CHANNELS, STEPS), batch=1)
    x = file.of("Transpose", "input", perm=[2, 0, 1])
    y = cell(file, "LSTM", x, reads=["", file.constant(np.zeros((1, 1, UNITS)))])[0]
    file.at = file.of("Transpose", file.of("Squeeze", y, file.ints(1)), perm=[1, 2, 0])
    content = file.bytes()
    net, x = interop.from_onnx(content), by_channel(signals())
    assert net.output_shape((CHANNELS, STEPS)) == (UNITS, STEPS)
    check_close(net(x), onnx_runtime(content, x))


LAYERS = {
    "gru": [nn.GRU(5), nn.Linear(2)],
    "lstm": [nn.Conv1d(4, 1), nn.LSTM(5), nn.Linear(2), nn.Softmax()],
    "stacked": [nn.LSTM(4, num_layers=3, dropout=0.5, return_sequences=True), nn.GRU(3)],
    "all": [nn.GRU(4, num_layers=2, return_sequences=True), nn.Conv1d(2, 1), nn.ReLU()],
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_net_is_written_and_read_again(name):
    net = nn.Sequential(LAYERS[name]).initialize(seed=0, input_shape=(CHANNELS, STEPS))
    rng = np.random.default_rng(0)
    net = net.with_params(
        {
            key: rng.normal(0, 0.5, array.shape).astype(np.float32)
            for key, array in net.params.items()
        }
    )
    content, x = interop.to_onnx(nn.Model(net)), by_channel(signals())
    check_close(onnx_runtime(content, x), net(x))
    again = interop.from_onnx(content)
    assert again.input_shape == net.input_shape
    assert (again(x) == net(x)).all()


def attributes(**more):
    return lambda file, op: cell(file, op, file.of("Transpose", "input", perm=[1, 0, 2]), **more)[0]


def reads(*more):
    def make(file, op):
        x = file.of("Transpose", "input", perm=[1, 0, 2])
        given = [file.constant(*a) if isinstance(a, tuple) else a for a in more]
        return cell(file, op, x, reads=given)[0]

    return make


def both(file, op):
    y, h, *_ = cell(file, op, file.of("Transpose", "input", perm=[1, 0, 2]))
    y = file.of("ReduceMean", file.of("Transpose", y, perm=[2, 0, 1, 3]), axes=[1, 2], keepdims=0)
    return file.of("Concat", y, file.of("Squeeze", h, file.ints(0)), axis=1)


def state_of_the_cell(file, op):
    return cell(file, op, file.of("Transpose", "input", perm=[1, 0, 2]))[2]


REFUSED = [
    ("LSTM", attributes(clip=3.0), "clips its sums (clip); wanted: none"),
    ("LSTM", attributes(input_forget=1), "couples its input and forget gates (input_forget)"),
    ("LSTM", attributes(direction="reverse"), "is reverse: a program has no later steps"),
    ("GRU", attributes(direction="bidirectional"), "is bidirectional: a program has no later"),
    (
        "GRU",
        attributes(linear_before_reset=0),
        "resets the state before its matrix; wanted: linear",
    ),
    ("GRU", attributes(activations=["Sigmoid", "Relu"]), "activations sigmoid, relu; wanted: sig"),
    ("LSTM", reads("", (np.ones((1, 1, UNITS)),)), "begins with a state that is not 0: leave it"),
    ("LSTM", reads("", "", (np.ones((1, 1, UNITS)),)), "begins with a cell that is not 0: leave"),
    ("LSTM", reads("", "", "", (np.ones((1, 3 * UNITS)),)), "has peepholes (P): leave them out"),
    ("GRU", reads((np.array([3]), np.int32)), "a length for each sequence (sequence_lens)"),
    ("LSTM", both, "gives its last output and all; wanted: one"),
    ("LSTM", state_of_the_cell, "has an output of its cell's state that is read; only h is"),
    ("GRU", lambda f, op: cell(f, op, "input")[0], "reads the steps of a sequence along the batch"),
    ("GRU", attributes(read=4), "has an array (1, 15, 4); wanted (1, 15, 3) of 5 units"),
]


@pytest.mark.parametrize(("op", "make", "words"), REFUSED)
def test_what_the_layers_do_not_compute_is_refused_by_name(op, make, words):
    file = File((STEPS, CHANNELS), batch=1)
    file.at = make(file, op)
    with pytest.raises(interop.OnnxError) as error:
        interop.from_onnx(file.bytes())
    assert f"{op} '" in str(error.value)
    assert words in str(error.value)


def test_a_state_that_is_computed_of_an_open_batch_is_refused():
    """Zeros of the batch's size take no bytes; a sum of them would."""
    file = File((STEPS, CHANNELS))
    x = file.of("Transpose", "input", perm=[1, 0, 2])
    state = file.of("Add", zeros(file), file.constant(np.zeros((1, 1, UNITS))))
    wide = file.of("Expand", state, file.ints(4, 1, UNITS))
    wide = file.of("Slice", wide, file.ints(0), file.ints(1), file.ints(0))
    file.at = file.of("Squeeze", cell(file, "GRU", x, reads=["", wide])[0], file.ints(1))
    with pytest.raises(interop.OnnxError, match="for an open batch axis: export with a batch of 1"):
        interop.from_onnx(file.bytes())


def torch_modules():
    """Modules of (N, T, C), and of (N, C, T)."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript is missing")
    tn = torch.nn

    class Of(tn.Module):
        def __init__(self, kind, how, **more):
            super().__init__()
            self.cell, self.how = kind(CHANNELS, UNITS, **more), how
            self.head = tn.Linear(UNITS, 2)

        def forward(self, x):
            first = self.cell.batch_first
            outputs, h = self.cell(x if first else x.permute(2, 0, 1))
            h = h[0] if isinstance(h, tuple) else h
            last = {"h": h[-1], "out": outputs[:, -1] if first else outputs[-1]}
            return self.head(last.get(self.how, outputs if first else outputs.transpose(0, 1)))

    torch.manual_seed(0)
    return torch, [
        Of(tn.LSTM, "out", batch_first=True),
        Of(tn.GRU, "h", batch_first=True, num_layers=2, dropout=0.3),
        Of(tn.GRU, "all", batch_first=True, bias=False),
        Of(tn.LSTM, "h"),
        Of(tn.GRU, "out", num_layers=2),
    ]


def test_modules_of_pytorch():
    torch, modules = torch_modules()
    for module in modules:
        x = signals() if module.cell.batch_first else by_channel(signals())
        net = interop.from_torch(module, torch.zeros(1, *x.shape[1:]))
        assert net.input_shape == (CHANNELS, STEPS)
        assert interop.check(net, module, x).largest_difference <= 1e-5
        quant.check_export(net)


@pytest.mark.filterwarnings("ignore")  # of PyTorch about its exporter
def test_files_of_pytorchs_older_exporter(tmp_path):
    torch, modules = torch_modules()
    for module in modules[:2]:
        path = tmp_path / "net.onnx"
        example = torch.zeros(2, STEPS, CHANNELS)
        more = {"input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}}
        torch.onnx.export(module.eval(), (example,), path, dynamo=False, **more)
        net, x = interop.from_onnx(path), signals()
        with torch.no_grad():
            check_close(net(by_channel(x)), module(torch.from_numpy(x)).numpy())


def keras_layers():
    if importlib.util.find_spec("keras") is None:
        pytest.skip("Keras is not installed")
    backends = [name for name in ("torch", "tensorflow", "jax") if importlib.util.find_spec(name)]
    if not backends:
        pytest.skip("no backend of Keras is installed")
    os.environ.setdefault("KERAS_BACKEND", backends[0])
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    return keras, keras.layers


@pytest.mark.filterwarnings("ignore")  # of Keras and its backend about themselves
def test_models_of_keras():
    keras, layers = keras_layers()
    keras.utils.set_random_seed(0)
    nets = [
        [layers.GRU(4, return_sequences=True, dropout=0.2), layers.Dropout(0.2), layers.LSTM(5)],
        [layers.Conv1D(4, 1, activation="relu"),
         layers.LSTM(4, return_sequences=True, use_bias=False), layers.BatchNormalization(),
         layers.Dense(3, activation="softmax")],
        [layers.GRU(4, use_bias=False), layers.Dense(2)],
    ]  # fmt: skip
    for given in nets:
        model = keras.Sequential([keras.Input((STEPS, CHANNELS)), *given])
        rng = np.random.default_rng(0)
        for weight in model.weights:
            if "bias" in weight.path:
                weight.assign(rng.normal(0, 0.5, weight.shape))
        net = interop.from_keras(model)
        assert interop.check(net, model, signals()).largest_difference <= 1e-5
        quant.check_export(net)


@pytest.mark.filterwarnings("ignore")  # of Keras and its backend about themselves
def test_layers_of_keras_that_are_refused_by_name():
    keras, layers = keras_layers()
    for layer, words in [
        (layers.GRU(4, reset_after=False), "resets the state before its matrix"),
        (layers.LSTM(4, go_backwards=True), "is reverse: a program has no later steps"),
        (layers.LSTM(4, activation="relu"), "has the activations sigmoid, relu, relu; wanted:"),
        (layers.GRU(4, recurrent_activation="hard_sigmoid"), "has the activations hard_sigmoid,"),
        (layers.LSTM(4, stateful=True), "keras.LSTM with stateful=True"),
        (layers.Bidirectional(layers.GRU(3)), "is bidirectional: a program has no later steps"),
        (layers.SimpleRNN(3), "is a plain recurrent unit"),
    ]:
        given = keras.Input((STEPS, CHANNELS), batch_size=2)
        model = keras.Sequential([given, layer, layers.Dense(2)])
        with pytest.raises(interop.FrameworkError) as error:
            interop.from_keras(model)
        assert words in str(error.value)
        assert "\n" not in str(error.value)


def tflite_net(kind, **more):
    """An LSTM, a dense layer of each step, and one more LSTM, of whose outputs the last is read."""
    f = TfliteFile((1, STEPS, CHANNELS), kind=kind, scale=0.02, zero=-3)
    at = f.lstm(0, UNITS, **more)
    at = f.then("FULLY_CONNECTED", [at, f.drawn(4, UNITS), f.bias(4)], (1, STEPS, 4), scale=0.02,
                KeepNumDims=True)  # fmt: skip
    at = f.rows(f.lstm(at, 6), STEPS - 1, STEPS)
    f.then("FULLY_CONNECTED", [at, f.drawn(2, 6), f.bias(2)], (1, 2), scale=0.02)
    return f.bytes()


def of_litert(content, x):
    """What LiteRT computes of signals (N, T, C), its states set back before each."""
    litert = pytest.importorskip("ai_edge_litert.interpreter", reason="LiteRT is not installed")
    run = litert.Interpreter(model_content=content)
    run.allocate_tensors()
    (given,), (made,) = run.get_input_details(), run.get_output_details()
    found = []
    for signal in x:
        run.reset_all_variables()
        run.set_tensor(given["index"], signal[None])
        run.invoke()
        found.append(run.get_tensor(made["index"])[0])
    return np.stack(found)


def test_a_file_of_tensorflow_lite_computes_what_litert_computes():
    content, x = tflite_net("FLOAT32"), signals()
    net = interop.from_tflite(content)
    assert net.input_shape == (CHANNELS, STEPS)
    check_close(net(by_channel(x)), of_litert(content, x))
    quant.check_export(net)


def test_a_quantized_file_gives_a_float_net_of_its_integers():
    content = tflite_net("INT8")
    net = interop.from_tflite(content)
    name, *_ = net.layers
    weight = net.params[f"{name}.weight_ih_l0"] / np.float32(0.005)
    assert np.abs(weight - np.rint(weight)).max() < 1e-4  # float32 of a product with 0.005
    assert np.abs(weight).max() > 100
    with pytest.raises(interop.TfliteError) as error:
        interop.program_from_tflite(content)
    assert "read the float net by interop.from_tflite, and quantize it" in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"TimeMajor": True}, "has the steps before the batch (time_major); wanted: (N, T, C)"),
        ({"FusedActivationFunction": "RELU"}, "has the function RELU; wanted: TANH"),
    ],
)
def test_lstms_of_tensorflow_lite_that_are_refused_by_name(options, words):
    with pytest.raises(interop.TfliteError) as error:
        interop.from_tflite(tflite_net("FLOAT32", **options))
    assert words in str(error.value)
