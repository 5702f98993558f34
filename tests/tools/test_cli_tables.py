"""Tables by the commands: each finding is a line of train, the options decide, and a net's file
keeps what was decided for every other command."""

import json

import numpy as np
import pytest

from drypoint import data, nn

N = 400
QUICK = ("--net", "mlp:8", "--epochs", 2)


@pytest.fixture
def table(tmp_path):
    """20 persons with a habit each, a copy of the label, dates, numbers of the rows, a town."""
    rng = np.random.default_rng(0)
    who, habit, own = rng.integers(0, 20, N), rng.integers(0, 2, 20), rng.normal(0, 2, (20, 2))
    seen, order = (own[who] + rng.normal(0, 0.3, (N, 2))).round(3), rng.permutation(N)
    rows = [
        f"p{p},{a},{b},{7 * i},{i % 28 + 1}.2.2026,{5 * habit[p]},{'uv'[i % 2]},{'xy'[habit[p]]}"
        for p, (a, b), i in zip(who.tolist(), seen.tolist(), order.tolist(), strict=True)
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["person,a,b,nr,on,code,town,kind", *rows]) + "\n", "utf-8")
    return path


def test_the_options_that_messages_name_lead_to_a_net(table, cli, refused, tmp_path):
    """Each message is followed as it says; the file of the net then keeps every decision."""
    net = tmp_path / "net.npz"
    words = ["train", "--data", table, *QUICK, "--out", net]
    assert "name it, label= (--label); columns: person, a, b, nr, on, code" in refused(*words)
    words += ["--label", "kind"]
    for option in ("--drop code", "--group person", "--drop town"):
        assert f"({option})" in refused(*words)
        words += option.split()
    code, said, notes = cli(*words)
    assert code == 0
    for line in (
        "labels are column 'kind', values a, b; ",
        "left out, as each numbers the rows: nr; --keep COLUMN takes one",
        "left out, as each holds dates or times: on",
        "column 'person' has 20 groups, of which each is in one part",
    ):
        assert f"{table}: {line}" in notes
    assert "groups, which training does not see; " in notes
    assert " groups, " in said
    model = nn.load(net)
    assert model.encoder.columns == ("a", "b")
    whole = data.read(table, label="kind", group=["person"], drop=["code", "town"])[data.ALL]
    assert model.provenance["data"]["sha256"] == whole.digest()
    assert cli("quantize", net)[0] == 0
    for file in (net, net.with_suffix(".dpt")):
        code, out, notes = cli("measure", file, "--json")
        assert (code, "the fifth that training did not see" in notes) == (0, True)
        found = json.loads(out)
        assert found["n"] < 120
        low, high = found["accuracy_interval"]
        assert high - low > 0.4  # of about four persons; of so many rows it would be 0.15 to 0.25
    other = tmp_path / "new.csv"  # no person is known, and the columns stand in another order
    lines = [line.split(",") for line in table.read_text("utf-8").splitlines()]
    other.write_text("\n".join(",".join((b, kind, a)) for _, a, b, *_, kind in lines), "utf-8")
    code, out, notes = cli("measure", net, "--data", other, "--json")
    assert (code, json.loads(out)["n"]) == (0, N)
    assert cli("run", "--model", net, other)[1].count("\n") == N


def test_a_column_of_groups_that_is_gone_is_other_data(table, cli, tmp_path):
    """Its rows would be split at random, and the test part would have persons of the training."""
    net = tmp_path / "net.npz"
    drop = ["--drop", "code", "--drop", "town"]
    code, *_ = cli("train", "--data", table, *QUICK, "--out", net, "--label", "kind", *drop,
                   "--group", "person")  # fmt: skip
    assert code == 0
    lines = [line.partition(",")[2] for line in table.read_text("utf-8").splitlines()]
    table.write_text("\n".join(lines), "utf-8")
    code, out, notes = cli("measure", net, "--data", table, "--json")
    assert (code, json.loads(out)["n"]) == (0, N)
    assert "all of them: t.csv has changed since the net was trained on it" in notes


def test_a_regression_is_validated_on_other_groups(table, cli, tmp_path):
    words = ("--task", "regression", "--label", "a", "--group", "person", "--drop", "town")
    code, _, notes = cli("train", "--data", table, *QUICK, *words, "--drop", "kind", "--out",
                         tmp_path / "net.npz")  # fmt: skip
    assert code == 0
    whole = data.read(table, label="a", group=["person"], drop=["town", "kind"], task="regression")
    train, _ = data.train_val_split(whole[data.ALL], 0.2, stratify=False)
    _, val = data.train_val_split(train, 0.1, stratify=False)
    assert f"validation: {len(val)} of {len(train)} examples are held out for it" in notes


@pytest.mark.parametrize("hop", [10, 4])
def test_windows_are_split_and_measured_by_the_group(cli, refused, tmp_path, hop):
    path, net, rng = tmp_path / "log.csv", tmp_path / "net.npz", np.random.default_rng(1)
    rows = [
        f"{20 * i},{i // 120},{x},{'uv'[i // 30 % 2]}"
        for i, x in enumerate(rng.normal(size=1440).round(3).tolist())
    ]
    path.write_text("\n".join(["t,subject,x,label", *rows]) + "\n", "utf-8")
    words = ["train", "--data", path, *QUICK, "--augment", "none", "--out", net]
    assert "column 't' is a clock, and the label changes seldom" in refused(*words)
    words += ["--window", 10, "--hop", hop]
    assert "group=['subject'] (--group subject)" in refused(*words)
    code, said, notes = cli(*words, "--group", "subject")
    assert (code, "of 2 groups, which training does not see" in notes) == (0, True)
    assert "as of 2 groups, " in said
    code, out, _ = cli("measure", net)
    assert (code, "as of 2 groups" in out) == (0, True)
