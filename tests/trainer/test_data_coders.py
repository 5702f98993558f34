"""Class, boolean and function coders against closed forms and plain loops."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drypoint.data import (
    BooleanDecoder,
    BooleanEncoder,
    ClassDecoder,
    ClassEncoder,
    CoderError,
    FunctionEncoder,
    ImageDecoder,
    ImageEncoder,
    UnknownClassError,
    decoder_from_config,
    encoder_from_config,
)

_FOOD = ("hot dog", "not hot dog", "soup")
_VECTORS = st.lists(st.integers(0, 20), min_size=3, max_size=3).filter(any)


def _probabilities(weights):
    return np.array(weights) / sum(weights)


def test_labels_become_indices_from_zero():
    encoder = ClassEncoder(_FOOD)
    assert encoder("soup").tolist() == 2
    assert encoder(["soup", "hot dog"]).tolist() == [2, 0]
    assert encoder(np.array(["soup", "hot dog"])).tolist() == [2, 0]
    assert encoder([]).shape == (0,)
    assert encoder("soup").dtype == encoder([]).dtype == encoder.dtype == np.int64
    assert encoder("soup").shape == encoder.shape == ()
    assert ClassEncoder((30, 10))(np.array([10, 30])).tolist() == [1, 0]
    assert ClassEncoder((30, 10))(np.int16(10)).tolist() == 1


def test_labels_become_indicator_vectors():
    encoder = ClassEncoder(_FOOD, "onehot")
    assert encoder.shape == (3,)
    assert encoder("soup").tolist() == [0, 0, 1]
    assert encoder(["soup", "hot dog"]).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert encoder("soup").dtype == encoder.dtype == np.float32
    assert encoder([]).shape == (0, 3)


@pytest.mark.parametrize("label", ["pizza", 1, 1.0, None, ["soup"]])
def test_an_unknown_label_lists_the_classes(label):
    with pytest.raises(KeyError) as caught:
        ClassEncoder(_FOOD)([label])
    assert isinstance(caught.value, UnknownClassError)
    expected = f"{label!r} is not one of the 3 classes: 'hot dog', 'not hot dog', 'soup'"
    assert str(caught.value) == expected


@pytest.mark.parametrize("label", [1.0, True, "1"])
def test_what_only_equals_a_class_is_not_that_class(label):
    with pytest.raises(UnknownClassError):
        ClassEncoder((0, 1))(label)


def test_many_classes_are_listed_in_part():
    with pytest.raises(UnknownClassError, match=r"100 classes: 0, 1, .*, 19, \.\.\.$"):
        ClassEncoder(range(100))(100)


@given(_VECTORS)
def test_decision_and_order_are_those_of_a_stable_sort(weights):
    p = _probabilities(weights)
    decoder = ClassDecoder(_FOOD)
    ranked = sorted(zip(_FOOD, p.tolist(), strict=True), key=lambda pair: -pair[1])
    assert decoder(p) == decoder.decision(p) == ranked[0][0]
    assert decoder.top(p) == ranked
    assert decoder.top(p, 2) == ranked[:2]
    assert decoder.top_classes(p, 2) == [name for name, _ in ranked[:2]]
    assert decoder.probabilities(p) == dict(zip(_FOOD, p.tolist(), strict=True))
    assert decoder.probability(p, "soup") == p[2]


def test_ties_go_to_the_lowest_index():
    assert ClassDecoder(_FOOD)([0.2, 0.4, 0.4]) == "not hot dog"
    assert ClassDecoder(_FOOD).top_classes([0.4, 0.2, 0.4], 3) == ["hot dog", "soup", "not hot dog"]


@given(st.lists(_VECTORS, min_size=1, max_size=4))
def test_a_batch_is_its_vectors_one_by_one(rows):
    batch = np.array([_probabilities(row) for row in rows])
    decoder = ClassDecoder(_FOOD, reject_below=0.5)
    assert decoder(batch) == [decoder(p) for p in batch]
    assert decoder.top(batch, 2) == [decoder.top(p, 2) for p in batch]
    assert decoder.top_classes(batch, 2) == [decoder.top_classes(p, 2) for p in batch]
    assert decoder.probabilities(batch) == [decoder.probabilities(p) for p in batch]
    assert decoder.entropy(batch).tolist() == [decoder.entropy(p) for p in batch]
    assert decoder.probability(batch, "soup").tolist() == batch[:, 2].tolist()


def test_an_unsure_answer_is_rejected():
    decoder = ClassDecoder(_FOOD, reject_below=0.5)
    assert decoder([[0.5, 0.3, 0.2], [0.49, 0.31, 0.2]]) == ["hot dog", None]


def test_entropy_has_its_closed_forms():
    """Uniform over n: log n. One certain: 0. A half and two quarters: 1.5 bits, exactly."""
    assert ClassDecoder().entropy(np.full(10, 0.1)) == pytest.approx(math.log(10), rel=1e-15)
    assert ClassDecoder(_FOOD).entropy([0.0, 1.0, 0.0]) == 0.0
    assert math.copysign(1, ClassDecoder(_FOOD).entropy([0.0, 1.0, 0.0])) == 1
    assert ClassDecoder(_FOOD).entropy([0.5, 0.25, 0.25], base=2) == pytest.approx(1.5, rel=1e-15)


def test_wrong_vectors_are_one_line():
    decoder = ClassDecoder()
    with pytest.raises(CoderError, match=r"10 probabilities.* not an array of shape \(9,\)"):
        decoder(np.ones(9))
    with pytest.raises(CoderError, match=r"\(1, 1, 10\)"):
        decoder(np.ones((1, 1, 10)))
    for value in (np.nan, np.inf):
        with pytest.raises(CoderError, match="finite"):
            decoder.top(np.full(10, value))
    with pytest.raises(CoderError, match=r"least value is -0\.1"):
        decoder.entropy([-0.1] + [0.1] * 9)
    with pytest.raises(CoderError, match="base"):
        decoder.entropy(np.full(10, 0.1), base=1)
    for k in (0, 11):
        with pytest.raises(CoderError, match=f"k is {k}, not 1 to 10"):
            decoder.top(np.full(10, 0.1), k)
    with pytest.raises(UnknownClassError, match="'soup' is not one of the 10 classes"):
        decoder.probability(np.full(10, 0.1), "soup")


def test_the_named_properties_are_methods():
    decoder = ClassDecoder(_FOOD)
    p = [0.5, 0.3, 0.2]
    answers = {name: getattr(decoder, name) for name in decoder.properties}
    assert answers["decision"](p) == "hot dog"
    assert list(answers) == [
        "decision", "top", "top_classes", "probability", "probabilities", "entropy",
    ]  # fmt: skip
    assert BooleanDecoder().properties == ("decision", "probability", "entropy")
    assert ImageDecoder().properties == ()


def test_encoder_of_a_decoder_is_its_inverse():
    decoder = ClassDecoder(_FOOD)
    for index, label in enumerate(_FOOD):
        assert decoder(np.eye(3)[index]) == label
        assert decoder.encoder()(label) == index
    assert BooleanDecoder()(BooleanDecoder().encoder()([True, False])) == [True, False]


def test_booleans():
    encoder = BooleanEncoder()
    assert encoder([True, False, True]).tolist() == [1, 0, 1]
    assert encoder(True).shape == encoder.shape == ()
    assert encoder(True).dtype == encoder.dtype == np.float32
    for wrong in (1, [0, 1], "yes", [[True]]):
        with pytest.raises(CoderError):
            encoder(wrong)
    decoder = BooleanDecoder(0.25)
    assert decoder([0.2499, 0.25, 1.0]) == [False, True, True]
    assert decoder(0.25) is True
    assert decoder.probability(0.3) == 0.3
    assert decoder.probability([0.3, 1]).tolist() == [0.3, 1]
    assert decoder.entropy(0.5, base=2) == 1.0
    assert decoder.entropy([0.0, 1.0]).tolist() == [0, 0]
    for p in (-0.1, 1.1, np.nan, [[0.5]]):
        with pytest.raises(CoderError):
            decoder(p)
    with pytest.raises(CoderError):
        decoder.entropy(0.5, base=0.5)


def test_a_function_encodes_but_cannot_be_saved():
    encoder = FunctionEncoder(lambda text: [len(text), text.count("a")], (2,))
    assert encoder("banana").tolist() == [6, 3]
    assert encoder(["banana", "x"]).tolist() == [[6, 3], [1, 0]]
    assert encoder([]).shape == (0, 2)
    assert encoder("x").dtype == encoder.dtype == np.float32
    with pytest.raises(CoderError, match=r"gave shape \(3,\); wanted \(2,\), the encoder's shape"):
        FunctionEncoder(lambda _: [1, 2, 3], (2,))("x")
    with pytest.raises(CoderError, match="cannot be saved"):
        encoder.config()


@pytest.mark.parametrize(
    "encoder",
    [
        ImageEncoder(width=5, height=3),
        ImageEncoder(width=5, height=3, color="rgb", resize="fit", mean=(0.1, 0.2, 0.3), std=0.5),
        ClassEncoder(),
        ClassEncoder(_FOOD, "onehot"),
        BooleanEncoder(),
    ],
)
def test_encoders_survive_json(encoder):
    assert encoder_from_config(json.loads(json.dumps(encoder.config()))) == encoder


@pytest.mark.parametrize(
    "decoder",
    [
        ImageDecoder("rgb", mean=0.5, std=(1.0, 2.0, 3.0)),
        ClassDecoder(_FOOD, reject_below=0.25),
        ClassDecoder((3, "three")),
        BooleanDecoder(0.75),
    ],
)
def test_decoders_survive_json(decoder):
    assert decoder_from_config(json.loads(json.dumps(decoder.config()))) == decoder


@pytest.mark.parametrize("read", [encoder_from_config, decoder_from_config])
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"type": "audio"},
        {"type": ["image"]},
        {"type": "class"},
        {"type": "boolean", "extra": 1},
        {"type": "class", "classes": None, "form": "index"},
        {"type": "class", "classes": None, "reject_below": 0.0},
        {"type": "class", "classes": [1, 2], "reject_below": 2},
        {"type": "boolean", "threshold": "high"},
        {"type": "image", "color": 3, "mean": None, "std": None},
        "image",
        None,
    ],
)
def test_bad_configs_are_one_line(read, config):
    with pytest.raises(CoderError):
        read(config)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ClassEncoder(()),
        lambda: ClassEncoder(("a", "a")),
        lambda: ClassEncoder("abc"),
        lambda: ClassEncoder(_FOOD, "multilabel"),
        lambda: ClassDecoder(_FOOD, reject_below=1.5),
        lambda: ClassDecoder((1.5,)),
        lambda: BooleanDecoder(-0.1),
        lambda: ImageDecoder("cmyk"),
        lambda: ImageDecoder(std=0),
    ],
)
def test_settings_are_checked(make):
    with pytest.raises(CoderError):
        make()
