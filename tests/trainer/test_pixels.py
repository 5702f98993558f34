"""A class for each pixel: loss, targets, figures, and what Python makes of label maps.

Oracles: PyTorch's cross-entropy; NumPy's counts; the run of the tape step.
"""

import dataclasses

import numpy as np
import pytest

from drypoint import autodiff, data, engine, measure, nn, quant, tasks, train

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(4, 3, 5, 6))
LABELS = RNG.integers(0, 3, (4, 5, 6))
PROBABILITIES = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)
CLASSES = ("ground", "blot")


def blots(n, *, unknown=0.0):
    """Pictures of a bright blot, and whether each pixel is one."""
    rng = np.random.default_rng(n)
    y, x = np.mgrid[:8, :8]
    at = rng.uniform(2, 6, (2, n, 1, 1))
    maps = ((y - at[0]) ** 2 + (x - at[1]) ** 2 < 4).astype(np.int64)
    pictures = np.clip(60 + 120 * maps + rng.normal(0, 20, maps.shape), 0, 255).astype(np.uint8)
    maps[rng.random(maps.shape) < unknown] = data.NO_LABEL
    return data.Dataset(pictures, maps, CLASSES)


def net():
    return nn.unet(classes=2, input_shape=(1, 8, 8), widths=(4, 6))


@pytest.fixture(scope="module")
def model():
    return train.fit(
        net(), blots(300), epochs=8, optimizer=train.Adam(lr=0.02), seed=1, progress="none"
    ).model


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_of_planes_is_pytorchs(smoothing):
    """float64: rounding only. A pixel without a label counts neither in the sum nor in the mean."""
    torch = pytest.importorskip("torch")
    unknown = LABELS.copy()
    unknown[RNG.random(LABELS.shape) < 0.3] = data.NO_LABEL
    for labels in (LABELS, unknown):
        x = torch.tensor(SCORES, requires_grad=True)
        each = torch.nn.functional.cross_entropy(
            x,
            torch.tensor(labels),
            reduction="none",
            ignore_index=data.NO_LABEL,
            label_smoothing=smoothing,
        )
        wanted = each.sum((1, 2)) / torch.tensor((labels >= 0).sum(axis=(1, 2)))
        wanted.sum().backward()
        loss = nn.CrossEntropyLoss(from_logits=True, label_smoothing=smoothing)
        ours = autodiff.Tensor(SCORES, requires_grad=True)
        found = loss.forward(ours, labels)
        found.sum().backward()
        np.testing.assert_allclose(found.data, wanted.detach().numpy(), rtol=1e-12)
        np.testing.assert_allclose(ours.grad, x.grad.numpy(), rtol=1e-9, atol=1e-15)


def test_planes_of_probabilities_and_one_example_have_the_loss_of_their_pixels():
    loss = nn.CrossEntropyLoss()
    p = PROBABILITIES
    pixels = loss(p.transpose(0, 2, 3, 1).reshape(-1, 3), LABELS.reshape(-1)).reshape(4, -1)
    np.testing.assert_allclose(loss(p, LABELS), pixels.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(loss(p[1], LABELS[1]), pixels[1].mean(), rtol=1e-12)
    planes = np.moveaxis(np.eye(3)[LABELS], -1, 1)
    np.testing.assert_allclose(loss(p, planes), loss(p, LABELS), rtol=1e-12)
    nothing = np.full_like(LABELS, data.NO_LABEL)
    assert (loss(p, nothing) == 0).all()


@pytest.mark.parametrize(
    ("x", "target", "message"),
    [
        (SCORES, LABELS, "wants probabilities, got numbers"),
        (
            PROBABILITIES.swapaxes(1, 2),
            LABELS.swapaxes(1, 2),
            r"add up to 1 over the classes.*Softmax\(axis=0\)",
        ),
        (PROBABILITIES, LABELS[:, :4], r"wants targets \(4, 5, 6\), got \(4, 4, 6\)"),
        (PROBABILITIES, LABELS + 1, "3 is not a class index"),
        (PROBABILITIES, LABELS - 2, "-2 is not a class index"),
    ],
)
def test_planes_and_targets_that_do_not_fit_are_refused(x, target, message):
    with pytest.raises(nn.InputError, match=message):
        nn.CrossEntropyLoss()(x, target)


def test_fit_chooses_the_task_by_the_label_maps_and_says_so(capsys):
    found = train.fit(net(), blots(60), epochs=1, progress="lines")
    said = "".join(capsys.readouterr())
    assert "task: pixels, by the data's label maps" in said
    assert "decoder: the classes ground, blot" in said
    assert "host callbacks: CrossEntropyLoss" in said
    assert found.config["task"] == "pixels"
    x, y = blots(60).x, blots(60).y
    scaled = (x[:, None] / 255).astype(np.float32)
    pair = train.fit(net(), (scaled, y), epochs=1, progress="none")
    assert pair.config["task"] == "pixels"
    assert pair.model.decoder.classes == (0, 1)


def test_compiled_steps_and_threads_give_equal_bytes():
    found = set()
    for threads in (1, 2):
        autodiff.set_threads(threads)
        for compiled in (True, False):
            run = train.fit(
                net(), blots(100, unknown=0.2), epochs=2, seed=1, compiled=compiled, progress="none"
            )
            found.add(run.model.dumps())
    assert len(found) == 1


def test_the_accuracy_of_a_run_is_the_mean_share_of_right_labelled_pixels():
    """Oracle: NumPy, on the validation examples of the last epoch."""
    val = blots(40, unknown=0.3)
    run = train.fit(
        net(), blots(200), validation_data=val, epochs=3, restore_best=False, progress="none"
    )
    decided = run.model.predict_proba(val.x).argmax(axis=1)
    known = val.y != data.NO_LABEL
    shares = ((decided == val.y) & known).sum(axis=(1, 2)) / known.sum(axis=(1, 2))
    assert run.history["val_accuracy"][-1] == pytest.approx(shares.mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ((blots(20).x, blots(20).y[:, :4]), r"wanted are integers \(N, 8, 8\), a class for each"),
        ((blots(20).x, blots(20).y + 1), "labels run from 1 to 2; wanted: indices from 0 to 1"),
        ((blots(20).x, np.zeros(20, int)), r"int64 of shape \(18,\), the net gives planes"),
        ((blots(20).x, np.full((20, 8, 8), -1)), "no pixel of the label maps has a label"),
    ],
)
def test_label_maps_that_do_not_fit_are_refused(pair, message):
    with pytest.raises(train.TrainError, match=message):
        train.fit(net(), pair, epochs=1, progress="none")


def test_classes_of_maps_are_matched_by_name():
    """A saved model whose classes stand in another order learns the classes by their names."""
    dataset = blots(60, unknown=0.1)
    encoder = data.ImageEncoder(width=8, height=8)
    turned = nn.Model(net(), encoder=encoder, decoder=data.ClassDecoder(CLASSES[::-1]))
    swapped = np.where(dataset.y < 0, dataset.y, 1 - dataset.y)
    other = dataclasses.replace(dataset, y=swapped, classes=CLASSES[::-1])
    runs = [train.fit(turned, d, epochs=1, seed=1, progress="none") for d in (dataset, other)]
    assert runs[0].model.dumps() == runs[1].model.dumps()


def test_figures_of_pixels_are_numpys():
    rng = np.random.default_rng(1)
    true, found = rng.integers(-1, 3, (10, 6, 7)), rng.integers(0, 3, (10, 6, 7))
    got = measure.measure_pixels(found, true, ("a", "b", "c", "d"))
    known = true >= 0
    assert got.n_pixels == known.sum()
    assert got.accuracy == pytest.approx((found == true)[known].mean(), rel=1e-12)
    for i, name in enumerate("abc"):
        both = (known & (found == i) & (true == i)).sum()
        assert got.iou[name] == pytest.approx(
            both / (known & ((found == i) | (true == i))).sum(), rel=1e-12
        )
    assert got.iou["d"] is None  # no such pixel
    assert got.mean_iou == pytest.approx(np.mean([got.iou[name] for name in "abc"]), rel=1e-12)
    low, high = got.accuracy_interval
    assert low < got.accuracy < high
    shares = [(f == t)[t >= 0].mean() for f, t in zip(found, true, strict=True)]
    np.testing.assert_allclose(1 - got.errors, shares)


@pytest.mark.parametrize(
    ("found", "true", "message"),
    [
        (LABELS, LABELS[0], r"y is .*wanted: class indices \(N, height, width\)"),
        (SCORES[:, 0], LABELS, "predicted is .*wanted: class indices"),
        (LABELS[:2], LABELS, "predicted for true ones"),
        (LABELS, np.full_like(LABELS, -1), "no pixel has a label"),
        (LABELS - 1, LABELS, "run from -1 to 2; wanted: 0 to 2"),
    ],
)
def test_maps_that_cannot_be_measured_are_refused(found, true, message):
    with pytest.raises(measure.MeasureError, match=message):
        measure.measure_pixels(found, true)


def test_net_and_engine_decide_each_pixel_by_name(model):
    """Oracle: the largest of the planes, in NumPy."""
    x = blots(30).x
    program = quant.quantize(model, quant.calibrate(model, x))
    runner = engine.Engine(program)
    assert isinstance(tasks.task_of(model), tasks.Pixels)
    assert isinstance(tasks.task_of(program), tasks.Pixels)
    wanted = np.array(CLASSES)[model.predict_proba(x).argmax(axis=1)]
    assert (model.predict(x) == wanted).all()
    assert (model(x[0]) == wanted[0]).all()
    integers = runner.run(program.encode(x)).reshape(30, 8, 8, 2).argmax(axis=-1)
    assert (runner.predict(x) == np.array(CLASSES)[integers]).all()
    assert (runner.predict(x[0]) == np.array(CLASSES)[integers[0]]).all()
    unsure = model.with_decoder(data.ClassDecoder(CLASSES, reject_below=0.9)).predict(x)
    assert ((unsure == None) == (model.predict_proba(x).max(axis=1) < 0.9)).all()  # noqa: E711
    answer = tasks.answer_inputs(runner, x)[0]
    assert (np.array(answer.facts["map"]) == integers[0]).all()
    assert answer.facts["pixels"]["blot"] == (integers[0] == 1).mean()


def test_measure_of_net_and_engine_counts_their_pixels(model):
    test = blots(50, unknown=0.1)
    program = quant.quantize(model, quant.calibrate(model, test.x))
    for runner in (model, engine.Engine(program)):
        found = tasks.task_of(program).measure(tasks.Trial(runner, test))
        decided = (np.asarray(runner.predict(test.x)) == "blot").astype(int)
        wanted = measure.measure_pixels(decided, test.y, CLASSES)
        assert found.facts == wanted.to_json()
        assert "mIoU" in found.text
    assert wanted.accuracy > 0.9
    plain = data.Dataset(test.x, ["ground"] * 50)
    with pytest.raises(tasks.TaskError, match="the data have a label for each example"):
        tasks.Pixels().measure(tasks.Trial(model, plain))


def test_the_bits_of_a_net_of_pixels_are_chosen_by_its_pixels(model):
    """Oracle: the accuracy of the program of 8 bits, by `measure_pixels`."""
    test = blots(40, unknown=0.1)
    ranges = quant.calibrate(model, test.x)
    found = quant.sensitivity(model, test, calibration=ranges)
    program = quant.quantize(model, ranges)
    wanted = tasks.Pixels().measure(tasks.Trial(engine.Engine(program), test)).facts["accuracy"]
    assert found.ops[0].accuracy[8] == pytest.approx(wanted, rel=1e-12)


def test_a_data_set_of_label_maps_counts_pixels_and_is_split():
    dataset = blots(40, unknown=0.1)
    assert str(dataset).startswith("Dataset(40 images of 8 x 8, gray, with label maps of 8 x 8;")
    counts = dataset.class_counts()
    assert counts == {"ground": (dataset.y == 0).sum(), "blot": (dataset.y == 1).sum()}
    assert "pixels" in dataset._repr_html_()
    picture, labels = dataset[3]
    assert (labels == dataset.y[3]).all()
    assert (picture == dataset.x[3]).all()
    rest, held = data.train_val_split(dataset, 0.25)
    assert (len(rest), len(held)) == (30, 10)
    assert held.digest() != dataclasses.replace(held, y=held.y[:, ::-1]).digest()
    with pytest.raises(data.DatasetError, match="of no single class"):
        dataset.balance()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros((4, 8, 8)), "label maps must be integers"),
        (np.full((4, 8, 8), -1), "no pixel of the label maps has a label"),
        (255 * np.arange(256).reshape(4, 8, 8) % 510, "hold 0 and 255: give classes from 0"),
        (np.where(np.arange(256) % 5, np.arange(256) % 3, 255).reshape(4, 8, 8), "np.where"),
        (np.arange(256).reshape(4, 8, 8) - 3, "reach from -3"),
    ],
)
def test_label_maps_that_are_none_are_refused(y, message):
    with pytest.raises(data.DatasetError, match=message):
        data.Dataset(np.zeros((4, 8, 8), np.uint8), y)
