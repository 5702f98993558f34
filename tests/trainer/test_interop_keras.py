"""`from_keras`. Oracle: Keras itself, on the same inputs; and for integers the reference.

Runs where Keras and one of its backends are installed. CI does not install them (gigabytes).
"""

import importlib.util
import os
import re

import numpy as np
import pytest
from same_values import check_integers_of

if importlib.util.find_spec("keras") is None:
    pytest.skip("Keras is not installed", allow_module_level=True)
BACKENDS = [name for name in ("torch", "tensorflow", "jax") if importlib.util.find_spec(name)]
if not BACKENDS:
    pytest.skip("no backend of Keras is installed", allow_module_level=True)
os.environ.setdefault("KERAS_BACKEND", BACKENDS[0])
keras = pytest.importorskip("keras", reason="Keras is not installed")

from page_examples import examples  # noqa: E402

from drypoint import data, interop, nn  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # of Keras and its backend about themselves
L, Input = keras.layers, keras.Input


def residual():
    x = given = Input((12, 12, 3))
    x = L.Conv2D(8, 3, padding="same", activation="relu")(x)
    y = L.Conv2D(8, 3, padding="same", use_bias=False)(x)
    x = L.ReLU(6.0)(L.Add()([x, L.BatchNormalization()(y)]))
    x = L.Concatenate()([x, L.MaxPooling2D(3, 1, padding="same")(x)])
    x = L.SeparableConv2D(6, 3, strides=2, padding="same", activation="swish")(x)
    return keras.Model(given, L.Dense(4, activation="softmax")(L.GlobalAveragePooling2D()(x)))


def depthwise():
    return keras.Sequential([
        Input((16, 16, 3)), L.Conv2D(8, 3, strides=2, padding="same", use_bias=False),
        L.BatchNormalization(), L.ReLU(), L.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
        L.Activation("relu6"), L.ZeroPadding2D(1), L.Conv2D(4, 1), L.AveragePooling2D(2),
        L.Flatten(), L.Dense(2),
    ])  # fmt: skip


def classic():
    return keras.Sequential([
        Input((28, 28, 1)), L.Conv2D(8, 3, activation="relu"), L.MaxPooling2D(),
        L.Conv2D(16, 3, strides=2, padding="same"), L.LeakyReLU(), L.Flatten(), L.Dense(10),
        L.Softmax(),
    ])  # fmt: skip


def signals():
    return keras.Sequential([
        Input((40, 2)), L.Conv1D(8, 5, strides=2, padding="same", activation="relu"),
        L.MaxPooling1D(2), L.Conv1D(4, 3, padding="causal"), L.GlobalAveragePooling1D(), L.Dense(3),
    ])  # fmt: skip


def mlp():
    return keras.Sequential([
        Input((5,)), L.Dense(8, activation="relu"), L.BatchNormalization(), L.Dropout(0.5),
        L.Dense(3, activation="softmax"),
    ])  # fmt: skip


def nested():
    inner = keras.Sequential([Input((8, 8, 3)), L.Conv2D(4, 3), L.ReLU()])
    return keras.Sequential([Input((8, 8, 3)), inner, L.Flatten(), L.Dense(2)])


def shared():
    """Layers and nets that are called twice."""
    given = Input((8, 8, 3))
    conv, relu = L.Conv2D(3, 3, padding="same"), L.ReLU()
    x = relu(conv(given))
    x = L.Add()([x, relu(conv(x))])
    inner = keras.Sequential([Input((4,)), L.Dense(4, activation="tanh")])
    return keras.Model(given, L.Dense(2)(inner(inner(L.Dense(4)(L.Flatten()(x))))))


def arithmetic():
    """A net of two inputs inside; operators of Python with tensors and numbers."""
    a, b = Input((4,)), Input((4,))
    inner = keras.Model([a, b], L.Subtract()([a, b]))
    given = Input((5,))
    x = L.Normalization(mean=[0.1, 0.2, 0.3, 0.4, 0.5], variance=[1, 2, 3, 4, 5])(given)
    x = inner([L.Dense(4)(x), L.Dense(4, activation="tanh")(x)])
    return keras.Model(given, L.Dense(2)((1.0 - x) / 2.0 + x * keras.ops.sigmoid(x)))


def gated():
    """Squeeze and excite."""
    given = Input((8, 8, 3))
    x = L.Conv2D(8, 3, padding="same", activation="swish")(given)
    y = L.Conv2D(2, 1, activation="relu")(L.GlobalAveragePooling2D(keepdims=True)(x))
    y = L.Conv2D(8, 1, activation="hard_sigmoid")(y)
    return keras.Model(given, L.Dense(3)(L.GlobalAveragePooling2D()(x * y)))


def inverted():
    return keras.Sequential([
        Input((8, 8, 3)), L.Conv2D(12, 1, use_bias=False), L.BatchNormalization(), L.ReLU(6.0),
        L.DepthwiseConv2D(3, strides=2, padding="same"), L.BatchNormalization(), L.Flatten(),
        L.Dense(3),
    ])  # fmt: skip


def words():
    return keras.Sequential([
        Input((49, 10, 1)), L.Conv2D(8, (10, 4), strides=(2, 2), padding="same"),
        L.BatchNormalization(), L.ReLU(), L.DepthwiseConv2D(3, padding="same"), L.Conv2D(8, 1),
        L.GlobalAveragePooling2D(), L.Dense(4),
    ])  # fmt: skip


def activations():
    names = ("gelu", "selu", "softplus", "softsign", "mish", "hard_swish", "elu", "leaky_relu")
    return keras.Sequential([Input((6,)), *(L.Dense(8, activation=name) for name in names)])


def hourglass():
    given = Input((8, 8, 1))
    x = L.Conv2D(4, 3, padding="same", activation="relu")(given)
    y = L.Conv2D(8, 3, padding="same", activation="relu")(L.MaxPooling2D()(x))
    x = L.Concatenate()([x, L.UpSampling2D(interpolation="bilinear")(y)])
    return keras.Model(given, L.Flatten()(L.Conv2D(1, 1)(x)))


def pools():
    return keras.Sequential([
        Input((9, 9, 2)), L.MaxPooling2D(3, 2, padding="same"), L.AveragePooling2D(2),
        L.Flatten(), L.Dense(2),
    ])  # fmt: skip


def scaled():
    return keras.Sequential([
        Input((8, 8, 3)), L.Rescaling(1 / 127.5, -1), L.RandomFlip(),
        L.Conv2D(4, 3, activation="relu6"), L.Flatten(), L.Dense(2),
    ])  # fmt: skip


MODELS = (
    *(mlp, classic, residual, depthwise, signals, nested, shared, arithmetic, gated, inverted),
    *(words, activations, hourglass, pools, scaled),
)


def made(make):
    """A model with random weights and statistics, and inputs."""
    keras.utils.set_random_seed(0)
    model, rng = make(), np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, L.BatchNormalization):
            layer.moving_mean.assign(rng.uniform(-0.5, 0.5, layer.moving_mean.shape))
            layer.moving_variance.assign(rng.uniform(0.5, 2, layer.moving_mean.shape))
    return model, rng.normal(0, 1, (64, *model.inputs[0].shape[1:])).astype(np.float32)


def test_an_imported_net_computes_the_model_and_its_integers_are_verified():
    """1e-5: float32 sums of some hundred terms near 1 in other orders."""
    for make in MODELS:
        model, x = made(make)
        net = interop.from_keras(model)
        found = interop.check(net, model, x)
        assert found.largest_difference <= 1e-5, make
        assert found.equal_decisions == found.n, make
        planes = x if x.ndim == 2 else np.moveaxis(x, -1, 1)
        planes = planes.reshape(len(x), *net.input_shape)
        check_integers_of(net, planes, 8, make)


def test_the_encoder_is_checked_too():
    """The model gets what the encoder gives, with the channels last; a function gets pixels."""
    model, _ = made(classic)
    images = np.random.default_rng(1).integers(0, 256, (20, 28, 28), np.uint8)
    net = interop.from_keras(model)
    right = nn.Model(net, encoder=data.ImageEncoder(width=28, height=28))
    assert interop.check(right, model, images).largest_difference <= 1e-5

    def scaled(pixels):
        return model.predict(pixels[..., None] / 255, verbose=0)

    assert interop.check(right, scaled, images).largest_difference <= 1e-5
    wrong = nn.Model(net, encoder=data.ImageEncoder(width=28, height=28, mean=0.5))
    assert interop.check(wrong, scaled, images).largest_difference > 1e-3


def test_what_is_no_net_is_refused():
    bad = keras.Sequential(
        [
            Input((8, 8, 3)),
            L.UpSampling2D(interpolation="bicubic", name="larger"),  # Keras numbers others
            L.LayerNormalization(),
        ]
    )
    with pytest.raises(interop.FrameworkError) as caught:
        interop.from_keras(bad)
    text = str(caught.value)
    assert text.startswith("the model is no net that can be read: 2 of 4 nodes")
    assert "Resize 'larger' resizes by mode 'cubic'" in text
    image = Input((4, 4, 4))
    first = L.MaxPooling2D(2, data_format="channels_first")(image)
    for output, message in [
        (L.Flatten()(first), "MaxPooling2D with channels_first 'max_pooling2d"),
        (keras.ops.leaky_relu(image, 0.5), "LeakyRelu 'leaky_relu"),
    ]:
        with pytest.raises(interop.FrameworkError) as caught:
            interop.from_keras(keras.Model(image, output))
        assert f" keras.{message}" in str(caught.value)
    for model, message in [
        (3, "model is a int; wanted: a keras.Model"),
        (keras.Sequential([L.Dense(3)]), "the model has no graph of layers: build it with keras."),
        (keras.Sequential([Input((None, None, 3)), L.Conv2D(4, 3)]), "the model's input is (None,"),
    ]:
        with pytest.raises(interop.FrameworkError) as caught:
            interop.from_keras(model)
        assert str(caught.value).startswith(message)


def test_the_example_of_the_page_runs(capsys):
    """docs/frameworks.md."""
    exec(examples("docs/frameworks.md", "import keras"), {})
    out = capsys.readouterr().out
    assert re.fullmatch(r"200 inputs: largest difference [\d.e-]+, 200 decisions equal\n", out)


def test_models_of_several_outputs():
    """Float32 sums in another order: 1e-5."""
    given = Input((8, 8, 1))
    body = L.Conv2D(4, 3, padding="same", activation="relu")(given)
    heat = L.Conv2D(1, 1, activation="sigmoid", name="Heat")(body)
    size = L.Dense(2, name="size")(L.GlobalAveragePooling2D()(body))
    model = keras.Model(given, [heat, size, body])
    net = interop.from_keras(model)
    x = np.random.default_rng(0).normal(0, 1, (4, 8, 8, 1)).astype(np.float32)
    ends = net(x.transpose(0, 3, 1, 2))
    assert [*ends][:2] == ["heat", "size"]
    assert re.fullmatch(r"conv2d(_\d+)?", [*ends][2])
    for values, wanted in zip(ends.values(), model.predict(x, verbose=0), strict=True):
        last = values.transpose(0, 2, 3, 1) if values.ndim == 4 else values
        np.testing.assert_allclose(last, wanted, rtol=0, atol=1e-5)


def test_a_keras_model_of_two_inputs_is_a_net_of_them():
    """Float32 sums in another order: 1e-5 of values below 10. An input that nothing reads is left
    out.
    """
    image, age = Input((6, 5, 2), name="image"), Input((7,), name="age")
    plane = L.Conv2D(4, 3, padding="same", activation="relu")(image)
    body = L.Dense(5, activation="relu")(L.Flatten()(plane))
    side = L.Dense(4, activation="relu")(age)
    model = keras.Model([image, age], L.Dense(3)(L.Concatenate()([body, side])))
    net = interop.from_keras(model)
    assert net.input_shapes == {"image": (2, 6, 5), "age": (7,)}
    rng = np.random.default_rng(0)
    x = {"image": rng.random((40, 6, 5, 2)), "age": rng.normal(0, 3, (40, 7))}
    found = interop.check(net, model, x)
    assert found.largest_difference < 1e-5
    assert found.equal_decisions == found.n
    unread = interop.from_keras(keras.Model([image, age], L.Dense(2)(age)))
    assert unread.input_shape == (7,)
