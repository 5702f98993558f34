"""Which examples a command reads without ``--data``: the net's training data, or none."""

import json

import numpy as np
import pytest
from wav_files import write_wav

from drypoint import data, nn, quant
from drypoint.cli._source import saved_source
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


def write_sound(path, frequency, *, rate):
    """Two seconds of a tone, 16 bits."""
    write_wav(path, np.sin(np.arange(2 * rate) * frequency / rate * 2 * np.pi) * 9000, rate)


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


def test_a_data_set_with_a_name_is_known_by_its_digest():
    """So the files of older versions and of shipped models know theirs."""
    digest = data.cards()["digits"].digests["train"]
    for facts in ({"data": {"name": "x", "sha256": digest}}, {"recipe": {"data_sha256": digest}}):
        model = small_net().with_provenance(facts)
        assert saved_source(model).text == "digits"
        options = {"name": "n", "provenance": {"model": facts}}
        program = quant.quantize(model, quant.calibrate(model, X), **options)
        assert saved_source(blob.loads(blob.dumps(program))).text == "digits"


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
        {"source": "a" * 300, "sha256": "0" * 64},
        {"source": "a\0b", "sha256": "0" * 64},
        {"sha256": []},
    ],
)
def test_a_hostile_provenance_names_no_data(facts):
    model = small_net().with_provenance({"data": facts})
    with pytest.raises(DrypointError, match=r"--data DATA$"):
        saved_source(model)


def test_a_clock_is_left_out_from_the_log_to_the_device(cli, refused, tmp_path):
    """The columns of a net are chosen by name: of other files too, where they stand elsewhere."""
    log, net, rng = tmp_path / "log.csv", tmp_path / "net.npz", np.random.default_rng(0)
    noise = rng.normal(size=(400, 2)).round(3).tolist()
    rows = [f"{20 * i},{a},{b},{'xy'[i // 200]}" for i, (a, b) in enumerate(noise)]
    log.write_text("\n".join(["t_ms,a,b,label", *rows]), "utf-8")
    quick = ["--window", 10, "--epochs", 1, "--augment", "none", "--net", "mlp:4", "--out", net]
    code, _, notes = cli("train", "--data", log, *quick)
    assert code == 0
    why = "only rises, only falls or is constant in each recording"
    assert f"{log}: left out, as each {why}: t_ms; --keep COLUMN takes one\n" in notes
    assert "40 signals of 10 steps x 2 channels" in notes
    assert nn.load(net).encoder.columns == ("a", "b")
    assert cli("quantize", net)[0] == 0
    code, _, notes = cli("measure", net.with_suffix(".dpt"))
    assert (code, notes) == (
        0, f"no --data: {log}, as in training: 8 examples, the part that training did not see\n"
    )  # fmt: skip
    some = tmp_path / "new.csv"
    some.write_text("b,t_ms,a\n" + "".join(f"{b},{i},{a}\n" for i, (a, b) in enumerate(noise)))
    plain = tmp_path / "plain.csv"
    plain.write_text("".join(f"{a},{b}\n" for a, b in noise))
    said = [cli("run", "--model", net, file, "--json")[1] for file in (some, plain)]
    probabilities = [
        [answer["probabilities"] for answer in json.loads(text)["answers"]] for text in said
    ]
    assert probabilities[0] == probabilities[1]
    assert len(probabilities[0]) == 40
    some.write_text("t_ms,a\n" + "1,2\n" * 20)
    assert "new.csv has no column 'b'; its columns: t_ms, a" in refused("run", "--model", net, some)
    code, _, notes = cli("train", "--data", log, *quick, "--keep", "t_ms")
    assert (code, "signals of 10 steps x 3 channels" in notes) == (0, True)
    assert "--keep is for folders and files" in refused("train", "--data", "mnist", "--keep", "a")


def test_sounds_of_another_rate_are_refused_at_every_command(cli, refused, tmp_path):
    sounds, net = tmp_path / "sounds", tmp_path / "net.npz"
    for name, frequency in (("low", 100), ("high", 300)):
        for k in range(5):
            write_sound(sounds / name / f"{k}.wav", frequency + k, rate=2000)
    quick = ["--epochs", 1, "--augment", "none", "--net", "mlp:4", "--out", net]
    code, _, notes = cli("train", "--data", sounds, "--window", 400, *quick)
    assert (code, "int16, 2,000 steps a second; " in notes) == (0, True)
    program, page = net.with_suffix(".dpt"), tmp_path / "page.html"
    assert cli("quantize", net)[0] == 0
    assert cli("export", program, "--out", tmp_path / "c")[0] == 0
    assert "#define NET_SAMPLE_RATE  2000 " in (tmp_path / "c/net.h").read_text("utf-8")
    code, said, _ = cli("report", program, "--out", page, "--json")
    assert json.loads(said)["program"]["sample_rate"] == 2000
    assert "2,000 time steps a second" in page.read_text("utf-8")
    other = tmp_path / "other"
    for name in ("low", "high"):
        write_sound(other / name / "a.wav", 200, rate=4000)
    text = "4,000 steps a second, the net reads 2,000: convert"
    for file in (net, program):
        assert text in refused("measure", file, "--data", other)
        assert text in refused("run", "--model", file, other / "low/a.wav")
    write_sound(sounds / "low/9.wav", 100, rate=4000)
    assert "several sample rates" in refused("train", "--data", sounds, "--window", 400, *quick)
