# %% [markdown]
# # Gallery
#
# Every picture that drypoint draws, each with its code below. All pictures are made when this page
# is built. Each is a value: `print(picture)` shows it in characters, without matplotlib;
# `picture.save("name.svg")` and `.png` write a file; a notebook shows it by itself. The functions
# take `ax=` or `axes=` to draw into a figure of yours.
#
# The file is `examples/gallery.py`; `make notebooks` makes a notebook of it.

# %%
import numpy as np

from drypoint import data, engine, measure, models, nn, plot, quant, train

try:
    from IPython.display import display  # a notebook shows pictures
except ImportError:
    display = print  # anything else shows their text

digits, test = data.load("mnist", "train"), data.load("mnist", "test")[:2000]
model = models.load("lenet-mnist")
program = models.load_program("lenet-mnist")
m = measure.measure(model, test)
run = train.fit(nn.lenet5(), digits[:3000], epochs=6, seed=0, progress="none")

# %% [markdown]
# ## Training
#
# The curves of a run: each batch, each epoch, and the epoch whose weights were kept. In a notebook
# they grow while `train.fit` runs.

# %%
display(plot.training(run))

# %% [markdown]
# ## A net
#
# The layers with the shapes between them. Layers that learn are highlighted.

# %%
display(plot.net(run.model))

# %% [markdown]
# ## Examples of a data set

# %%
display(plot.examples(digits.sample(12, seed=3), columns=6))

# %% [markdown]
# ## Examples of a measurement
#
# The worst decisions of the shipped LeNet: true class, decision, probability of the true class.

# %%
display(plot.examples(m.worst(6), columns=6))

# %% [markdown]
# ## Boxes of a data set, or of what a net found

# %%
display(plot.boxes(data.scenes(4, part="test", seed=1), columns=4))

# %% [markdown]
# ## Images side by side

# %%
warp = data.augment.Warp(rotate=30, scale=0.2, shift=3)
turned = warp(digits.x[:1], seed=0, epoch=1, indices=[0])[0]
display(plot.images({"a digit": digits.x[0], "augmented": turned}))

# %% [markdown]
# ## The examples of an association
#
# Arrays by the names of a net's ports: images, titled with the values of the other ports.

# %%
display(plot.ports(data.take(digits.as_ports(), range(6)), columns=6))

# %% [markdown]
# ## Probabilities of one image

# %%
hard = m.worst(1)[0]
display(plot.scores(model.top(hard.image, 5), true=hard.true))

# %% [markdown]
# ## Confusion matrix
#
# Rows are true classes, columns decisions; the colour is the share of the true class.

# %%
display(plot.confusion(measure.measure(run.model, test)))

# %% [markdown]
# ## Reliability
#
# Whether a net that is 90 % sure is right in 90 % of the cases.

# %%
display(plot.reliability(measure.measure(run.model, test)))

# %% [markdown]
# ## ROC
#
# Each class against all others; the class of the least area is highlighted.

# %%
display(plot.roc(measure.measure(run.model, test)))

# %% [markdown]
# ## Nets compared
#
# The accuracies with their 95 % intervals.

# %%
nets = {"lenet": model, "lenet, integers": engine.Engine(program), "lenet5": run.model}
table = measure.compare(nets, test)
display(plot.comparison(table, title="2,000 test images"))

# %% [markdown]
# ## Value against cost
#
# Points that no other point beats in both are highlighted and joined.

# %%
tiny = nn.create_net("mlp:32", input_shape=(1, 28, 28), classes=10)
dense = train.fit(tiny, digits[:3000], epochs=6, seed=0, progress="none").model
points = {
    name: (net.net.info().macs / 1000, 100 * measure.measure(net, test).accuracy)
    for name, net in {"lenet": model, "lenet5": run.model, "dense": dense}.items()
}
display(plot.tradeoff(points, cost="thousand multiply-accumulates", value="accuracy, %"))

# %% [markdown]
# ## Kernels of a convolution

# %%
display(plot.kernels(model.net["conv1"]))

# %% [markdown]
# ## Activation maps
#
# What the filters answer to one digit.

# %%
seen = model.net.activations(model.encode(test.x[:1]), ["relu1"])["relu1"][0]
display(plot.maps(seen, columns=10, title="relu1, one digit"))

# %% [markdown]
# ## Histograms and ranges
#
# The values of activations, with the range that the integers hold.

# %%
calibration = quant.calibrate(model, digits.x[:500])
values = model.net.activations(model.encode(test.x[:100]), ["relu1", "fc1"])
display(plot.histograms(values, clips=calibration.ranges))

# %% [markdown]
# ## RAM over time
#
# Which output lies where in the arena while which ops run; the moment of the most bytes is
# highlighted.

# %%
display(plot.memory(program))

# %% [markdown]
# ## States of a recurrent net
#
# A net that reads a digit row by row, and what it holds after each of the 28 rows.

# %%
rows = data.Dataset(x=digits.x[:3000] / np.float32(255), y=digits.y[:3000])
net = nn.Sequential([nn.GRU(16), nn.Linear(10), nn.Softmax()])
reader = train.fit(net, rows, epochs=12, seed=0, progress="none").model
display(plot.states(quant.quantize(reader, rows.x[:500]), rows.x[0], title="rows of a digit"))
