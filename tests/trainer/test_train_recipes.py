"""Recipes: values that determine all bytes of a net, and that train well."""

import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from drypoint import data, train
from drypoint.common import DrypointError
from drypoint.train import recipes

ALL = (recipes.lenet_fast, recipes.lenet_best)


@pytest.fixture(scope="module")
def digits():
    return data.load("mnist", "train")[:1500]


@pytest.mark.parametrize("recipe", ALL, ids=lambda r: r.name)
def test_a_recipe_is_a_value_that_json_takes(recipe):
    assert getattr(recipes, recipe.name) is recipe
    with pytest.raises(FrozenInstanceError):
        recipe.epochs = 1
    config = recipe.config()
    assert json.loads(json.dumps(config)) == config
    assert config["epochs"] == recipe.epochs
    assert set(config) == set(vars(recipe))
    assert eval(config["augment"], vars(data.augment)) == recipe.augment
    assert eval(config["optimizer"], vars(train)) == recipe.optimizer


def test_with_epochs_changes_the_epochs_only():
    recipe = recipes.lenet_best.with_epochs(3)
    assert recipe.config() == {**recipes.lenet_best.config(), "epochs": 3}
    assert recipes.lenet_best.epochs != 3


def test_the_model_is_a_lenet_with_glorots_values():
    model = recipes.lenet_fast.model(data.load("mnist", "test")[:1], seed=4)
    assert model.net.n_params == 431_080
    for path, array in model.net.parameters().items():
        if path.endswith("bias"):
            assert not array.any()
        else:
            fan_out, fan_in = array.shape[0], array[0].size
            fan_out *= array[0, 0].size if array.ndim == 4 else 1
            limit = np.sqrt(6 / (fan_in + fan_out))
            assert 0.98 * limit < np.abs(array).max() <= limit


@pytest.mark.parametrize("recipe", ALL, ids=lambda r: r.name)
def test_a_recipe_learns_and_the_seed_decides_its_bytes(recipe, digits):
    runs = [
        recipe.with_epochs(3).fit(digits, seed=seed, validation_split=300, progress="none")
        for seed in (1, 1, 2)
    ]
    bytes_of = [run.model.dumps() for run in runs]
    assert bytes_of[0] == bytes_of[1] != bytes_of[2]
    assert runs[0].n_val == 300
    losses = runs[0].history["loss"]
    assert losses[-1] < losses[0]
    assert runs[0].best_epoch == 3  # the last, whatever validation says


def test_the_model_has_the_given_provenance(digits):
    fit = recipes.lenet_fast.with_epochs(1).fit
    result = fit(digits[:64], provenance={"by": "test"}, progress="none")
    assert result.model.provenance["by"] == "test"
    assert result.n_val == 0


def test_images_below_16_pixels_are_refused(digits):
    small = data.Dataset(digits.x[:10, :12, :12], digits.y[:10])
    with pytest.raises(DrypointError):
        recipes.lenet_fast.fit(small, progress="none")
