"""Which examples a command reads without ``--data``: those that the net was trained on, or none."""

import json

import numpy as np
import pytest

from drypoint import data, nn, quant
from drypoint.cli._source import known_source
from drypoint.common import DrypointError
from drypoint.program import blob

X = np.random.default_rng(0).integers(0, 256, (60, 28, 28), dtype=np.uint8)


@pytest.fixture
def saved(cli, tmp_path):
    """A net that was trained on pictures of MNIST's size, its program, and its data."""
    source, net = tmp_path / "pictures.npz", tmp_path / "net.npz"
    np.savez(source, x=X, y=np.arange(60) % 10)
    words = ["--net", "mlp:4", "--epochs", 1, "--augment", "none", "--out", net]
    assert cli("train", "--data", source, *words)[0] == 0
    assert cli("quantize", net, "--data", source)[0] == 0
    return net, net.with_suffix(".dpt"), source


def small_net(classes=10):
    """A net that reads 28 x 28 pictures and was trained by nobody knows what."""
    encoder = data.ImageEncoder(width=28, height=28)
    net = nn.Sequential([nn.Flatten(), nn.Linear(classes), nn.Softmax()], encoder.shape)
    return nn.Model(net.initialize(0), encoder=encoder, decoder=data.ClassDecoder(range(classes)))


def test_commands_take_the_data_that_the_net_was_trained_on(saved, cli, tmp_path):
    """Before, they took MNIST, whose pictures and classes fit this net too."""
    net, program, source = saved
    wanted = program.read_bytes()
    code, _, notes = cli("quantize", net)
    said = f"no --data: {source}, as in training: "
    assert (code, notes) == (0, f"{said}48 examples, the part that the net was trained on\n")
    assert program.read_bytes() == wanted
    for file in (net, program):
        code, out, notes = cli("measure", file, "--json")
        assert (code, notes) == (0, f"{said}12 examples, the fifth that training did not see\n")
        assert json.loads(out)["n"] == 12
        assert out == cli("measure", file, "--data", source, "--json")[1]
    for words in (["verify", program], ["export", program, "--out", tmp_path / "c"]):
        code, _, notes = cli(*words)
        assert (code, notes.startswith(said)) == (0, True), words
    code, _, notes = cli("diff", net, program)
    assert notes.startswith(said)
    further = ["--net", net, "--epochs", 1, "--out", tmp_path / "b.npz"]
    code, _, notes = cli("train", *further)
    assert (code, notes.startswith(said)) == (0, True)


def test_data_that_are_gone_or_have_changed_are_not_replaced_by_others(saved, refused):
    net, program, source = saved
    np.savez(source, x=X[::-1], y=np.arange(60) % 10)
    for file in (net, program):
        assert refused("measure", file) == (
            f"drypoint: {source} does not hold the data that the net was trained on, or they have "
            "changed: name the data, --data DATA\n"
        )
    source.unlink()
    for file in (net, program):
        assert refused("measure", file) == (
            f"drypoint: the net was trained on {str(source)!r}, which is not there: name its data, "
            "--data DATA\n"
        )


def test_a_net_of_unknown_data_asks_for_them(refused, cli, tmp_path):
    """Before, each of these took MNIST."""
    model = small_net()
    model.save(tmp_path / "net.npz")
    program = quant.quantize(model, quant.calibrate(model, X))
    program.save(tmp_path / "net.dpt")
    net, blob_file = tmp_path / "net.npz", tmp_path / "net.dpt"
    wanted = (
        "drypoint: the net's file does not say where the data are that the net was trained on: "
        "name its data, --data DATA\n"
    )
    for words in (
        *(["quantize", net], ["measure", net], ["measure", blob_file], ["diff", net, blob_file]),
        *(["report", net], ["report", blob_file], ["serve", net, "--out", tmp_path / "page"]),
        ["train", "--net", net, "--out", tmp_path / "b.npz"],
    ):
        assert refused(*words) == wanted, words
    code, _, notes = cli("export", blob_file, "--out", tmp_path / "c")
    assert (code, "the self-test of model has random inputs" in notes) == (0, True)


def test_a_data_set_with_a_name_is_known_by_its_digest():
    """So the files of older versions and of shipped models know theirs."""
    digest = data.cards()["digits"].digests["train"]
    for facts in ({"data": {"name": "x", "sha256": digest}}, {"recipe": {"data_sha256": digest}}):
        model = small_net().with_provenance(facts)
        assert known_source(model).text == "digits"
        options = {"name": "n", "provenance": {"model": facts}}
        program = quant.quantize(model, quant.calibrate(model, X), **options)
        assert known_source(blob.loads(blob.dumps(program))).text == "digits"


def test_a_file_of_a_sets_name_is_not_taken_for_the_set(saved, cli, tmp_path, monkeypatch):
    """The net was trained on the set; a path of its name is in the folder by chance."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist").write_bytes(saved[2].read_bytes())
    model = small_net().with_provenance(
        {"data": {"name": "mnist", "sha256": data.cards()["mnist"].digests["train"]}}
    )
    model.save("a.npz")
    code, _, notes = cli("measure", "a.npz", "--limit", 5)
    assert (code, notes) == (
        0,
        "no --data: mnist, as in training: 5 of 10,000 examples, its test part\n",
    )


@pytest.mark.parametrize(
    "facts",
    [
        {"source": "pictures.npz"},
        {"source": 3, "sha256": "0" * 64},
        {"source": "a\nb", "sha256": "0" * 64},
        {"source": "a" * 5000, "sha256": "0" * 64},
        {"source": "a\0b", "sha256": "0" * 64},
        {"sha256": []},
    ],
)
def test_a_hostile_provenance_names_no_data(facts):
    model = small_net().with_provenance({"data": facts})
    with pytest.raises(DrypointError, match=r"--data DATA$"):
        known_source(model)
