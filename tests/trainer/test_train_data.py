"""The forms of training data, and fit's default choices."""

import warnings

import numpy as np
import pytest
from answers import check_answers
from PIL import Image
from trainable import blobs, classifier, image_model, image_net, images

from drypoint import baselines, data, measure, nn, quant, train
from drypoint.common import DrypointError
from drypoint.data import BooleanDecoder, ClassDecoder, Dataset, ImageEncoder, load_folder
from drypoint.train import TrainError, TrainWarning

SHORT = {"epochs": 1, "batch_size": 16, "validation_split": 0, "progress": "none"}


def fit(model, given, **options):
    return train.fit(model, given, **{**SHORT, **options})


def folder_of(dataset, root, *, names=None, suffix=".png"):
    """The data set as files, in its order within a class."""
    for i, (image, label) in enumerate(dataset):
        path = root / str(label if names is None else names[label]) / f"{i:04}{suffix}"
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(image).save(path)
    return root


DATASET = images()
FORMS = {
    "a pair of arrays": (DATASET.x, DATASET.y),
    "a pair of lists": (list(DATASET.x), DATASET.y.tolist()),
    "Pillow images and labels": ([Image.fromarray(x) for x in DATASET.x], [c for _, c in DATASET]),
    "a list of pairs": [(x, int(y)) for x, y in zip(DATASET.x, DATASET.y, strict=True)],
    "a list of images and labels": list(DATASET),
    "ports": {"input": DATASET.x, "target": DATASET.y},
    "the ports of a data set": DATASET.as_ports(),
    "a list of dicts": [{"input": x, "target": c} for x, c in DATASET],
    "one-hot floats": (DATASET.x, np.eye(2, dtype=np.float32)[DATASET.y]),
    "one-hot booleans": (DATASET.x, np.eye(2, dtype=bool)[DATASET.y]),
    "whole floats": (DATASET.x, DATASET.y.astype(float)),
    "a column of labels": (DATASET.x, DATASET.y[:, None]),
    "channels first": (DATASET.x[:, None], DATASET.y),
    "channels last": (DATASET.x[..., None], DATASET.y),
}


@pytest.mark.parametrize("given", FORMS.values(), ids=FORMS)
def test_every_form_of_the_same_data_trains_the_same_net(given):
    assert fit(image_model(), given).model.dumps() == fit(image_model(), DATASET).model.dumps()


def test_a_folder_of_pictures_is_a_data_set(tmp_path):
    """The folder's pictures are sorted by class. Oracle: the data set in that order."""
    ordered = DATASET.take(np.argsort(DATASET.y, kind="stable"))
    root = folder_of(DATASET, tmp_path)
    assert load_folder(root).digest() == ordered.digest()
    expected = fit(image_model(), ordered).model.dumps()
    assert fit(image_model(), root).model.dumps() == expected
    assert fit(image_model(), str(root)).model.dumps() == expected


def test_pictures_of_a_folder_come_to_the_size_that_the_model_reads(tmp_path):
    for name, size in (("above", (12, 16)), ("below", (30, 8))):
        (tmp_path / name).mkdir()
        for i in range(3):
            Image.new("RGB", size, (i, 100, 200)).save(tmp_path / name / f"{i}.jpg")
    result = fit(image_model(), tmp_path)
    assert result.n_train == 6
    loaded = load_folder(tmp_path, width=6, height=8, color="rgb")
    assert loaded.x.shape == (6, 8, 6, 3)


def test_folders_named_by_whole_numbers_are_in_their_order(tmp_path):
    names = {"above": 10, "below": 9}
    loaded = load_folder(folder_of(DATASET, tmp_path, names=names))
    assert loaded.classes == (9, 10)
    (tmp_path / "09").mkdir()
    Image.new("L", (6, 8)).save(tmp_path / "09" / "x.png")
    assert load_folder(tmp_path).classes == ("09", "10", "9")


def test_other_files_in_a_folder_are_ignored(tmp_path):
    root = folder_of(DATASET, tmp_path)
    digest = load_folder(root).digest()
    (root / ".cache").mkdir()
    (root / "README.txt").write_text("about")
    (root / "above" / "notes.txt").write_text("about")
    (root / "above" / ".hidden.png").write_bytes(b"")
    assert load_folder(root).digest() == digest


def test_folders_that_are_no_data_set_are_refused_in_one_line(tmp_path):
    def refused(message, **options):
        with pytest.raises(data.DatasetError, match=message):
            load_folder(tmp_path / "set", **options)

    refused("^there is no folder ")
    (tmp_path / "set").mkdir()
    refused("has no subfolders: one is wanted for each class$")
    (tmp_path / "set" / "a").mkdir()
    refused(r"set have no pictures \(\.bmp, .*\): wanted: a subfolder of pictures for each class$")
    Image.new("L", (6, 8)).save(tmp_path / "set" / "a" / "0.png")
    refused("^width and height go together: give both, or neither$", width=3)
    Image.new("L", (5, 8)).save(tmp_path / "set" / "a" / "1.png")
    refused(r"1\.png has 5 x 8 pixels, .*0\.png 6 x 8: give the width and height")
    (tmp_path / "set" / "a" / "1.png").write_bytes(b"none")
    with pytest.raises(Exception, match=r"1\.png is not a readable picture"):
        load_folder(tmp_path / "set")


def test_a_name_is_that_of_a_data_set(monkeypatch):
    monkeypatch.setattr("drypoint.train._training_data.load", {"mnist": DATASET}.__getitem__)
    assert fit(image_model(), "mnist").model.dumps() == fit(image_model(), DATASET).model.dumps()


def batches_of(dataset, made):
    """A function of batches that returns what ``made`` makes of a list of pairs."""

    def batches(batch_size, epoch, rng):
        seen.append((batch_size, epoch))
        order = rng.permutation(len(dataset))
        return made([dataset.take(part) for part in np.array_split(order, 4)])

    seen = batches.seen = []
    return batches


def test_a_function_makes_the_batches_of_each_epoch():
    function = batches_of(DATASET, list)
    result = fit(image_model(), function, epochs=3, batch_size=15)
    assert (result.n_train, result.n_batches, result.batches_per_epoch) == (60, 12, 4)
    assert result.examples_seen == 180
    assert {epoch for _, epoch in function.seen} == {1, 2, 3}
    assert {size for size, _ in function.seen} == {15}
    generated = fit(image_model(), batches_of(DATASET, iter), epochs=3)
    listed = fit(image_model(), batches_of(DATASET, list), epochs=3, schedule="constant")
    assert generated.model.dumps() == listed.model.dumps()
    pairs = batches_of(DATASET, lambda sets: [{"input": s.x, "target": s.y} for s in sets])
    assert fit(image_model(), pairs, epochs=3).model.dumps() == result.model.dumps()


def test_functions_that_give_no_batches_are_refused():
    def refused(function, message, **options):
        with pytest.raises(TrainError, match=message):
            fit(image_model(), function, **options)

    refused(lambda *_: None, "returned a NoneType, not batches: it is called once an epoch")
    refused(lambda *_: [], "gave none for epoch 1")
    refused(lambda *_: iter([]), "gave none for epoch 1")
    refused(lambda *_: [5], "a batch of epoch 1 is a int, not")
    refused(lambda *_: ["mnist"], "a batch of epoch 1 is a str, not a Dataset, a pair or a dict")
    some = batches_of(DATASET, iter)
    refused(some, "needs to know how many batches an epoch has", schedule="cosine")
    refused(some, "nothing can be held out of a function", validation_split=0.5)
    late = lambda size, epoch, rng: list(some(size, epoch, rng)) if epoch == 1 else iter([])  # noqa: E731
    refused(late, "gave none for epoch 2", epochs=2)


PORTS = {"input": DATASET.x, "target": DATASET.y}


def test_data_that_cannot_be_trained_on_are_refused_in_one_line():
    check_answers("training_data", globals(), TrainError)


def test_the_same_classes_in_another_order_are_the_decoders():
    swapped = Dataset(DATASET.x, 1 - DATASET.y, ("below", "above"))
    assert fit(image_model(), swapped).model.dumps() == fit(image_model(), DATASET).model.dumps()


def test_all_data_have_the_same_classes():
    """Indices of validation data, and of batches, are read by the classes that come with them."""
    swapped = Dataset(DATASET.x, 1 - DATASET.y, ("below", "above"))
    val, swapped_val = images(20, seed=3), images(20, seed=3)
    swapped_val = Dataset(val.x, 1 - val.y, ("below", "above"))
    plain = fit(image_model(), DATASET, validation_data=val)
    other = fit(image_model(), DATASET, validation_data=swapped_val)
    assert other.history["val_loss"] == plain.history["val_loss"]
    batches = fit(image_model(), lambda *_: [DATASET, swapped])
    assert batches.model.dumps() == fit(image_model(), lambda *_: [DATASET] * 2).model.dumps()
    graph = nn.TrainingGraph(image_model().net, nn.CrossEntropyLoss())
    with pytest.raises(TrainError, match=r"^the classes below, above are not the training data's"):
        fit(graph, DATASET, validation_data=swapped_val)


def test_the_decoder_decides_between_labels_and_indices():
    x, y = blobs()
    model = classifier()
    expected = fit(model, (x, y)).net.parameters()
    for classes, labels in (
        ((3, 7, 5), np.array([3, 7, 5])[y]),
        (("a", "b", "c"), y),
        (("a", "b", "c"), np.array(["a", "b", "c"])[y]),
    ):
        net = fit(model.with_decoder(ClassDecoder(classes)), (x, labels)).net
        for path, array in net.parameters().items():
            np.testing.assert_array_equal(array, expected[path])
    with pytest.raises(data.UnknownClassError):
        fit(model.with_decoder(ClassDecoder((3, 7, 5))), (x, y))


def test_truth_values_are_targets_of_a_sigmoid():
    x, y = blobs()
    net = nn.Sequential([nn.Linear(1), "sigmoid", nn.Reshape(())], (2,))
    model = nn.Model(net, decoder=BooleanDecoder())
    options = {"epochs": 20, "optimizer": train.Adam(lr=0.1), "loss": nn.BinaryCrossEntropyLoss()}
    result = fit(model, (x, y == 0), **options)
    assert result.model(x) == (y == 0).tolist()
    column = fit(nn.Sequential([nn.Linear(1), "sigmoid"], (2,)), (x, (y == 0) * 1.0), epochs=20,
                 optimizer=train.Adam(lr=0.1))  # fmt: skip
    np.testing.assert_array_equal(column.net(x)[:, 0] > 0.5, y == 0)
    assert column.config["loss"].startswith("BinaryCrossEntropyLoss")


def test_pictures_are_targets_of_an_image_decoder(capsys):
    """A net of one number learns to darken: 3/4 of each pixel, once the pixels are floats."""
    darker = (DATASET.x * 0.75).astype(np.uint8)
    net = nn.Sequential([nn.Conv2d(1, 1, bias=False)], (1, 8, 6))
    model = nn.Model(net, encoder=data.ImageEncoder(width=6, height=8), decoder=data.ImageDecoder())
    options = {"epochs": 30, "optimizer": train.SGD(lr=0.5), "progress": "lines"}
    weight = fit(model, (DATASET.x, darker), **options).net.param("conv.weight")
    np.testing.assert_allclose(weight, 0.75, atol=0.01)  # pixels were rounded down
    messages = capsys.readouterr().err
    assert "targets: pictures of 6 x 8, gray, as the decoder has them\n" in messages
    flat = nn.Model(nn.Sequential(["flatten"], (1, 8, 6)), decoder=data.ImageDecoder())
    with pytest.raises(TrainError, match=r"^a net with an ImageDecoder gives \(channels, height,"):
        fit(flat, (DATASET.x, darker))


def test_a_bare_net_gets_an_encoder_a_decoder_and_values(capsys):
    result = fit(image_net(), DATASET, progress="lines")
    model = result.model
    assert model.encoder == data.ImageEncoder(width=6, height=8)
    assert model.decoder == ClassDecoder(("above", "below"))
    assert model(DATASET.x[0]) in ("above", "below")
    messages = capsys.readouterr().err.splitlines()
    assert messages[:4] == [
        "encoder for input: 6 x 8, gray, pixels from 0 to 1, by the images' size",
        "loss: CrossEntropyLoss, by the net's last layer",
        "decoder: the classes above, below, by the data's labels",
        "training on 60 examples; batches of 16, 4 steps an epoch; Adam(lr=0.001), schedule "
        "OneCycle(warmup=0.2); compiled step",
    ]
    fixed = fit(image_net(input_shape=(3, 4, 3)), DATASET).model
    assert fixed.encoder == data.ImageEncoder(width=3, height=4, color="rgb")
    assert fit(image_net(), (DATASET.x, DATASET.y)).model.decoder == ClassDecoder((0, 1))
    texts = fit(image_net(), (DATASET.x, [label for _, label in DATASET])).model
    assert texts.dumps() == model.dumps()


def test_a_net_of_numbers_needs_no_coders():
    x, y = blobs()
    net = nn.Sequential({"fc": nn.Linear(3), "softmax": nn.Softmax()})
    result = fit(net, (x, y))
    assert result.model.encoder is None
    assert result.net.parameters().keys() == {"fc.weight", "fc.bias"}
    regression = fit(nn.Sequential([nn.Linear(1)]), (x, x[:, 0]))
    assert regression.model.decoder is None
    assert regression.config["loss"] == "MSELoss()"


@pytest.mark.parametrize(
    ("layers", "kind"),
    [
        (["relu", "softmax"], nn.CrossEntropyLoss),
        ([nn.Sequential(["relu", "softmax"])], nn.CrossEntropyLoss),
        (["relu", "log_softmax"], nn.CrossEntropyLoss),
        (["sigmoid"], nn.BinaryCrossEntropyLoss),
        ([nn.Function("sigmoid")], nn.BinaryCrossEntropyLoss),
        (["softmax", "relu"], nn.MSELoss),
        ([nn.Linear(3)], nn.MSELoss),
    ],
)
def test_the_default_loss_goes_by_the_last_layer(layers, kind):
    assert type(nn.default_loss(nn.Sequential(layers))) is kind
    assert type(nn.default_loss(nn.Graph(layers, []))) is kind if len(layers) == 1 else True


def test_logarithms_of_probabilities_are_logits():
    """Oracle: the loss of the probabilities; float32 rounding."""
    x, target = np.array([[3.0, -1.0, 0.5]], np.float32), np.array([1])
    losses = []
    for last in ("softmax", "log_softmax"):
        net = nn.Sequential(["relu", last], (3,))
        losses.append(nn.default_loss(net)({"input": net(x), "target": target}))
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)


def test_a_loss_is_its_own_default_loss():
    assert nn.default_loss(nn.MAELoss()) == nn.MAELoss()
    assert nn.default_loss(nn.Graph({"a": nn.ReLU(), "b": nn.ReLU()})) == nn.MSELoss()


def test_validation_on_the_training_data_is_warned_of():
    x, y = blobs()
    for val in ((x, y), (x.copy(), list(y))):
        with pytest.warns(TrainWarning, match="^validation_data is the training data"):
            fit(classifier(), (x, y), validation_data=val)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(classifier(), (x, y), validation_data=(x[1:], y[1:]))


def test_few_examples_are_not_split_unless_asked():
    x, y = blobs(4)
    assert fit(classifier(), (x, y), validation_split=None).n_val == 0
    assert fit(classifier(), (x, y), validation_split=1).n_val == 1


def colours(n=40):
    """(N, 8, 6, 3) uint8, red or green, and which."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 60, (n, 8, 6, 3)), np.arange(n) % 2
    x[np.arange(n), :, :, y] += 150
    return x.astype(np.uint8), y


def test_uint8_images_with_their_channels_first_are_scaled_as_others_are():
    x, y = colours()
    for net in (image_net(), image_net(input_shape=(3, 8, 6))):
        last = fit(net, (x, y), seed=1)
        first = fit(net, (np.moveaxis(x, 3, 1), y), seed=1)
        batches = fit(net, lambda *_: [(np.moveaxis(x, 3, 1), y)], seed=1)
        expected = fit(net, lambda *_: [(x, y)], seed=1)
        assert (
            first.model.encoder
            == last.model.encoder
            == ImageEncoder(width=6, height=8, color="rgb")
        )
        assert first.model.dumps() == last.model.dumps()
        assert batches.model.dumps() == expected.model.dumps()
        turned = np.moveaxis(x, 3, 1)
        assert np.array_equal(first.model.predict_proba(turned), last.model.predict_proba(x))


def test_pixels_that_are_not_uint8_are_refused_wherever_they_come_in():
    x, y = colours()
    model = fit(image_net(), (x, y)).model
    calibration = quant.calibrate(model, x)
    for kind in (np.float32, np.int64):
        for pixels in (np.moveaxis(x, 3, 1).astype(kind), x.astype(kind)):
            for call in (
                lambda given: fit(image_net(), (given, y)),
                lambda given: fit(image_net(), lambda *_: [(given, y)]),
                lambda given: measure.measure(model, (given, y)),
                lambda given: quant.calibrate(model, given),
                lambda given: quant.report(model, calibration, given),
                lambda given: Dataset(given, y),
                lambda given: baselines.auto((given, y), time_limit=1),
                model.predict_proba,
            ):
                with pytest.raises(DrypointError, match=r"uint8"):
                    call(pixels)


def test_colour_pictures_in_a_folder_are_trained_on_in_colour(tmp_path):
    x, y = colours()
    root = folder_of(Dataset(x, y, ("red", "green")), tmp_path / "colours")
    assert load_folder(root).x.shape[1:] == (8, 6, 3)
    assert fit(image_net(), root).model.encoder.color == "rgb"
    gray = Dataset(np.repeat(x[..., :1], 3, axis=3), y, ("red", "green"))
    loaded = load_folder(folder_of(gray, tmp_path / "gray"))
    assert loaded.x.shape[1:] == (8, 6)
    assert load_folder(root, color="gray").x.shape[1:] == (8, 6)


def test_a_file_trains_as_its_data_set_does(tmp_path):
    x, y = colours()
    np.savez(tmp_path / "set.npz", x=x, y=y)
    for path in (tmp_path / "set.npz", str(tmp_path / "set.npz")):
        assert fit(image_net(), path).model.dumps() == fit(image_net(), (x, y)).model.dumps()
    with pytest.raises(DrypointError, match=r"^there is no folder .*none.npz$"):
        fit(image_net(), tmp_path / "none.npz")


def test_one_hot_labels_have_an_accuracy_and_a_decoder():
    x, y = blobs()
    net = nn.Sequential([nn.Linear(3), nn.Softmax()])
    plain, coded = (fit(net, (x, labels), seed=1) for labels in (y, np.eye(3)[y]))
    assert coded.history["accuracy"] == plain.history["accuracy"]
    assert coded.model.decoder == plain.model.decoder
    soft = 0.9 * np.eye(3)[y] + 0.1 / 3
    assert "accuracy" not in fit(net, (x, soft)).history


def test_examples_of_some_of_the_classes_are_enough_to_validate_on():
    val = Dataset(DATASET.x[DATASET.y == 0], np.zeros((DATASET.y == 0).sum(), int), ("above",))
    plain = fit(image_model(), DATASET, validation_data=val)
    both = Dataset(val.x, val.y, ("above", "below"))
    assert (
        plain.history["val_loss"]
        == fit(image_model(), DATASET, validation_data=both).history["val_loss"]
    )


def test_labels_from_a_tables_column_train_equal_nets():
    x, y = blobs(48)
    table = np.column_stack([np.arange(48), y, y + 1])
    columns = {"strided": table[:, 1], "plain": y.astype(np.int64)}
    made = [
        fit(classifier(), lambda *_, y=y: [(x[i : i + 16], y[i : i + 16]) for i in (0, 16, 32)])
        for y in columns.values()
    ]
    assert made[0].model.dumps() == made[1].model.dumps()


def test_a_trained_net_of_images_without_an_encoder_refuses_pixels():
    """The model was trained on floats, so it would read unscaled pixels."""
    x, y = colours()
    turned = np.moveaxis(x, 3, 1)
    model = fit(nn.Model(image_net()), (turned / np.float32(255), y)).model
    assert model.encoder is None
    for call in (model.predict_proba, lambda given: quant.calibrate(model, given)):
        with pytest.raises(DrypointError, match=r"uint8 up to .*, and the model has no encoder"):
            call(turned)
    with pytest.raises(DrypointError, match="no encoder"):
        measure.measure(model, (turned, y))
