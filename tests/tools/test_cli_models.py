"""``drypoint models``: the cards, and the files that are shipped, retrained twice."""

import json

import pytest

from drypoint import models, nn
from drypoint.common import sha256
from drypoint.program import blob

TINY = ["--epochs", "1", "--limit", "300"]
FILES = {"lenet-mnist.npz", "lenet-mnist.dpt", "lenet-mnist.json"}


@pytest.fixture(scope="module")
def retrained(tmp_path_factory):
    """Two folders of models, trained one after the other by one command."""
    from drypoint.cli.__main__ import main

    folders = [tmp_path_factory.mktemp("shipped") for _ in range(2)]
    for folder in folders:
        assert main(["models", "--make", str(folder), *TINY]) == 0
    return folders


def test_it_prints_the_cards(cli):
    code, out, err = cli("models")
    assert (code, err) == (0, "")
    assert out == "\n\n".join(str(models.card(name)) for name in models.names()) + "\n"


def test_it_prints_them_as_json(cli):
    code, out, _ = cli("models", "--json")
    assert code == 0
    (name,) = models.names()
    assert json.loads(out) == {name: json.loads(models.card(name).to_json())}


def test_a_repeated_command_gives_equal_bytes(retrained):
    first, other = ({p.name: p.read_bytes() for p in folder.iterdir()} for folder in retrained)
    assert set(first) == FILES
    assert first == other


def test_the_card_describes_the_retrained_model(retrained):
    folder = retrained[0]
    card = models.ModelCard.from_json((folder / "lenet-mnist.json").read_text("utf-8"))
    content = {s: (folder / f"lenet-mnist{s}").read_bytes() for s in (".npz", ".dpt")}
    assert card.sha256 == {suffix: sha256(c) for suffix, c in content.items()}
    assert (card.data["train"], card.recipe["epochs"], card.float_score.n) == (300, 1, 300)
    model, program = nn.loads(content[".npz"]), blob.loads(content[".dpt"])
    assert model.dumps(half=True) == content[".npz"]
    assert program.provenance["model"]["recipe"] == card.recipe


def test_a_folder_that_cannot_be_is_refused_before_the_work(refused, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert "cannot write" in refused("models", "--make", file, *TINY)
