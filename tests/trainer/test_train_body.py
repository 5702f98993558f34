"""A body: features computed once, a head trained on them, then body and head at a low rate.

Oracle: `fit` of the whole net in which `lr_multipliers` hold the body.
"""

from dataclasses import replace

import numpy as np
import pytest
from detection_nets import CLASSES, TEST, VALIDATION, finder, squares

from drypoint import data, engine, interop, models, nn, quant, tasks, train
from drypoint.common import DrypointError

OPTIONS = {"epochs": 3, "batch_size": 32, "seed": 4}


@pytest.fixture(scope="module")
def digits(toolbox):
    """200 handwritten digits of another source than the body's, 8 x 8 pixels."""
    toolbox.need_package("sklearn")
    return data.load("digits").take(np.arange(200))


@pytest.fixture(scope="module")
def lenet():
    """A body that the project trained, on MNIST."""
    return models.load("lenet-mnist")


@pytest.mark.parametrize("cut", [None, "pool2"])
def test_the_head_is_that_of_a_training_with_the_body_frozen(digits, lenet, cut):
    """Within 1e-5: sums of a batch are rounded in another order."""
    study = train.make_body_study(digits, lenet, cut=cut, **OPTIONS)
    found = study.fit(progress="none").model.net
    x = np.asarray(study.model.encode(study.data.train.x))
    frozen = train.fit(
        nn.Model(study.model.net, decoder=data.ClassDecoder(range(10))),
        (x, digits.y),
        task=study.task,
        lr_multipliers={"body": 0},
        progress="none",
        **study.options,
    ).model.net
    for path in ("fc.weight", "fc.bias"):
        assert np.abs(frozen.param(path) - found.param(path)).max() < 1e-5
        assert np.abs(study.model.net.param(path) - found.param(path)).max() > 1e-3  # it learned
    for path in ("conv1.weight", "conv2.bias"):
        assert (found.param(f"body.{path}") == lenet.net.param(path)).all()


def test_body_and_head_are_trained_further_and_the_program_verifies(digits, lenet):
    lines = []
    study = train.make_body_study(
        digits, lenet, cut="pool2", body_epochs=1, notify=lines.append, **OPTIONS
    )
    model = study.fit(progress="none").model
    assert np.abs(model.net.param("body.conv1.weight") - lenet.net.param("conv1.weight")).max() > 0
    assert lines == [
        "pictures of 8 x 8 are read in the body's size, 28 x 28",
        "body: the body up to pool2, features 50 x 4 x 4 (--cut names another layer)",
        "its input: 28 x 28, gray; black is -0.424, white 2.82",
        "net: 33,580 parameters, 1,896,000 MACs an example",
        "augmentation of the whole net's epochs: rotate 5, scale 0.05, shift 0.84",
    ]
    x = model.encoder.pixels(digits.x[:50])
    program = quant.quantize(model, quant.calibrate(model, digits.x))
    assert engine.verify(program, {"C": engine.Engine(program)}, x).differing_bytes == 0


@pytest.mark.parametrize("cells", [False, True])
def test_a_head_that_finds_objects_is_that_of_a_training_with_the_body_frozen(cells, lenet):
    """A batch norm in the body would read the batch in the whole training."""
    parts = train.StudyData(train=squares(100, seed=9), val=VALIDATION, test=TEST)
    study = train.make_body_study(parts, lenet, task=tasks.Detect(cells=cells), **OPTIONS)
    found = study.fit(progress="none").model
    pictures = study.data.train
    x = np.asarray(study.model.encode(pictures.x))
    targets = study.task.targets(study.model, pictures.x, study.task.labels(pictures))
    frozen = train.fit(
        nn.Model(study.model.net),
        (x, targets),
        loss=nn.DetectionLoss(cells=cells),
        lr_multipliers={"body": 0},
        validation_split=0,
        progress="none",
        **study.options,
    ).model.net
    for path in ("cells.weight", "cells.bias"):
        assert np.abs(frozen.param(path) - found.net.param(path)).max() < 1e-4
        assert np.abs(study.model.net.param(path) - found.net.param(path)).max() > 1e-3
    assert found.decoder == data.BoxDecoder(CLASSES, cell=7, cells=cells, conf=found.decoder.conf)
    assert study.model.decoder.conf != found.decoder.conf  # of the validation pictures


def test_head_and_body_of_cells_find_boxes():
    """Of pictures in another size. mAP50 was 0.47 with the body frozen, then 0.95."""
    given = squares(400, seed=9)
    large = replace(
        given,
        x=given.x.repeat(2, axis=1).repeat(2, axis=2),
        boxes=replace(given.boxes, edges=2 * given.boxes.edges),
    )
    found = []
    for epochs in (0, 10):
        study = train.make_body_study(large, finder(cells=True), body_epochs=epochs, augment=None)
        assert study.data.train.image_size == given.image_size
        model = study.fit(progress="none").model
        found.append(tasks.measure_boxes(tasks.Trial(model, TEST)).map50.value)
    assert found[0] > 0.33
    assert found[1] > 0.8


@pytest.fixture
def keras(toolbox, monkeypatch):
    """Keras, which computes by PyTorch."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    toolbox.need_package("torch")
    toolbox.need_package("keras")
    import keras

    return keras


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of PyTorch
def test_a_body_of_pytorch_and_of_keras_are_cut_and_read(tmp_path, digits, keras):
    import torch

    module = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, stride=2), torch.nn.ReLU())
    net = interop.from_torch(module, torch.zeros(1, 1, 8, 8))
    encoder = data.ImageEncoder(width=8, height=8)
    study = train.make_body_study(digits, nn.Model(net, encoder=encoder), **OPTIONS)
    assert study.fit(progress="none").model(digits.x[0]) in range(10)

    layers = keras.layers
    whole = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, name="near"),
            layers.Conv2D(6, 3, activation="relu", name="far"),
            layers.Flatten(),
            layers.Dense(3, name="classes"),
        ]
    )
    path = tmp_path / "body.keras"
    whole.save(path)
    part = keras.Model(whole.inputs, whole.get_layer("far").output)
    x = np.random.default_rng(0).random((5, 1, 8, 8), np.float32)
    wanted = part.predict(x.transpose(0, 2, 3, 1), verbose=0).transpose(0, 3, 1, 2)
    assert np.abs(interop.from_keras(path, cut=["far"])(x) - wanted).max() < 1e-5
    with pytest.raises(interop.FrameworkError, match="no layer 'fare'; is it far"):
        interop.from_keras(path, cut=["fare"])
    path.write_bytes(b"PK")
    with pytest.raises(interop.FrameworkError, match=r"^Keras cannot load .*body.keras: "):
        interop.from_keras(path)


REFUSED = {
    "the body reads no pictures; wanted: a float model with an ImageEncoder": {"encoder": False},
    "--cut: the body has no layer 'pool3'; is it pool2 or pool1": {"cut": "pool3"},
    "features of a body are computed once, without augmentation": {"augment": "strong"},
}


@pytest.mark.parametrize(("text", "options"), REFUSED.items())
def test_what_does_not_fit_is_one_line(digits, lenet, text, options):
    options = dict(options)
    body = lenet if options.pop("encoder", True) else nn.Model(lenet.net)
    with pytest.raises(DrypointError, match=text):
        train.make_body_study(digits, body, **options)


@pytest.mark.parametrize(
    ("cut", "text"),
    {
        "relu3": "the body up to relu3 gives a vector of 500; boxes need a plane of features",
        "pool1": "up to pool1 gives 12 x 12 cells of pictures of 28 x 28 pixels; boxes need square",
    }.items(),
)
def test_features_that_are_no_square_cells_are_refused(lenet, cut, text):
    with pytest.raises(DrypointError, match=text):
        train.make_body_study(squares(20, seed=1), lenet, cut=cut)


def test_a_body_without_cells_wants_a_cut():
    net = nn.Sequential([nn.Flatten(), nn.Linear(4)], input_shape=(1, 8, 8)).initialize(0)
    body = nn.Model(net, encoder=data.ImageEncoder(width=8, height=8))
    with pytest.raises(DrypointError, match="no layer whose output is a plane of square cells"):
        train.make_body_study(squares(20, seed=1), body)


def test_a_classifier_without_a_last_dense_layer_wants_a_cut(digits):
    encoder, decoder = data.ImageEncoder(width=8, height=8), data.ClassDecoder(range(4))
    net = nn.Sequential(nn.Conv2d(4, 8), nn.Flatten(), nn.Softmax(), input_shape=(1, 8, 8))
    body = nn.Model(net.initialize(0), encoder=encoder, decoder=decoder)
    with pytest.raises(DrypointError, match="the body ends in Flatten, not in a dense layer"):
        train.make_body_study(digits, body)


def test_a_head_has_no_checkpoints(digits, lenet, tmp_path):
    with pytest.raises(DrypointError, match="leave --checkpoint, --resume and --mpi out"):
        train.make_body_study(digits, lenet).fit(checkpoint=tmp_path)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of PyTorch
@pytest.mark.only_ci
@pytest.mark.parametrize(
    ("family", "alpha", "shape"),
    [("MobileNet", 0.25, (256, 3, 3)), ("MobileNetV2", 0.35, (1280, 3, 3))],
)
def test_the_bodies_that_the_page_names_are_read_and_are_kerass(
    tmp_path, keras, family, alpha, shape
):
    """docs/pictures.md; here without the weights that Keras loads from the internet."""
    keras.utils.set_random_seed(1)
    model = getattr(keras.applications, family)(
        (96, 96, 3), alpha=alpha, include_top=False, weights=None
    )
    model.save(tmp_path / "body.keras")
    net = interop.from_keras(tmp_path / "body.keras")
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 96, 96)).astype(np.float32)
    wanted = model.predict(x.transpose(0, 2, 3, 1), verbose=0).transpose(0, 3, 1, 2)
    assert net(x).shape == (2, *shape)
    assert np.abs(net(x) - wanted).max() <= 1e-4 * np.abs(wanted).max()
