"""Every function of one value in each place that has it. Oracle: the layer in float64, whose values
`test_nn_ports.py` holds to formulas in NumPy.
"""

import numpy as np
import pytest

from drypoint import engine, interop, nn, quant
from drypoint.program import reference

LAYERS = nn.Sequential({name: name for name in nn.FUNCTIONS}).layers
PARAMETERS = {
    "leaky_relu": nn.LeakyReLU(0.1),
    "steep": nn.LeakyReLU(-2.0),
    "hardtanh": nn.Hardtanh(-0.5, 2.0),
}
KERAS = {"abs": "absolute", "hardsigmoid": "hard_sigmoid", "hardswish": "hard_silu"}
"""Keras's names, where they differ."""


def real_inputs(name):
    """Inputs (40, 3) in the domain of a function."""
    x = np.random.default_rng(0).normal(0, 2, (40, 3)).astype(np.float32)
    return np.abs(x) + 0.1 if name in nn.FUNCTIONS and nn.FUNCTIONS[name].least == 0 else x


def same(layer, other):
    """Whether two layers compute one function, to the precision of a file's constants."""
    numbers = [[v for v in vars(each).values() if isinstance(v, int | float)]
               for each in (layer, other)]  # fmt: skip
    names = [vars(each).get("name") for each in (layer, other)]
    return type(layer) is type(other) and names[0] == names[1] and np.allclose(*numbers)


@pytest.mark.parametrize("name", [*LAYERS, *PARAMETERS])
def test_a_function_comes_back_from_onnx(name):
    layer = {**LAYERS, **PARAMETERS}[name]
    net = nn.Sequential({"function": layer}, (3,)).initialize(0)
    try:
        content = interop.to_onnx(net)
    except (KeyError, interop.ExportError) as error:
        pytest.fail(f"trainer/drypoint/interop/_functions.py writes no '{name}': {error!r}")
    try:
        (found,) = interop.from_onnx(content).layers.values()
    except interop.OnnxError as error:
        pytest.fail(f"trainer/drypoint/interop/onnx/operators reads no '{name}': {error}")
    assert same(found, layer), found
    x = real_inputs(name)
    np.testing.assert_array_equal(nn.Sequential([found])(x), net(x))


@pytest.mark.parametrize("name", LAYERS)
def test_onnx_runtime_computes_what_the_layer_computes(name, toolbox):
    """1e-6 of values near 1 and less: float32, by other formulas."""
    toolbox.need_package("onnxruntime")
    import onnxruntime

    net, x = nn.Sequential({"function": LAYERS[name]}, (3,)).initialize(0), real_inputs(name)
    session = onnxruntime.InferenceSession(interop.to_onnx(net))
    np.testing.assert_allclose(session.run(None, {"input": x})[0], net(x), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in nn.FUNCTIONS if nn.FUNCTIONS[name].tflite])
def test_a_tflite_operator_is_the_layer(name):
    pytest.importorskip("ai_edge_litert.schema_py_generated")
    from tflite_files import TfliteFile

    f = TfliteFile((1, 3), kind="FLOAT32")
    options = {"Approximate": False} if name == "gelu" else {}
    f.then(nn.FUNCTIONS[name].tflite, [0], (1, 3), **options)
    try:
        net = interop.from_tflite(f.bytes())
    except interop.TfliteError as error:
        pytest.fail(f"trainer/drypoint/interop/tflite reads no '{name}': {error}")
    assert [same(layer, LAYERS[name]) for layer in net.layers.values()] == [True]


@pytest.mark.parametrize("name", [name for name in LAYERS if name != "gelu_tanh"])
def test_a_function_of_keras_is_the_layer(name):
    keras = pytest.importorskip("keras", reason="Keras is not installed")
    given, theirs = keras.layers.Input((3,)), KERAS.get(name, name)
    activations = hasattr(keras.activations, theirs)
    output = (keras.layers.Activation(theirs) if activations else getattr(keras.ops, theirs))(given)
    net = interop.from_keras(keras.Model(given, output))
    assert [same(layer, LAYERS[name]) for layer in net.layers.values()] == [True]


@pytest.mark.parametrize("name", [name for name in LAYERS if nn.FUNCTIONS[name].least < 0])
def test_a_random_net_with_the_function_runs_in_integers(name):
    """The engine computes the reference's bytes, and the program follows the net, but where a
    function jumps."""
    layers = {"first": nn.Linear(6), "function": LAYERS[name], "last": nn.Linear(4)}
    net = nn.Sequential(layers, (3,)).initialize(1)
    x = real_inputs(name)
    program = quant.quantize(net, quant.calibrate(net, x))
    integers = program.integers(x)
    outputs = reference.run(program, integers)
    np.testing.assert_array_equal(engine.Engine(program).run(integers), outputs)
    off = np.abs(outputs.reshape(40, 4) * program.output_scale - net(x))
    assert np.quantile(off, 0.9) < 0.05 * np.abs(net(x)).max()
