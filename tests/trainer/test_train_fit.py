"""fit: the learned weights, reproducibility, unchanged arguments."""

import inspect
import json
import math

import numpy as np
import pytest
from trainable import blobs, classifier, image_model, images

from drypoint import nn, train
from drypoint.data import Dataset, train_val_split
from drypoint.nn import Linear, Model, Sequential

NOT_RECORDED = {"model", "progress", "resume_from", "validation_data", "validation_split"}


def quiet(model, data, **options):
    return train.fit(model, data, progress="none", **options)


def test_separable_classes_are_learned():
    result = quiet(classifier(), blobs(), epochs=20, optimizer=train.Adam(lr=0.1))
    x, y = blobs(seed=5)
    assert (result.model.predict_proba(x).argmax(axis=1) == y).mean() == 1
    assert result.history["loss"][-1] < 0.1 * result.history["loss"][0]
    assert result.history["val_accuracy"][-1] == 1
    assert (result.n_train, result.n_val, result.n_epochs) == (81, 9, 20)
    assert result.stopped == "epochs"


def test_sgd_learns_as_well():
    optimizer = train.SGD(lr=0.05, nesterov=True)
    result = quiet(classifier(), blobs(), epochs=10, optimizer=optimizer, schedule=train.Cosine())
    assert result.history["accuracy"][-1] == 1


def test_images_with_batch_norm_dropout_and_a_nested_net_are_learned():
    result = quiet(image_model(), images(), epochs=5, batch_size=8, optimizer=train.Adam(lr=0.01))
    assert result.history["val_accuracy"][result.best_epoch - 1] == 1
    assert result.model(images().x[0]) == images()[0][1]


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others():
    first, again, other = (
        quiet(image_model(), images(), epochs=2, seed=seed).model.dumps() for seed in (7, 7, 8)
    )
    assert first == again
    assert first != other


def test_the_given_model_and_data_are_unchanged():
    model, data = image_model(), images()
    model = model.with_net(model.net.initialize(3))
    before, digest = model.dumps(), data.digest()
    trained = quiet(model, data, epochs=1).model
    assert model.dumps() == before
    assert data.digest() == digest
    assert trained.dumps() != before


def test_a_net_with_values_starts_from_them():
    start = classifier()
    start = start.with_net(start.net.initialize(9))
    optimizer = train.SGD(lr=1e-60, momentum=0)  # 0 in float32
    result = quiet(start, blobs(), epochs=1, optimizer=optimizer)
    assert result.model.dumps() == start.dumps()


def test_one_epoch_of_full_batch_sgd_is_one_step_down_the_gradient():
    """Oracle: the gradient of the mean squared error of x @ w + b, by hand, in float64."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(12, 3)), rng.normal(size=(12, 2))
    net = Sequential({"fc": Linear(2)}, (3,)).initialize(1)
    w, b = (net["fc"].params[n].astype(np.float64) for n in ("weight", "bias"))
    error = x @ w.T + b - y  # the loss is the mean of its squares
    options = {"optimizer": train.SGD(lr=0.5, momentum=0), "schedule": train.Constant()}
    data = (x.astype(np.float32), y)
    result = quiet(Model(net), data, epochs=1, batch_size=12, validation_split=0, **options)
    fc = result.model.net["fc"].params
    np.testing.assert_allclose(fc["weight"], w - 0.5 * 2 * error.T @ x / 24, atol=1e-6)  # float32
    np.testing.assert_allclose(fc["bias"], b - 0.5 * 2 * error.sum(axis=0) / 24, atol=1e-6)
    assert result.history["loss"][0] == pytest.approx((error**2).mean(), rel=1e-6)
    assert "accuracy" not in result.history


def test_validation_examples_are_never_trained_on():
    """The trained weights do not depend on the validation examples."""
    data = images()
    seen = []

    class Spy:
        shape, dtype = (1, 8, 6), np.float32

        def __call__(self, batch):
            seen.append(np.array(batch))
            return (np.asarray(batch) / 255).astype(np.float32)[:, None]

    model = Model(image_model().net, encoder=Spy())
    result = quiet(model, data, epochs=1, batch_size=10, validation_split=20)
    trained = {image.tobytes() for image in seen[0]}  # four steps of ten, encoded at once
    held = {image.tobytes() for batch in seen[1:] for image in batch}
    assert (len(trained), len(held)) == (result.n_train, result.n_val) == (40, 20)
    assert not trained & held


def test_given_validation_data_are_used_and_nothing_is_held_out():
    result = quiet(classifier(), blobs(), validation_data=blobs(n=10, seed=2), epochs=1)
    assert (result.n_train, result.n_val) == (90, 10)


def test_the_split_of_arrays_is_disjoint_and_whole():
    x = np.arange(40, dtype=np.float32).reshape(20, 2)
    batches = []

    class Spy:
        shape, dtype = (2,), np.float32

        def __call__(self, batch):
            batches.append(batch)
            return batch.astype(np.float32)

    model = Model(classifier().net, encoder=Spy())
    quiet(model, (x.astype(np.int64), np.arange(20) % 3), epochs=1, validation_split=0.25)
    assert [len(b) for b in batches] == [15, 5]
    assert sorted(np.concatenate(batches)[:, 0].tolist()) == x[:, 0].tolist()


def rising_after(epoch, *, steps):
    """A schedule that learns, and after an epoch unlearns: the factor turns negative."""
    return lambda step, total: 1.0 if step < epoch * steps else -1.0  # noqa: ARG005


def test_the_weights_of_the_best_epoch_are_restored():
    options = {"schedule": rising_after(2, steps=2), "optimizer": train.SGD(lr=0.3, momentum=0)}
    options |= {"validation_data": blobs(seed=1), "batch_size": 45}
    best = quiet(classifier(), blobs(), epochs=4, **options)
    losses = best.history["val_loss"]
    assert losses[1] < losses[0] < losses[3]
    assert (best.best_epoch, best.n_epochs) == (2, 4)
    two = quiet(classifier(), blobs(), epochs=2, **options)
    assert best.model.dumps() == two.model.dumps()
    last = quiet(classifier(), blobs(), epochs=4, restore_best=False, **options)
    assert last.best_epoch == 4
    assert last.model.dumps() != best.model.dumps()


def test_of_equal_epochs_the_first_is_the_best():
    optimizer = train.SGD(lr=1e-30, momentum=0)  # too small to change anything
    result = quiet(classifier(), blobs(), epochs=3, optimizer=optimizer)
    assert len(set(result.history["val_loss"])) == 1
    assert result.best_epoch == 1


def test_without_validation_the_last_epoch_is_kept():
    result = quiet(classifier(), blobs(), epochs=3, validation_split=0)
    assert (result.best_epoch, result.n_val) == (3, 0)
    assert set(result.history) == {"loss", "lr", "accuracy", "seconds"}


def test_early_stopping_ends_the_run():
    options = {"schedule": rising_after(2, steps=2), "optimizer": train.SGD(lr=0.3, momentum=0)}
    options |= {"validation_data": blobs(seed=1), "batch_size": 45}
    stopping = train.EarlyStopping(patience=1)
    result = quiet(classifier(), blobs(), epochs=9, early_stopping=stopping, **options)
    assert (result.stopped, result.n_epochs, result.best_epoch) == ("early", 4, 2)


def test_probabilities_are_targets_too():
    x, y = blobs()
    soft = np.eye(3)[y] * 0.9 + 0.1 / 3
    result = quiet(classifier(), (x, soft), epochs=3, loss=nn.CrossEntropyLoss())
    assert "accuracy" not in result.history
    assert result.history["loss"][-1] < result.history["loss"][0]


def test_validation_loss_is_without_label_smoothing():
    """Oracle: the cross-entropy of the answers of the trained model, in NumPy."""
    loss, val = nn.CrossEntropyLoss(label_smoothing=0.3), blobs(seed=1)
    result = quiet(classifier(), blobs(), epochs=1, loss=loss, validation_data=val)
    p = result.model.predict_proba(val[0])[np.arange(len(val[1])), val[1]]
    assert result.history["val_loss"][0] == pytest.approx(float(-np.log(p).mean()), rel=1e-5)


def test_learning_rates_follow_the_schedule_over_all_steps():
    optimizer = train.SGD(lr=0.01)
    result = quiet(classifier(), blobs(), epochs=3, batch_size=27, optimizer=optimizer)
    last_steps, schedule = (2, 5, 8), train.OneCycle()  # 81 examples: three steps an epoch
    assert result.history["lr"] == tuple(0.01 * schedule(step, 9) for step in last_steps)


def test_the_result_prints_itself_and_is_json():
    result = quiet(image_model(), images(), epochs=2, optimizer=train.Adam(lr=0.01))
    text = json.dumps(result.to_json(), allow_nan=False)
    facts = json.loads(text)
    config = facts["config"]
    assert config["optimizer"] == {
        "name": "adam", "lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0,
    }  # fmt: skip
    assert config["schedule"] == "OneCycle(warmup=0.2)"
    assert config["loss"] == "CrossEntropyLoss(from_logits=False, label_smoothing=0.0)"
    assert (config["epochs"], config["batch_size"], config["seed"]) == (2, 64, 0)
    assert set(config["versions"]) == {"drypoint", "numpy", "python"}
    arguments = {n for n in inspect.signature(train.fit).parameters if n not in NOT_RECORDED}
    assert arguments <= set(config)
    assert facts["history"]["loss"] == list(result.history["loss"])
    assert all(math.isfinite(v) for values in facts["history"].values() for v in values)
    lines = repr(result).splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("TrainResult: 2 of 2 epochs in 00:0")
    assert f"epoch {result.best_epoch}" in lines[1]
    assert result.examples_per_s > 0


def test_augmentation_sees_each_training_image_once_an_epoch_and_no_other():
    data, seen = images(), []

    def shifted(batch, *, seed, epoch, indices):
        np.testing.assert_array_equal(batch, train_part[indices])
        seen.append((seed, epoch, indices.tolist()))
        return np.roll(batch, 1, axis=2)

    train_part = train_val_split(data, 20, seed=6)[0].x
    options = {"epochs": 2, "batch_size": 15, "validation_split": 20, "seed": 6}
    augmented = quiet(image_model(), data, augment=shifted, **options)
    assert {(seed, epoch) for seed, epoch, _ in seen} == {(6, 1), (6, 2)}
    for epoch in (1, 2):
        drawn = [i for _, e, indices in seen if e == epoch for i in indices]
        assert sorted(drawn) == list(range(40))
    assert augmented.model.dumps() != quiet(image_model(), data, **options).model.dumps()


def test_several_small_batches_are_augmented_at_once_and_every_example_stays_in_its_batch():
    data = images()
    calls = []

    def marked(images, *, indices, **_):
        calls.append(len(images))
        np.testing.assert_array_equal(images, data.x[indices])
        return images

    batches = []

    def metric(_, targets):
        batches.append(targets.copy())
        return np.zeros(len(targets))

    options = {"epochs": 1, "batch_size": 16, "validation_split": 0, "metrics": [metric]}
    quiet(image_model(), data, **options)
    wanted, batches = batches, []
    quiet(image_model(), data, augment=marked, **options)
    assert calls == [60]
    assert [len(batch) for batch in batches] == [16, 16, 16, 12]
    for batch, want in zip(batches, wanted, strict=True):
        np.testing.assert_array_equal(batch, want)


def test_what_is_augmented_is_what_the_encoder_reads():
    """Images that augmentation shifts train the same net as images shifted before."""
    data = images()
    moved = Dataset(np.roll(data.x, 1, axis=2), data.y, data.classes)
    options = {"epochs": 1, "validation_split": 0}
    by_hand = quiet(image_model(), moved, **options)
    augmented = quiet(image_model(), data, augment=lambda x, **_: np.roll(x, 1, axis=2), **options)
    assert augmented.model.dumps() == by_hand.model.dumps()


def test_features_that_augmentation_changes_are_what_the_net_reads():
    """Oracle: an augmentation of the images whose encoding has the same values."""

    class Inverted:
        def __call__(self, images, /, **_):
            return images

        def change_features(self, features, /, *, seed, epoch, indices):
            assert (seed, epoch, len(indices)) == (0, 1, len(features))
            return model.encoder(255 - data.x[indices])

    data, model = images(), image_model()
    options = {"epochs": 1, "validation_split": 0}
    wanted = quiet(model, data, augment=lambda x, **_: 255 - x, **options)
    found = quiet(model, data, augment=Inverted(), **options)
    assert found.model.dumps() == wanted.model.dumps()


def test_the_average_is_the_weighted_mean_of_the_weights_after_each_step():
    """Oracle: the weights of runs that end after 1, 2, 3, 4 steps, weighted in float64."""
    options = {"batch_size": 90, "validation_split": 0, "schedule": train.Constant()}
    options["optimizer"] = train.SGD(lr=0.3)
    runs = [quiet(classifier(), blobs(), epochs=n, **options).model.net for n in (1, 2, 3, 4)]
    averaged = quiet(classifier(), blobs(), epochs=4, average=0.7, **options).model.net
    shares = 0.7 ** np.arange(3, -1, -1)
    for path, array in averaged.parameters().items():
        each = np.stack([net.parameters()[path].astype(np.float64) for net in runs])
        mean = np.tensordot(shares / shares.sum(), each, axes=1)
        np.testing.assert_allclose(array, mean, atol=1e-6)  # four roundings to float32


def test_the_average_of_one_step_is_the_weights_to_the_bit_batch_norms_too():
    options = {"epochs": 1, "batch_size": 60, "validation_split": 0}
    plain, averaged = (
        quiet(image_model(), images(), average=d, **options).model for d in (None, 0.9)
    )
    assert plain.dumps() == averaged.dumps()


def test_the_average_is_what_is_validated():
    val = blobs(seed=1)
    options = {"epochs": 2, "average": 0.9, "validation_data": val, "batch_size": 30}
    result = quiet(classifier(), blobs(), optimizer=train.Adam(lr=0.1), **options)
    p = result.model.predict_proba(val[0])[np.arange(len(val[1])), val[1]]
    last = result.history["val_loss"][result.best_epoch - 1]
    assert last == pytest.approx(float(-np.log(p).mean()), rel=1e-5)  # float32
