"""The shipped models equal their cards."""

import json

import numpy as np
import pytest

from drypoint import data, engine, measure, models, nn
from drypoint.common import DrypointError, sha256
from drypoint.models import _shipped
from drypoint.program import reference


@pytest.fixture(scope="module")
def digits():
    return data.load("mnist", "test")


@pytest.fixture(scope="module", params=models.names())
def card(request):
    return models.card(request.param)


def test_lenet_is_shipped():
    assert models.names() == ("lenet-mnist",)


def test_the_float_model_is_as_good_as_its_card_says(card, digits):
    """Oracle: the labels. To the image: the sum of 10,000 decisions has no tolerance."""
    measured = measure.measure(models.load(card.name), digits)
    assert (measured.correct, measured.n) == (card.float_score.correct, card.float_score.n)
    assert measured.accuracy_interval == card.float_score.interval


def test_the_integer_program_is_as_good_as_its_card_says(card, digits):
    """Oracle: the labels, and for the two together the count of images decided otherwise."""
    integers = measure.measure(engine.Engine(models.load_program(card.name)), digits)
    score = card.integer_score
    assert (integers.correct, integers.n, integers.accuracy_interval) == (
        score.correct,
        score.n,
        score.interval,
    )
    said = models.load(card.name).predict_proba(digits.x[:1000]).argmax(axis=1)
    differ = np.count_nonzero(said != integers.predicted[:1000])
    assert differ <= card.disagreements


def test_the_engine_runs_the_program_to_the_byte(card, digits):
    program = models.load_program(card.name)
    images = digits.x[:300]
    np.testing.assert_array_equal(
        engine.Engine(program).run(images), reference.run(program, images).reshape(300, -1)
    )


def test_it_takes_pictures_and_answers_in_digits(card, digits):
    model = models.load(card.name)
    image, label = digits[0]
    assert model(image) == label
    assert model.top(image, 1)[0][0] == label


def test_the_card_has_the_files_hashes(card):
    model, program = models.load(card.name), models.load_program(card.name)
    info = model.net.info()
    assert (card.parameters, card.macs) == (info.n_params, info.macs) == (431_080, program.macs)
    assert card.layers == tuple(layer.kind for layer in info.layers)
    assert card.arena_bytes == program.arena_size
    assert card.classes == program.labels == tuple(map(str, model.decoder.classes))
    sizes = {".npz": card.float_bytes, ".dpt": card.program_bytes}
    for suffix, size in sizes.items():
        content = (_shipped._FOLDER / f"{card.name}{suffix}").read_bytes()
        assert (len(content), sha256(content)) == (size, card.sha256[suffix])


def test_the_card_has_the_datas_hash(card, digits):
    assert card.data["test_sha256"] == digits.digest()
    assert card.data["train_sha256"] == data.load("mnist", "train").digest()
    assert card.recipe == models.load(card.name).provenance["recipe"]
    assert 0 < card.recipe["validation"] < card.data["train"]


def test_the_card_as_json_and_as_text(card):
    assert models.ModelCard.from_json(card.to_json()) == card
    text = str(card)
    assert text.startswith("lenet-mnist\n")
    assert max(map(len, text.splitlines())) <= 100
    for part in ("431,080 parameters", "95 % interval", "Apache-2.0", "make model", "seed 0"):
        assert part in text


@pytest.mark.parametrize("function", [models.load, models.load_program, models.card])
@pytest.mark.parametrize("name", ["lenet", "../lenet-mnist", "", "LENET-MNIST"])
def test_an_unknown_name_lists_the_known_ones(function, name):
    with pytest.raises(models.UnknownModelError) as caught:
        function(name)
    assert str(caught.value) == f"no shipped model is called {name!r}; there are: lenet-mnist"


def test_a_file_that_was_changed_is_refused(card, tmp_path, monkeypatch):
    for suffix in (".json", ".npz", ".dpt"):
        content = (_shipped._FOLDER / f"{card.name}{suffix}").read_bytes()
        changed = content if suffix == ".json" else content[:-1] + bytes([content[-1] ^ 1])
        (tmp_path / f"{card.name}{suffix}").write_bytes(changed)
    monkeypatch.setattr(_shipped, "_FOLDER", tmp_path)
    for function in (models.load, models.load_program):
        with pytest.raises(DrypointError, match="install drypoint again"):
            function(card.name)


def test_an_untrained_net_of_the_same_layers_is_at_hand(card):
    """PRE-04: the topology without values."""
    net, shipped = nn.lenet(), models.load(card.name).net
    assert not net.initialized
    assert json.dumps(net.config()) == json.dumps(shipped.config())


@pytest.mark.parametrize(
    ("suffix", "writer"),
    {".tflite": "interop.to_tflite", ".onnx": "interop.to_onnx", ".C": "engine.export_c"}.items(),
)
def test_a_file_named_as_another_format_is_refused(tmp_path, suffix, writer):
    """Before, ``save("p.tflite")`` wrote a blob under that name."""
    path = tmp_path / f"p{suffix}"
    for saved, own in (
        (models.load_program("lenet-mnist"), ".dpt"),
        (models.load("lenet-mnist"), ".npz"),
    ):
        other = {".dpt": ".npz", ".npz": ".dpt"}[own]
        for wrong, words in ((path, writer), (path.with_suffix(other), "save writes it")):
            with pytest.raises(DrypointError, match=f"name it {own}; .*{words}"):
                saved.save(wrong)
        saved.save(tmp_path / f"p{own}.tmp")
    assert not path.exists()
