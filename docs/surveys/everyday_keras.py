"""Write everyday Keras nets as their users export them: TensorFlow Lite, float and int8.

    python docs/surveys/everyday_keras.py FOLDER [NAME ...]

Needs TensorFlow, in any environment: the file imports nothing of drypoint. Weights are random.
`file_survey.py FOLDER` then says what becomes of each file.
"""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers as k


def _conv(x, filters, size=3, stride=1, act="relu6", **more):
    x = k.Conv2D(filters, size, stride, "same", use_bias=False, **more)(x)
    return k.Activation(act)(k.BatchNormalization()(x))


def _depthwise(x, size=3, stride=1, act="relu6"):
    x = k.DepthwiseConv2D(size, stride, "same", use_bias=False)(x)
    return k.Activation(act)(k.BatchNormalization()(x))


def _squeeze_excite(x, ratio=4, gate="sigmoid"):
    c = x.shape[-1]
    s = k.GlobalAveragePooling2D(keepdims=True)(x)
    s = k.Conv2D(c, 1, activation=gate)(k.Conv2D(c // ratio, 1, activation="relu")(s))
    return k.Multiply()([x, s])


def _classes(x, n=10):
    return k.Dense(n, activation="softmax")(k.GlobalAveragePooling2D()(x))


def _image(c=3, side=48):
    return k.Input((side, side, c))


def mobilenet_v1():
    """The net of TFLM's person detection, gray pictures."""
    return keras.applications.MobileNet((96, 96, 1), 0.25, weights=None, classes=2)


def mobilenet_v2():
    return keras.applications.MobileNetV2((96, 96, 3), 0.35, weights=None, classes=10)


def mobilenet_v3_small():
    return keras.applications.MobileNetV3Small((64, 64, 3), 0.75, weights=None, classes=10)


def efficientnet_b0():
    return keras.applications.EfficientNetB0(weights=None, input_shape=(64, 64, 3), classes=10)


def efficientnet_lite():
    x = i = _image()
    x = _conv(x, 16, 3, 2)
    for size, stride, c in ((3, 1, 8), (3, 2, 16), (5, 2, 24), (5, 1, 24)):
        y = _depthwise(_conv(x, 4 * x.shape[-1], 1), size, stride)
        y = k.BatchNormalization()(k.Conv2D(c, 1, use_bias=False)(y))
        x = k.Add()([x, y]) if x.shape == y.shape else y
    return keras.Model(i, _classes(k.Dropout(0.2)(_conv(x, 64, 1))))


def _shuffle(x, groups=2):
    h, w, c = x.shape[1:]
    x = k.Reshape((h, w, groups, c // groups))(x)
    return k.Reshape((h, w, c))(k.Permute((1, 2, 4, 3))(x))


def shufflenet_v2():
    i = _image()
    x = k.MaxPooling2D(3, 2, "same")(_conv(i, 16, 3, 2, "relu"))
    for c in (32, 64):
        a = _conv(_depthwise(x, 3, 2, "linear"), c // 2, 1, act="relu")
        b = _conv(
            _depthwise(_conv(x, c // 2, 1, act="relu"), 3, 2, "linear"), c // 2, 1, act="relu"
        )
        x = _shuffle(k.Concatenate()([a, b]))
        a, b = tf_split(x)
        b = _conv(
            _depthwise(_conv(b, c // 2, 1, act="relu"), 3, 1, "linear"), c // 2, 1, act="relu"
        )
        x = _shuffle(k.Concatenate()([a, b]))
    return keras.Model(i, _classes(_conv(x, 64, 1, act="relu")))


def tf_split(x):
    half = x.shape[-1] // 2
    return x[..., :half], x[..., half:]


def shufflenet_v1():
    i = _image()
    x = _conv(i, 24, 3, 2, "relu")
    y = _shuffle(_conv(x, 24, 1, act="relu", groups=3), 3)
    y = k.BatchNormalization()(k.Conv2D(24, 1, groups=3)(_depthwise(y, 3, 1, "linear")))
    return keras.Model(i, _classes(k.ReLU()(k.Add()([x, y]))))


def squeezenet():
    i = _image()
    x = k.MaxPooling2D(3, 2)(k.Conv2D(32, 3, 2, activation="relu")(i))
    for s, e in ((8, 32), (16, 48)):
        x = k.Conv2D(s, 1, activation="relu")(x)
        x = k.Concatenate()([k.Conv2D(e, n, padding="same", activation="relu")(x) for n in (1, 3)])
    x = k.Conv2D(10, 1, activation="relu")(k.Dropout(0.5)(x))
    return keras.Model(i, k.Softmax()(k.GlobalAveragePooling2D()(x)))


def fomo():
    body = keras.applications.MobileNetV2((96, 96, 3), 0.35, weights=None, include_top=False)
    x = body.get_layer("block_6_expand_relu").output
    x = k.Conv2D(3, 1)(k.Conv2D(32, 1, activation="relu")(x))
    return keras.Model(body.input, k.Softmax()(x))


def blazeface():
    """Two scales of anchors, their scores and boxes joined as MediaPipe's."""
    i = _image(side=64)
    x = k.Conv2D(16, 5, 2, "same", activation="relu")(i)
    for c, stride in ((16, 1), (24, 2), (24, 1), (48, 2)):
        y = k.Conv2D(c, 1)(k.DepthwiseConv2D(5, stride, "same")(x))
        s = k.MaxPooling2D(2)(x) if stride == 2 else x
        if c > x.shape[-1]:
            more = c - x.shape[-1]
            s = k.Lambda(lambda t, n=more: tf.pad(t, ((0, 0), (0, 0), (0, 0), (0, n))))(s)
        x = k.ReLU()(k.Add()([s, y]))
    small = k.Conv2D(64, 3, 2, "same", activation="relu")(x)
    scores, boxes = [], []
    for plane, anchors in ((x, 2), (small, 6)):
        scores.append(k.Reshape((-1, 1))(k.Conv2D(anchors, 1)(plane)))
        boxes.append(k.Reshape((-1, 16))(k.Conv2D(anchors * 16, 1)(plane)))
    return keras.Model(i, [k.Concatenate(1)(boxes), k.Concatenate(1)(scores)])


def yolo_nano():
    """Two planes of cells, the finer one with the coarser one's features."""
    i = _image(side=64)
    x = i
    for c in (8, 16, 32):
        x = _conv(x, c, 3, 2, "leaky_relu")
    y = _conv(x, 48, 3, 2, "leaky_relu")
    coarse = k.Conv2D(18, 1, name="coarse")(y)
    up = k.UpSampling2D(2)(_conv(y, 16, 1, act="leaky_relu"))
    x = _conv(k.Concatenate()([x, up]), 32, 3, act="leaky_relu")
    return keras.Model(i, [k.Conv2D(18, 1, name="fine")(x), coarse])


def yolo_v8_tail():
    """Heads of boxes with a softmax over their bins, as YOLOv8 has; ends in (boxes, values)."""
    i = _image(side=32)
    x = _conv(_conv(i, 16, 3, 2, "silu"), 24, 3, 2, "silu")
    a, b = tf_split(_conv(x, 32, 1, act="silu"))
    x = _conv(k.Concatenate()([a, b, _conv(b, 16, 3, act="silu")]), 32, 1, act="silu")
    box = k.Reshape((64, 4, 8))(k.Conv2D(32, 1)(x))
    box = k.Conv2D(1, 1, use_bias=False)(k.Softmax()(box))
    return keras.Model(i, [box, k.Reshape((64, 3))(k.Conv2D(3, 1, activation="sigmoid")(x))])


def _unet(up):
    i = _image(1)
    a = k.Conv2D(8, 3, padding="same", activation="relu")(i)
    b = k.Conv2D(16, 3, padding="same", activation="relu")(k.MaxPooling2D(2)(a))
    c = k.Conv2D(24, 3, padding="same", activation="relu")(k.MaxPooling2D(2)(b))
    d = k.Conv2D(16, 3, padding="same", activation="relu")(k.Concatenate()([up(c, 16), b]))
    e = k.Conv2D(8, 3, padding="same", activation="relu")(k.Concatenate()([up(d, 8), a]))
    return keras.Model(i, k.Conv2D(1, 1, activation="sigmoid")(e))


def unet_transposed():
    return _unet(lambda x, c: k.Conv2DTranspose(c, 2, 2, "same")(x))


def unet_nearest():
    return _unet(lambda x, _: k.UpSampling2D(2)(x))


def unet_bilinear():
    return _unet(lambda x, _: k.UpSampling2D(2, interpolation="bilinear")(x))


def deeplab():
    """Dilations, a branch of the whole plane's mean, and a resize to the input's size."""
    i = _image(side=64)
    x = _conv(_conv(i, 16, 3, 2), 32, 3, 2)
    branches = [_conv(x, 16, 1), _conv(x, 16, 3, dilation_rate=2), _conv(x, 16, 3, dilation_rate=4)]
    whole = _conv(k.GlobalAveragePooling2D(keepdims=True)(x), 16, 1)
    branches.append(k.UpSampling2D(16, interpolation="bilinear")(whole))
    x = k.Conv2D(3, 1)(_conv(k.Concatenate()(branches), 32, 1))
    return keras.Model(i, k.Softmax()(k.UpSampling2D(4, interpolation="bilinear")(x)))


def resnet8():
    i = _image(side=32)
    x = _conv(i, 16, act="relu")
    for c, stride in ((16, 1), (32, 2), (64, 2)):
        y = k.BatchNormalization()(k.Conv2D(c, 3, 1, "same")(_conv(x, c, 3, stride, "relu")))
        x = k.Conv2D(c, 1, stride, "same")(x) if stride == 2 else x
        x = k.ReLU()(k.Add()([x, y]))
    return keras.Model(i, k.Dense(10, activation="softmax")(k.Flatten()(k.AveragePooling2D(8)(x))))


def ds_cnn():
    i = k.Input((49, 10, 1))
    x = k.Conv2D(64, (10, 4), 2, "same", use_bias=False)(i)
    x = k.ReLU()(k.BatchNormalization()(x))
    for _ in range(4):
        x = _conv(_depthwise(x, act="relu"), 64, 1, act="relu")
    x = k.Flatten()(k.AveragePooling2D((25, 5))(x))
    return keras.Model(i, k.Dense(12, activation="softmax")(x))


def tiny_conv():
    """TFLM's micro_speech: a flat input of features."""
    i = k.Input((1960,))
    x = k.DepthwiseConv2D((10, 8), 2, "same", 8, activation="relu")(k.Reshape((49, 40, 1))(i))
    return keras.Model(i, k.Dense(4, activation="softmax")(k.Flatten()(x)))


def tcn():
    i = k.Input((64, 8))
    x = i
    for d in (1, 2, 4):
        y = k.Conv1D(16, 3, padding="causal", dilation_rate=d, activation="relu")(x)
        y = k.Conv1D(16, 3, padding="causal", dilation_rate=d)(y)
        x = k.ReLU()(k.Add()([k.Conv1D(16, 1)(x) if d == 1 else x, y]))
    return keras.Model(i, k.Dense(4, activation="softmax")(x[:, -1]))


def ei_keywords():
    """Edge Impulse's default 1-D net of MFCCs."""
    i = k.Input((650,))
    x = k.Reshape((50, 13))(i)
    for c in (8, 16):
        x = k.Conv1D(c, 3, padding="same", activation="relu")(x)
        x = k.Dropout(0.25)(k.MaxPooling1D(2, 2, "same")(x))
    return keras.Model(i, k.Dense(4, activation="softmax")(k.Flatten()(x)))


def ei_transfer():
    """Edge Impulse's transfer learning: a dense layer over the plane before the flatten."""
    body = keras.applications.MobileNetV2((96, 96, 3), 0.35, weights=None, include_top=False)
    x = k.Reshape((-1, body.output.shape[-1]))(body.output)
    x = k.Flatten()(k.Dropout(0.1)(k.Dense(16, activation="relu")(x)))
    return keras.Model(body.input, k.Dense(3, activation="softmax")(x))


def har_cnn():
    i = k.Input((128, 9))
    x = k.Conv1D(32, 7, activation="relu")(i)
    x = k.Conv1D(64, 5, activation="relu")(k.MaxPooling1D(2)(x))
    x = k.Dense(32, activation="relu")(k.GlobalAveragePooling1D()(x))
    return keras.Model(i, k.Dense(6, activation="softmax")(x))


def max_and_mean():
    i = k.Input((60, 12))
    x = k.Conv1D(24, 5, activation="relu")(i)
    both = k.Concatenate()([k.GlobalMaxPooling1D()(x), k.GlobalAveragePooling1D()(x)])
    return keras.Model(i, k.Dense(5)(both))


def autoencoder():
    i = k.Input((128,))
    x = i
    for n in (64, 64, 8, 64, 64):
        x = k.ReLU()(k.BatchNormalization()(k.Dense(n)(x)))
    return keras.Model(i, k.Dense(128)(x))


def conv_autoencoder():
    x = i = _image(1, 32)
    for c in (8, 16):
        x = k.Conv2D(c, 3, 2, "same", activation="relu")(x)
    for c in (16, 8):
        x = k.Conv2DTranspose(c, 3, 2, "same", activation="relu")(x)
    return keras.Model(i, k.Conv2D(1, 3, padding="same", activation="sigmoid")(x))


def se_resnet():
    i = _image()
    x = _conv(i, 16, 3, 2, "relu")
    y = _squeeze_excite(_conv(_conv(x, 16, act="relu"), 16, act="linear"))
    return keras.Model(i, _classes(k.ReLU()(k.Add()([x, y]))))


def hard_swish():
    i = _image()
    x = _conv(i, 16, 3, 2, "hard_swish")
    x = _squeeze_excite(_depthwise(x, 5, 1, "hard_swish"), 4, "hard_sigmoid")
    return keras.Model(i, _classes(_conv(x, 32, 1, act="hard_swish")))


def prelu_face():
    i = _image(side=24)
    x = k.PReLU(shared_axes=[1, 2])(k.Conv2D(28, 3)(i))
    x = k.PReLU(shared_axes=[1, 2])(k.Conv2D(48, 3)(k.MaxPooling2D(3, 2, "same")(x)))
    x = k.PReLU()(k.Dense(64)(k.Flatten()(x)))
    return keras.Model(i, [k.Dense(2, activation="softmax")(x), k.Dense(4)(x)])


def ghostnet():
    i = _image()
    x = _conv(i, 16, 3, 2, "relu")
    a = _conv(x, 12, 1, act="relu")
    x = k.Concatenate()([a, _depthwise(a, act="relu")])
    return keras.Model(i, _classes(x[:, 2:-2, 2:-2, :20]))


def densenet():
    i = _image()
    x = _conv(i, 16, 3, 2, "relu")
    for _ in range(3):
        y = k.Conv2D(8, 3, padding="same")(k.ReLU()(k.BatchNormalization()(x)))
        x = k.Concatenate()([x, y])
    return keras.Model(i, _classes(k.AveragePooling2D(2)(k.Conv2D(20, 1)(x))))


def super_resolution():
    i = _image(1, 24)
    x = k.Conv2D(16, 5, padding="same", activation="tanh")(i)
    x = k.Conv2D(9, 3, padding="same")(k.Conv2D(16, 3, padding="same", activation="relu")(x))
    return keras.Model(i, k.Lambda(lambda t: tf.nn.depth_to_space(t, 3))(x))


def channels_first_input():
    i = k.Input((3, 48, 48))
    x = _conv(k.Permute((2, 3, 1))(i), 16, 3, 2)
    return keras.Model(i, _classes(_conv(x, 24, 3, 2)))


def time_and_frequency():
    """A transpose between the layers: convolutions over time, then over frequencies."""
    i = k.Input((40, 24))
    x = k.Conv1D(16, 3, padding="same", activation="relu6")(i)
    x = k.Conv1D(20, 3, padding="same", activation="relu")(k.ReLU(6.0)(k.Permute((2, 1))(x)))
    return keras.Model(i, k.Dense(5, activation="softmax")(k.Flatten()(x)))


def cut_and_clip():
    """A ReLU6 behind a slice, and one behind a bilinear resize."""
    i = _image()
    x = k.Conv2D(16, 3, padding="same")(i)
    a = k.ReLU(6.0)(x[:, ::2, ::2, :8])
    b = k.ReLU(6.0)(k.Resizing(24, 24)(x[..., 8:]))
    return keras.Model(i, _classes(k.Concatenate()([a, b])))


def rows_and_columns():
    """Means over rows, and maxima over columns."""
    i = _image()
    x = _conv(i, 16, 3, 2)
    a = k.Lambda(lambda t: tf.reduce_mean(t, 1))(x)
    b = k.Lambda(lambda t: tf.reduce_max(t, 2))(x)
    return keras.Model(i, k.Dense(5)(k.Flatten()(k.Concatenate()([a, b]))))


def gates():
    """A product of two planes: one of features and one of gates."""
    i = k.Input((80, 10))
    x = k.Conv1D(16, 3, padding="causal", activation="tanh")(i)
    y = k.Conv1D(16, 3, padding="causal", activation="sigmoid")(i)
    x = k.Conv1D(16, 1)(k.Multiply()([x, y]))
    return keras.Model(i, k.Dense(3, activation="softmax")(k.GlobalAveragePooling1D()(x)))


def attention_pool():
    """A softmax in the middle: weights over time, and the weighted sum."""
    i = k.Input((40, 12))
    x = k.Conv1D(16, 3, padding="same", activation="relu")(i)
    weights = k.Softmax(axis=1)(k.Dense(1)(x))
    x = k.Lambda(lambda t: tf.reduce_sum(t[0] * t[1], 1))([x, weights])
    return keras.Model(i, k.Dense(4, activation="softmax")(x))


def spatial_attention():
    """CBAM: a plane of gates for all channels."""
    i = _image()
    x = _conv(i, 16, 3, 2)
    gate = k.Conv2D(1, 7, padding="same", activation="sigmoid")(x)
    return keras.Model(i, _classes(k.Multiply()([x, gate])))


def feature_pyramid():
    i = _image(side=64)
    a = _conv(i, 16, 3, 2)
    b = _conv(a, 24, 3, 2)
    c = _conv(b, 32, 3, 2)
    p = k.Conv2D(16, 1)(c)
    q = k.Add()([k.UpSampling2D(2)(p), k.Conv2D(16, 1)(b)])
    r = k.Add()([k.UpSampling2D(2)(q), k.Conv2D(16, 1)(a)])
    return keras.Model(i, [k.Conv2D(8, 3, padding="same")(x) for x in (p, q, r)])


def inception():
    i = _image()
    x = _conv(i, 16, 3, 2, "relu")
    pool = _conv(k.AveragePooling2D(3, 1, "same")(x), 8, 1, act="relu")
    x = k.Concatenate()([_conv(x, 8, 1, act="relu"), _conv(x, 8, (1, 7), act="relu"), pool])
    return keras.Model(i, _classes(x))


def convnext():
    i = _image()
    x = k.Conv2D(16, 4, 4)(i)
    y = k.BatchNormalization()(k.DepthwiseConv2D(7, padding="same")(x))
    y = k.Dense(16)(k.Activation("gelu")(k.Dense(64)(y)))
    return keras.Model(i, _classes(k.Add()([x, y])))


def mixer():
    """An MLP over places, then over channels, with batch norm."""
    i = _image(side=32)
    x = k.Reshape((16, 24))(k.Conv2D(24, 8, 8)(i))
    y = k.Permute((2, 1))(k.BatchNormalization()(x))
    y = k.Permute((2, 1))(k.Dense(16)(k.Dense(32, activation="gelu")(y)))
    x = k.Add()([x, y])
    return keras.Model(i, k.Dense(5)(k.GlobalAveragePooling1D()(x)))


def regression():
    i = k.Input((8,))
    x = k.Dense(16, activation="relu")(k.BatchNormalization()(i))
    return keras.Model(i, k.Dense(1)(k.Dense(16, activation="tanh")(x)))


def rescaling():
    """Pixels scaled within the net, and augmentation left in it."""
    i = _image()
    x = _conv(k.RandomFlip("horizontal")(k.Rescaling(1 / 127.5, -1)(i)), 16, 3, 2, "relu")
    return keras.Model(i, _classes(k.MaxPooling2D(2)(x)))


NETS = {
    name: make
    for name, make in globals().items()
    if callable(make)
    and getattr(make, "__module__", "") == __name__
    and not name.startswith("_")
    and name != "tf_split"
}


def _randomize(model):
    """Batch norms with statistics of their own, so that none is the identity."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, k.BatchNormalization):
            c = layer.gamma.shape[0]
            layer.set_weights(
                [
                    rng.uniform(0.7, 1.3, c),
                    rng.normal(0, 0.2, c),
                    rng.normal(0, 0.2, c),
                    rng.uniform(0.5, 1.5, c),
                ]
            )
        if isinstance(layer, k.PReLU):
            layer.set_weights([rng.uniform(0.1, 0.4, w.shape) for w in layer.get_weights()])


def write(name, folder):
    keras.utils.set_random_seed(1)
    model = NETS[name]()
    _randomize(model)
    shape = model.input_shape[1:]
    high = 255 if "Rescaling" in {type(layer).__name__ for layer in model.layers} else 1
    x = np.random.default_rng(2).uniform(0, high, (50, *shape)).astype(np.float32)
    for kind in ("float", "int8"):
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if kind == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([row[None]] for row in x)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        (folder / f"keras_{name}_{kind}.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for each in sys.argv[2:] or NETS:
        try:
            write(each, out)
        except Exception as error:
            print("FAILED", each, repr(error)[:300])
        print(each, flush=True)
