"""``train --balance``: rarer classes repeat and are found; validation examples do not repeat."""

import json

import numpy as np
import pytest
from report_nets import CLASSES, pictures

COUNTS = (200, 200, 200, 8)


@pytest.fixture(scope="module")
def few():
    """Pictures of which one class is rare, in training."""
    return pictures(0, seed=1, spread=70, counts=COUNTS), pictures(200, seed=2, spread=70)


def test_each_class_has_as_many_examples_as_the_commonest(few):
    train, _ = few
    balanced = train.balance()
    assert balanced.class_counts() == dict.fromkeys(CLASSES, 200)
    rare, copies = train.x[train.y == 3], balanced.x[balanced.y == 3]
    assert np.array_equal(copies, np.concatenate([rare] * 25))
    assert np.array_equal(balanced.x[balanced.y == 0], train.x[train.y == 0])
    assert balanced.balance().digest() == balanced.digest()


def test_a_rare_class_is_found(cli, few, tmp_path):
    train, test = few
    path = tmp_path / "few.npz"
    arrays = {"x_train": train.x, "y_train": train.y, "x_test": test.x, "y_test": test.y}
    np.savez(path, **arrays, classes=np.array(CLASSES))
    recalls = []
    for words in ([], ["--balance"]):
        options = ["--data", path, "--out", tmp_path / "net.npz", "--epochs", 4, "--net", "lenet5"]
        code, out, err = cli("train", *options, "--augment", "none", *words, "--json")
        assert code == 0, err
        code, out, _ = cli("measure", tmp_path / "net.npz", "--json")
        recalls.append(json.loads(out)["recall"][3])
        assert ("balance: 7 to 180 examples a class" in err) == bool(words)
        # a tenth of the 608 is held out before examples repeat
        assert "validation: 61 of 608" in err
    assert recalls[1] >= recalls[0] + 0.2
