# %% [markdown]
# # From a handwritten digit to a chip
#
# In fifty-four short steps: look at digits, use a trained net, take it apart, build the same net
# from its pieces, train it, measure it, and turn it into a C library whose every byte is known.
# Each step shows a result and asserts it, so this page cannot differ from the code.
#
# It is one Python file, `examples/walkthrough.py`. Run it as it is (some minutes on two cores),
# open it as a notebook, or add `--fast` for a taste of everything in half a minute:
#
#     pip install 'drypoint[baselines,plot]'      # in a clone: pip install '.[baselines,plot]'
#     python examples/walkthrough.py --fast

# %%
import math
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np

from drypoint import baselines, data, engine, measure, models, nn, plot, quant, train

try:
    from IPython.display import display  # a notebook shows pictures and tables
except ImportError:
    display = print  # anything else shows their text

FAST = "--fast" in sys.argv
workdir = Path(tempfile.mkdtemp(prefix="walkthrough-"))

# %% [markdown]
# ## The destination first

# %% [markdown]
# ### 1. The data set: MNIST
#
# Sixty thousand handwritten digits for training, ten thousand for the test. The files are
# downloaded once, checked by their SHA-256, and kept in a cache. Images are plain `uint8` arrays,
# labels plain integers from 0, so there is nothing to shift by one.

# %%
digits, test = data.load("mnist", "train"), data.load("mnist", "test")
print(f"train {digits.x.shape} {digits.x.dtype}, test {test.x.shape}")
print("images of each digit:", *digits.class_counts().values())

assert (len(digits), len(test)) == (60_000, 10_000)
assert digits.x.dtype == np.uint8
assert digits.digest().startswith("5770a2c5244a")
assert test.digest().startswith("213f459fbb9c")

if FAST:
    digits, test = digits[:6000], test[:1000]

# %% [markdown]
# ### 2. A few examples, at random
#
# Each function that draws at random takes a seed: you will see the digits of this page.

# %%
sample = digits.sample(10, seed=3)
display(plot.examples(sample, columns=5))

assert set(sample.y) <= set(range(10))

# %% [markdown]
# ### 3. A net that is trained already
#
# The package contains a trained LeNet with a card. The card states its recipe, its data, and its
# accuracy: as a float net, and as the integer program that a device runs.

# %%
shipped = models.load("lenet-mnist")
print(shipped.net)
print()
print(models.card("lenet-mnist"))

assert shipped.net.n_params == 431_080

# %% [markdown]
# ### 4. Classify images
#
# A model takes images as they are, one or many, and answers with a digit for each.

# %%
answers = shipped(sample.x)
print("it says", answers)
print("they are", sample.y.tolist())

right = sum(said == true for said, true in zip(answers, sample.y, strict=True))
assert right >= 9

# %% [markdown]
# ### 5. Train the same net in one line
#
# `train.fit` chooses each option that you leave out, and prints a line for each choice: validation
# images, an encoder for the images, the loss for the last layer, a decoder for the labels. Your
# net does not change; the trained model is in the result.

# %%
untrained = nn.lenet()
quick = train.fit(untrained, digits, epochs=1, seed=0, progress="lines")

# %%
print(quick)

assert quick.val_loss < 0.5 * math.log(10)  # a guess among ten costs ln 10
assert not untrained.initialized
assert quick.net.initialized

# %% [markdown]
# That could be all. But what *is* this net, how does it learn, and can it be trusted? We now
# build it again from the smallest pieces.
#
# ## Layers
#
# ### 6. A net is a row of layers
#
# Here is the shipped net, layer by layer. `*` marks layers with parameters.

# %%
print(shipped.net.summary())

info = shipped.net.info()
assert info.n_layers == 11
assert [layer.output_shape for layer in info.layers if layer.trainable] == [
    (20, 24, 24),
    (50, 8, 8),
    (500,),
    (10,),
]

# %% [markdown]
# ### 7. Take out the last layer
#
# Layers are found by position, by name, or by a path such as `"block.conv"`. The softmax takes
# ten numbers and gives ten.

# %%
softmax = shipped.net[-1]
print(f"{softmax}: {softmax.output_shape((10,))} from {(10,)}, {softmax.n_params} parameters")

assert softmax is shipped.net["softmax"]
assert softmax.output_shape((10,)) == (10,)

# %% [markdown]
# ### 8. A layer is a function
#
# Call it with a list or an array; a layer needs no net around it.

# %%
probabilities = softmax([0.1, 0.5, 2.0, 0.0, -1.0, 0.3, 0.0, 1.0, -2.0, 0.0])
print(probabilities)

assert np.all((probabilities > 0) & (probabilities < 1))

# %% [markdown]
# ### 9. The output has the type of the input
#
# Nets compute in `float32`. Give `float64` and the arithmetic is done in `float64`.

# %%
scores = np.linspace(-1, 1, 10)
single, double = softmax(scores.astype(np.float32)), softmax(scores)
print(single.dtype, double.dtype, f"largest difference {np.abs(single - double).max():.1e}")

assert (single.dtype, double.dtype) == (np.float32, np.float64)

# %% [markdown]
# ### 10. What a softmax is for
#
# It turns any scores into probabilities: positive, and one in all.

# %%
print(f"{probabilities.sum():.7f}")

assert np.isclose(probabilities.sum(), 1)

# %% [markdown]
# ### 11. A new layer knows its sizes, not yet its values
#
# A fully connected layer from two numbers to three. Its parameters have no values yet.

# %%
linear = nn.Linear(3, in_features=2)
print(linear)

assert linear.trainable
assert not linear.initialized

# %% [markdown]
# ### 12. Without values there is no answer
#
# Not a zero, not a guess: an error that says what to do.

# %%
try:
    linear([1.0, 2.0])
except nn.NotInitializedError as error:
    refused = str(error)
print(refused)

assert "initialize(" in refused

# %% [markdown]
# ### 13. Starting values
#
# Nets are values, like numbers: `initialize` returns a new layer and does not change the old one.
# Equal seeds give equal bytes, on every machine.

# %%
ready = linear.initialize(seed=1234)
output = ready([1.0, 2.0])
print(ready, output)

assert output.shape == (3,)
assert not linear.initialized

# %% [markdown]
# ### 14. What is inside: weight and bias
#
# Parameters are read-only arrays, and `tolist()` makes lists of them. Biases start at zero.

# %%
weight, bias = ready.param("weight"), ready.param("bias")
print("weight", weight.shape, weight.tolist())
print("bias  ", bias.shape, bias.tolist())

assert not bias.any()
assert np.allclose(output, weight @ [1.0, 2.0] + bias)

# %% [markdown]
# ### 15. A layer of two inputs
#
# A loss compares an *input* with a *target*. Inputs that have names are given by name: in a
# dictionary, or as keywords.

# %%
mse = nn.MSELoss()
loss = mse({"input": [1.0, 2.0, 3.0], "target": [1.0, 2.0, 5.0]})
print(mse.ports, f"{loss:.4f}")

assert loss == mse(input=[1.0, 2.0, 3.0], target=[1.0, 2.0, 5.0])
assert np.isclose(loss, np.mean(np.square([0.0, 0.0, 2.0])))

# %% [markdown]
# ### 16. Many layers are functions you know
#
# NumPy has them too; here both compute the same numbers.

# %%
x = np.random.default_rng(0).normal(size=(2, 4, 6))
pairs = {
    "nn.Flatten()(x)": (nn.Flatten()(x), np.ravel(x)),
    "nn.Reshape((4, 12))(x)": (nn.Reshape((4, 12))(x), np.reshape(x, (4, 12))),
    "nn.ReLU()(x)": (nn.ReLU()(x), np.maximum(x, 0)),
    "nn.Sin()(x)": (nn.Sin()(x), np.sin(x)),
    "nn.Tanh()(x)": (nn.Tanh()(x), np.tanh(x)),
    "nn.Add()(x, x)": (nn.Add()(a=x, b=x), np.add(x, x)),
    "nn.Dot()(x, x.T)": (nn.Dot()(a=x, b=x.T), np.tensordot(x, x.T, 1)),
    "nn.GlobalAvgPool2d()(x)": (nn.GlobalAvgPool2d()(x), np.mean(x, axis=(1, 2))),
}
for name, (ours, numpys) in pairs.items():
    print(f"{name:25} {ours.shape!s:12} largest difference {np.abs(ours - numpys).max():.0e}")

assert all(np.allclose(ours, numpys, rtol=1e-12) for ours, numpys in pairs.values())

# %% [markdown]
# ### 17. All layers there are
#
# Which of them learn, and which of them the C engine has an integer form for.

# %%
catalogue = nn.layers()
print(catalogue)

exportable = {kind.name for kind in catalogue if kind.exportable}
assert {type(layer).__name__ for layer in shipped.net} <= exportable

# %% [markdown]
# ## Encoders: from things to arrays
#
# ### 18. An image encoder
#
# Nets read arrays. An encoder turns a picture into one: here into one channel of 12 by 12 numbers
# from 0 to 1. Sizes are named, because pictures say width first and arrays height first.

# %%
small = data.ImageEncoder(width=12, height=12, color="gray")
seven = sample.x[list(sample.y).index(7)] if 7 in sample.y else sample.x[0]
array = small(seven)
print(small)
print(np.round(array[0, 3:6], 2))

assert array.shape == small.shape == (1, 12, 12)
assert 0 <= array.min() <= array.max() <= 1

# %% [markdown]
# ### 19. Any picture will do
#
# The encoder converts colour, size and shape: this picture is wide and colourful. `resize="fit"`
# would keep its proportions and pad, `"fill"` would crop.

# %%
down, across = np.mgrid[0:480, 0:640]
photo = np.stack([across * 255 // 639, down * 255 // 479, 255 - across * 255 // 639], axis=-1)
photo = photo.astype(np.uint8)
photo[(across - 320) ** 2 + (down - 200) ** 2 < 120**2] = (255, 230, 40)
display(plot.images({"640 x 480, colour": photo, "encoded": small(photo)}))

assert small(photo).shape == (1, 12, 12)

# %% [markdown]
# ### 20. Attach the encoder to a layer
#
# A `Model` is a net between an encoder and a decoder, either of which may be missing. This one
# halves an image by max-pooling, and takes the picture itself.

# %%
pooling = nn.Model(nn.MaxPool2d(2), encoder=small)
pooled = pooling(photo)
print(pooled.shape, f"from {pooled.min():.2f} to {pooled.max():.2f}")

assert pooled.shape == (1, 6, 6)
assert np.array_equal(pooled, nn.MaxPool2d(2)(small(photo)))

# %% [markdown]
# ### 21. And back to a picture

# %%
to_image = data.ImageDecoder("gray")
display(plot.images({"before the pool": to_image(small(seven)), "after": to_image(pooling(seven))}))

assert to_image(pooled).size == (6, 6)

# %% [markdown]
# ### 22. The encoder for MNIST
#
# The digits are 28 by 28 already, so it only scales them. Encoder and data agree.

# %%
encoder = data.ImageEncoder(width=28, height=28, color="gray")
print(encoder.shape, "for images of", digits.image_size)

assert encoder.shape == (1, 28, 28)
assert digits.image_size == (28, 28)

# %% [markdown]
# ## Decoders: from numbers to answers
#
# ### 23. A class decoder
#
# The net's last ten numbers are probabilities. The decoder knows which place belongs to which
# class: the digits 0 to 9 here, or `("hot dog", "pizza", "salad")`.

# %%
decoder = data.ClassDecoder(range(10))
p = np.array([0.01, 0.02, 0.6, 0.2, 0.05, 0.02, 0.03, 0.04, 0.02, 0.01])
print("decision:", decoder(p))

assert decoder(p) == int(np.argmax(p)) == 2

# %% [markdown]
# ### 24. More than the decision
#
# The most probable classes, the probability of one class, all probabilities, and their entropy:
# from 0 (sure) to ln 10 = 2.303 (ten equal probabilities).

# %%
print("top three:", decoder.top(p, 3))
print("is it a 3?", decoder.probability(p, 3))
print("all:", decoder.probabilities(p))
print(f"entropy: {decoder.entropy(p):.3f} nats")

ranked = [share for _, share in decoder.top(p)]
assert ranked == sorted(ranked, reverse=True)
assert math.isclose(sum(decoder.probabilities(p).values()), 1)
assert 0 <= decoder.entropy(p) <= math.log(10)

# %% [markdown]
# ### 25. Picture in, picture out
#
# With an encoder and a decoder, even a single layer is a picture filter.

# %%
halve = nn.Model(nn.MaxPool2d(2), encoder=encoder, decoder=to_image)
display(plot.images({"a digit": seven, "halved": halve(seven)}))

assert halve(seven).size == (14, 14)

# %% [markdown]
# ## Chains
#
# ### 26. One layer after the other
#
# A `Sequential` is a row of layers. This one computes cos(sin(x)), and so do its parts.

# %%
wave = nn.Sequential([nn.Sin(), nn.Cos()])
by_hand = nn.Cos()(nn.Sin()([0.5]))
print(wave, wave([0.5]), by_hand)

assert wave([0.5]) == by_hand

# %% [markdown]
# ### 27. A chain of vectors

# %%
chain = nn.Sequential([nn.ReLU(), nn.Softmax()])
vector = [-1.0, 0.0, 1.0, 2.0]
print(chain(vector))
print(nn.Softmax()(nn.ReLU()(vector)))

assert np.array_equal(chain(vector), nn.Softmax()(nn.ReLU()(vector)))

# %% [markdown]
# ### 28. Chains are layers too
#
# So chains nest, and `flatten` makes one chain of them, with equal bytes of output.

# %%
nested = nn.Sequential({"inner": chain, "end": nn.Sin()})
flat = nested.flatten()
print(nested, "->", flat)

assert len(nested) == 2
assert len(flat) == 3
assert np.array_equal(nested(vector), flat(vector))

# %% [markdown]
# ### 29. LeNet, spelled out
#
# Two rounds of convolution, which finds patterns, ReLU, which sets negative numbers to 0, and
# max-pooling, which keeps the largest number of each window; then two fully connected layers. `!`
# marks the four layers without values. `nn.lenet()` makes this net, too.

# %%
lenet = nn.Sequential(
    {
        "conv1": nn.Conv2d(20, 5),
        "relu1": nn.ReLU(),
        "pool1": nn.MaxPool2d(2),
        "conv2": nn.Conv2d(50, 5),
        "relu2": nn.ReLU(),
        "pool2": nn.MaxPool2d(2),
        "flatten": nn.Flatten(),
        "fc1": nn.Linear(500),
        "relu3": nn.ReLU(),
        "fc2": nn.Linear(10),
        "softmax": nn.Softmax(),
    },
    input_shape=encoder.shape,
)
print(lenet.summary())

assert sum(not layer.initialized for layer in lenet) == 4
assert lenet.config() == nn.lenet().config()

# %% [markdown]
# ### 30. A net with random values
#
# The net runs, and guesses: its probabilities are nearly equal.

# %%
start = lenet.initialize(seed=7, method="xavier", distribution="uniform")
random_lenet = nn.Model(start, encoder=encoder, decoder=decoder)
print(f"it says {random_lenet(seven)} and is not sure:")
display(plot.scores(random_lenet.top(seven), true=7, title="before training"))

uncertainty = random_lenet(seven, "entropy")
assert 1.5 <= uncertainty <= math.log(10)

# %% [markdown]
# ## What is trained
#
# ### 31. Examples, once more
#
# Each example is a pair: an image, and its class, the target.

# %%
lesson = digits.sample(12, seed=5)
display(plot.examples(lesson, columns=6))

assert lesson.x.shape == (12, 28, 28)
assert lesson.y.shape == (12,)

# %% [markdown]
# ### 32. The loss: a number for an error
#
# The cross-entropy is minus the logarithm of the probability that the right class was given:
# small where the net was confident and right, large where it was confident and wrong. It takes
# probabilities, as our net gives them; `from_logits=True` takes raw scores.

# %%
cross_entropy = nn.CrossEntropyLoss()
confident = [0.9, 0.025, 0.025, 0.025, 0.025]
low, high = (float(cross_entropy(input=confident, target=target)) for target in (0, 4))
print(f"right: {low:.3f}   wrong: {high:.3f}")

assert math.isclose(low, -math.log(0.9), rel_tol=1e-6)
assert math.isclose(high, -math.log(0.025), rel_tol=1e-6)

# %% [markdown]
# ### 33. Net and loss as one graph
#
# Two inputs, so a chain will not do. A `Graph` connects layers by named ports: the image goes
# through the net, and the loss compares the net's output with the target. This loss uses label
# smoothing: the target of the right class is 91 % instead of 100 %, which gives better nets.

# %%
training = nn.Graph(
    {"lenet": random_lenet.net, "loss": nn.CrossEntropyLoss(label_smoothing=0.1)},
    [("input", "lenet", "loss.input"), ("target", "loss.target")],
)
print(training.draw())
display(plot.net(training))

assert training.input_ports == ("input", "target")
assert training.output_ports == ("loss",)

# %% [markdown]
# ### 34. A loss for each example
#
# The net is untrained, so the mean loss is about ln 10 = 2.3.

# %%
batch = {"input": encoder(lesson.x), "target": lesson.y}
losses = training(batch)
print(np.round(losses, 2), f"mean {losses.mean():.3f}")

assert losses.shape == (12,)
assert 2.0 <= losses.mean() <= 3.5

# %% [markdown]
# ### 35. Which way is down?
#
# The gradient says how the loss changes with each parameter: here with the 20 biases of the first
# layer. Backpropagation computes it; `gradcheck_layer` compares it with finite differences.

# %%
path = "lenet.conv1.bias"
gradient = training.gradient(batch, path, reduction="mean")
print(np.round(gradient, 4))

smooth = nn.Sequential([nn.Conv2d(2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(4), nn.Softmax()])
smooth = smooth.initialize(seed=0, input_shape=(1, 6, 6))
error = nn.gradcheck_layer(smooth, np.random.default_rng(0).normal(size=(3, 1, 6, 6)))
print(f"gradients against differences: relative error {error:.1e}")

assert gradient.shape == (20,)
assert error < 1e-5

# %% [markdown]
# ### 36. One small step
#
# Move the biases a little against their gradient, and the loss falls. Training does this for all
# parameters, some thousand times. The first graph has not changed: nets are values.

# %%
stepped = training.with_params({path: training.param(path) - 0.1 * gradient})
before, after = training(batch).mean(), stepped(batch).mean()
print(f"{before:.5f} -> {after:.5f}")

assert after < before
assert training(batch).mean() == before

# %% [markdown]
# ## Training
#
# ### 37. Data by port
#
# A graph takes its inputs by the names of its ports. Here are a few examples by port. The labels
# are indices from 0; `data.ClassEncoder` makes indices of other labels.

# %%
by_port = digits.as_ports()
few = data.take(by_port, range(8))
display(plot.ports(few, columns=4))

assert set(few) == set(training.input_ports)
assert len(few["input"]) == len(few["target"]) == 8
assert np.array_equal(data.ClassEncoder(range(10))(few["target"].tolist()), few["target"])

# %% [markdown]
# ### 38. Train LeNet
#
# `fit` trains the graph, whose one output is the loss, by the images and labels. The optimizer is
# Adam, with a learning rate that rises and falls again (one cycle). The images that choose
# the best epoch come out of the training set; the test set is not touched.

# %%
run = train.fit(
    training,
    {"input": encoder(digits.x), "target": digits.y},
    epochs=1 if FAST else 4,
    batch_size=16 if FAST else 64,
    optimizer=train.Adam(lr=3e-3, beta2=0.99),
    schedule=train.OneCycle(warmup=0.2),
    validation_split=len(digits) // 12,
    seed=0,
    progress="none",
)
print(run)

assert run.history["val_accuracy"][run.best_epoch - 1] >= (0.90 if FAST else 0.985)

# %% [markdown]
# ### 39. How it went
#
# The training loss keeps falling; the validation loss, of images that the net has not seen, is the
# one to watch. It is lower, since validation uses no label smoothing.

# %%
display(run.plot())

assert run.val_loss < losses.mean()

# %% [markdown]
# ### 40. The trained net
#
# The trained graph gives back its parts by name; encoder and decoder go around the net again.

# %%
model = nn.Model(run.net["lenet"], encoder=encoder, decoder=decoder)
image, label = test[0]
print(f"it says {model(image)}, it is a {label}")

assert model(image) in decoder.classes
assert not np.array_equal(model.net.param("conv1.bias"), training.param("lenet.conv1.bias"))

# %% [markdown]
# ### 41. Classify a hard one
#
# The test image that the net is least sure of.

# %%
m = measure.measure(model, test)
hard = m.least_certain(1)[0]
display(plot.examples([hard]))
display(plot.scores(model.top(hard.image, 5), true=hard.true, title=f"test image {hard.index}"))

assert hard.index == int(np.argmax(m.entropies))

# %% [markdown]
# We have built LeNet from its pieces and trained it. Is it any good?
#
# ## Measuring
#
# ### 42. The report
#
# `measure` ran the net once, over all test images. Everything below comes out of that one run.

# %%
print(m.report())

assert m.n == len(test)
assert m.accuracy >= (0.90 if FAST else 0.992)

# %% [markdown]
# ### 43. Accuracy, worst images, confusions
#
# The accuracy and its confidence interval; the images with the largest loss and with the highest
# entropy; the pairs of digits that the net confuses.

# %%
low, high = m.accuracy_interval
print(f"accuracy {m.accuracy:.2%}, 95 % interval {low:.2%} to {high:.2%}")
for true, said, times in m.top_confusions(5):
    print(f"  {true} taken for {said}: {times} times")
print(textwrap.fill(f"{len(m.properties)} properties: {', '.join(m.properties)}", 90))
display(plot.examples(m.worst(10), columns=5, title="the ten worst"))
display(plot.examples(m.least_certain(10), columns=5, title="the ten least certain"))

assert m.accuracy == np.trace(m.confusion_matrix) / m.confusion_matrix.sum()

# %% [markdown]
# ### 44. The confusion matrix, and a score for each class
#
# Rows are true classes, columns are decisions. F1 is the harmonic mean of precision and recall.

# %%
display(plot.confusion(m))
print("F1:", {digit: round(score, 4) for digit, score in m.f1.items()})

counted = measure.measure(predictions=m.predicted, y=test.y)
assert np.array_equal(counted.confusion_matrix, m.confusion_matrix)
assert counted.f1 == m.f1

# %% [markdown]
# ### 45. Look inside
#
# The first layer's twenty kernels, and their mean outputs over many digits. Any layer gives such
# statistics over any number of images, without storing the outputs.

# %%
seen = measure.measure_activations(model, test.x[:500], ["relu1"], reduce=["mean", "max"])
display(plot.kernels(model.net["conv1"]))
display(plot.maps(seen["relu1"]["mean"]))

assert seen["relu1"]["mean"].shape == (20, 24, 24)
assert (seen["relu1"]["mean"] <= seen["relu1"]["max"]).all()

# %% [markdown]
# ### 46. More metrics without another run
#
# Cohen's kappa, agreement beyond chance, over all test images: the net is not run again. It comes
# from the stored confusion matrix. So does the measurement of step 44, which has no net.

# %%
kept = m.confusion_matrix
begin = time.perf_counter()
kappa = m.cohen_kappa
print(f"kappa {kappa:.4f} in {1e6 * (time.perf_counter() - begin):.0f} microseconds")

assert m.confusion_matrix is kept
assert counted.model is None
assert counted.cohen_kappa == kappa
assert kappa <= m.accuracy

# %% [markdown]
# ### 47. Baselines
#
# Simple classifiers, tried one after the other within a time limit; the best on held-out images is
# the baseline.

# %%
baseline = baselines.auto(digits, time_limit=1 if FAST else 60, max_train=500 if FAST else None)
print(baseline)
print(f"it says {baseline.predict(image)}, it is a {label}")

assert baseline.predict(image) in digits.classes

# %% [markdown]
# ### 48. Side by side
#
# On equal images: accuracy with its interval, size, time, and McNemar's test of whether the
# difference could be luck.

# %%
versus = measure.compare({"LeNet": m, baseline.method: baseline}, test, seconds=0.2)
print(versus)

assert versus["LeNet"].accuracy > versus[baseline.method].accuracy

# %% [markdown]
# ## Integers and C
#
# ### 49. Make it integers
#
# `calibrate` runs some training images through the net and records the range of every activation;
# `quantize` makes a program of integer operations from net and ranges. It proves from the weights
# that no accumulator can overflow, and plans the memory. `report` runs both nets and says what
# each layer loses to rounding: the signal-to-noise ratio, and the share of values beyond the
# range kept.

# %%
calibration = quant.calibrate(model, digits.x[:1000])
program = quant.quantize(model, calibration, name="lenet")
print(program)
print()
print(quant.report(model, calibration, test.x[:1000]))
shown = model.net.activations(encoder(test.x[:50]), ["relu1", "relu2", "relu3"])
display(plot.histograms(shown, clips=calibration.ranges))

integers = measure.measure(engine.Engine(program), test)
print(f"accuracy {m.accuracy:.2%} in floats, {integers.accuracy:.2%} in integers")
assert integers.accuracy >= m.accuracy - 0.002

# %% [markdown]
# ### 50. Export it as C
#
# Generated tables and the engine's own sources, in one folder: what a firmware project needs. The
# RAM is a `#define`, and the flash is what the compiler says.

# %%
golden = test.x[[int(np.argmax(test.y == digit)) for digit in range(10)]]
files = engine.export_c(program, golden, workdir, name="lenet")
own = [file for file in files if file.parent == workdir]
for file in own:
    print(f"{file.name:10} {file.stat().st_size:>11,} bytes of text")
print(f"drypoint/  {len(files) - len(own):>11} files of the engine")

compiler = engine.find_compiler()
compile_c = [compiler, "-std=c99", "-Os", f"-I{workdir}/drypoint"]
subprocess.run([*compile_c, "-c", workdir / "lenet.c", "-o", workdir / "lenet.o"], check=True)
sizes = subprocess.run(["size", workdir / "lenet.o"], capture_output=True, text=True, check=True)
text, initialized, zeroed = map(int, sizes.stdout.splitlines()[1].split()[:3])
print(f"in flash: {text + initialized:,} bytes, of them 430,500 weights; RAM of its own: {zeroed}")
print(f"working memory while it runs: {program.arena_size:,} bytes; {program.macs:,} MACs an image")

assert f"LENET_ARENA_SIZE   {program.arena_size}" in (workdir / "lenet.h").read_text()
assert 430_500 < text + initialized < 440_000
assert zeroed == 0

# %% [markdown]
# ### 51. Compile, run, and compare every byte
#
# The specification is a few pages of NumPy. The engine inside this process and the C that was
# just generated have to equal it: the output of every layer, for every test image, on every
# kernel of this processor.

# %%
backends = engine.Engine.backends()
runners = {f"engine, {name}": engine.Engine(program, backend=name) for name in backends}
runners["generated C"] = engine.Compiled(
    program, workdir, name="lenet", workdir=workdir, compiler=compiler
)
found = engine.verify(program, runners, test.x)
print(f"{found.examples:,} images, {found.examples * found.bytes_per_example:,} bytes a runner")
for runner, differing in found.differing.items():
    print(f"  {runner:20} {sum(differing.values())} bytes differ")

assert found.differing_bytes == 0

# %% [markdown]
# ### 52. Float, integer, C: one table
#
# `measure` takes all three, and also a log file from a device.

# %%
plain, fastest = engine.Engine(program, backend="scalar"), engine.Engine(program)
table = measure.compare(
    {
        "float": m,
        "integers, NumPy": measure.measure(
            probabilities=program.real(found.outputs["reference"]), y=test.y
        ),
        "integers, plain C": plain,
        f"integers, {fastest.backend}": fastest,
    },
    test,
    seconds=0.2,
)
print(table)
display(plot.comparison(table, title=f"{len(test):,} test images"))

assert np.array_equal(plain.run(test.x), fastest.run(test.x))
assert table["integers, NumPy"].accuracy == table["integers, plain C"].accuracy

# %% [markdown]
# ### 53. Where they disagree
#
# Images that the float net and the integers decide differently, with the lead of the float net's
# first choice over its second. Rounding changes only close decisions.

# %%
reference = table.measurements["integers, NumPy"]
places = np.flatnonzero(reference.predicted != m.predicted)
print(f"{len(places)} of {len(test):,} images")
for place in places[:10]:
    (first, p1), (second, p2) = model.top(test.x[place], 2)
    said = reference.classes[reference.predicted[place]]
    print(f"  image {place}: float says {first}, integers {said}; lead {p1 - p2:.3f} over {second}")
if len(places):
    display(plot.examples(test.take(places[:10]), title="decided differently"))

assert len(places) <= 0.005 * len(test)

# %% [markdown]
# ### 54. A test that travels with the device
#
# The exported self-test holds ten digits and the outputs of every layer. It needs only a C
# compiler. It reports a single changed weight.

# %%
sources = [workdir / "selftest.c", *(workdir / "drypoint").glob("*.c")]
objects = workdir / "objects"
objects.mkdir()
subprocess.run([*compile_c, "-c", *sources], cwd=objects, check=True)


def selftest(model_source):
    """Build and run the self-test; return its exit code and its output."""
    binary = workdir / "selftest"
    subprocess.run([*compile_c, model_source, *objects.glob("*.o"), "-o", binary], check=True)
    done = subprocess.run([binary], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip()


passed = selftest(workdir / "lenet.c")
print("as exported:       exit code {}, {}".format(*passed))

lines = (workdir / "lenet.c").read_text().splitlines()
row = next(i for i, line in enumerate(lines) if line.startswith("static const int8_t weight0")) + 1
first, rest = lines[row].split(",", 1)
lines[row] = f"{'     -5' if first.strip() != '-5' else '      5'},{rest}"
(workdir / "broken.c").write_text("\n".join(lines) + "\n")
failed = selftest(workdir / "broken.c")
print("one weight changed: exit code {}, {}".format(*failed))

assert passed[0] == 0
assert failed[0] != 0

# %% [markdown]
# That is the whole way from a picture to a C library, with every result checked. Read on in the API
# reference for every name used above, in *Traps* if you come from another framework, and run
# `drypoint lenet` for all of it in one command.
