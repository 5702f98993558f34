"""``--task regression`` by commands alone: oracles are NumPy on the files' own numbers."""

import json

import numpy as np
import pytest

from drypoint import data, nn
from drypoint.engine import Engine
from drypoint.program import Program

N = 200


@pytest.fixture(scope="module")
def flats():
    """Rooms, ages, and prices that follow from both."""
    rng = np.random.default_rng(0)
    x = rng.uniform((1, 0), (6, 80), (N, 2)).astype(np.float32)
    return x, (1e5 + 2e4 * x[:, 0] - 300 * x[:, 1] + rng.normal(0, 1000, N)).round()


@pytest.fixture
def table(flats, tmp_path):
    path = tmp_path / "flats.csv"
    rows = [f"{x[0]},{x[1]},{y:.0f}" for x, y in zip(*flats, strict=True)]
    path.write_text("\n".join(["rooms,age,price", *rows]), "utf-8")
    return path


def train(cli, source, out, *words):
    task = ("--task", "regression", "--epochs", 30)
    return cli("train", "--data", source, "--out", out, *task, *words, "--json")


def figures(predicted, true):
    off = np.asarray(predicted, np.float64).reshape(-1) - true
    return np.sqrt((off**2).mean()), np.abs(off).mean(), 1 - (off**2).sum() / true.var() / len(true)


def test_from_a_table_to_an_engine_that_predicts_prices(cli, flats, table, tmp_path):
    x, y = flats
    net, program, page = (tmp_path / name for name in ("net.npz", "net.dpt", "page.html"))
    code, out, err = train(cli, table, net, "--label", "price")
    assert code == 0, err
    assert f"numbers from {y.min():g} to {y.max():g}" in err
    pool = data.read(table, task="regression", label="price")["all"]
    assert (pool.numbers == y).all()
    assert (pool.x[:, 0] == x).all()
    held = data.train_val_split(pool, 0.2, seed=0, stratify=False)[1]
    trained = json.loads(out)["test"]
    assert trained["n"] == len(held) == N // 5
    model = nn.load(net)
    expected = figures(model.predict_proba(held.x), held.numbers)
    # a mean of float64 in another order
    assert np.allclose([trained[name] for name in ("rmse", "mae", "r2")], expected, rtol=1e-9)
    assert trained["r2"] > 0.9
    assert cli("quantize", net)[0] == 0
    code, out, _ = cli("measure", program, "--json")
    integers = Engine(Program.load(program)).predict_proba(held.x)
    found = json.loads(out)
    assert np.allclose(
        [found[name] for name in ("rmse", "mae", "r2")], figures(integers, held.numbers), rtol=1e-9
    )
    code, out, _ = cli("run", program, table, "--json")
    numbers = [answer["number"] for answer in json.loads(out)["answers"]]
    assert numbers == Engine(Program.load(program)).predict_proba(pool.x).reshape(-1).tolist()
    code, out, _ = cli("report", net, "--out", page, "--json")
    assert json.loads(out)["outputs"]["integers"]["rmse"] == found["rmse"]
    code, out, _ = cli(
        "train", "--net", net, "--out", tmp_path / "more.npz", "--epochs", 1, "--lr", 1e-9, "--json"
    )
    again = json.loads(out)["test"]  # a step of 1e-9 changes nothing that is seen
    assert np.isclose(again["rmse"], trained["rmse"], rtol=1e-3)


def test_numbers_of_an_npz_file(cli, flats, tmp_path):
    x, y = flats
    path = tmp_path / "flats.npz"
    np.savez(path, x=x[:, None], y=y / 7 - 1e5)
    pool = data.read(path, task="regression")["all"]
    assert (pool.numbers == y / 7 - 1e5).all()
    code, out, err = train(cli, path, tmp_path / "net.npz")
    assert code == 0, err
    assert json.loads(out)["test"]["r2"] > 0.9
