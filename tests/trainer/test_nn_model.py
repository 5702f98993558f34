"""Models: a net with an encoder and a decoder."""

import pickle

import numpy as np
import pytest
from PIL import Image

from drypoint import data, nn
from drypoint.common import DrypointError


def tiny(**parts):
    """Images of 5 wide and 3 high to one of three classes."""
    net = nn.Sequential([nn.Flatten(), nn.Linear(3), nn.Softmax()], (1, 3, 5)).initialize(1)
    parts = {
        "encoder": data.ImageEncoder(width=5, height=3),
        "decoder": data.ClassDecoder(["a", "b", "c"]),
        **parts,
    }
    return nn.Model(net, **parts)


def pictures(n=5):
    return np.random.default_rng(0).integers(0, 256, (n, 3, 5), dtype=np.uint8)


def test_a_model_is_encode_apply_decode():
    model, images = tiny(), pictures()
    encoded = model.encoder(images)
    assert encoded.shape == (5, 1, 3, 5)
    probabilities = model.net(encoded)
    np.testing.assert_array_equal(model.predict_proba(images), probabilities)
    assert model(images) == model.decoder(probabilities)
    assert model(images[0]) == model(images)[0]
    assert model.top(images[0], 2) == model.decoder.top(model.net(encoded[0]), 2)
    assert model.top(images) == model.decoder.top(probabilities)


def test_every_kind_of_image_gives_the_same_answer():
    model, images = tiny(), pictures()
    expected = model.predict_proba(images)
    for same in (
        list(images),
        [Image.fromarray(image) for image in images],
        images / np.float32(255),
        model.encode(images),
        list(model.encode(images)),
        tuple(model.encode(images)),
    ):
        np.testing.assert_array_equal(model.predict_proba(same), expected)
    np.testing.assert_array_equal(model.predict_proba(list(images / 255)), expected)
    one = Image.fromarray(images[0])
    # One row instead of five: the matrix product may sum 15 float32 terms in another order.
    np.testing.assert_allclose(model.predict_proba(one), expected[0], rtol=15 * 2**-23)
    assert model(one) == model(images)[0]
    assert model(model.encode(images[0])) == model(images)[0]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 5, 256])
def test_batches_do_not_matter(batch_size):
    """Rows of 15 float32 terms, summed in an order that depends on the batch."""
    model, images = tiny(), pictures()
    expected = model.predict_proba(images)
    for x in (images, list(images), model.encode(images), list(model.encode(images))):
        y = model.predict_proba(x, batch_size=batch_size)
        np.testing.assert_allclose(y, expected, rtol=15 * 2**-23)
    # One image has more rows and columns than a batch of one has images.
    np.testing.assert_array_equal(
        model.predict_proba(images[0], batch_size=batch_size), model.predict_proba(images[0])
    )


def test_an_empty_batch():
    model = tiny()
    assert model.predict_proba(pictures(0)).shape == (0, 3)
    assert model(pictures(0)) == []


def test_without_ends_a_model_takes_and_gives_arrays():
    model = tiny(encoder=None, decoder=None)
    x = np.arange(15).reshape(1, 3, 5)
    np.testing.assert_array_equal(model(x), model.net(x))
    np.testing.assert_array_equal(model(x.tolist()), model.net(x))
    np.testing.assert_array_equal(model(np.stack([x, x])), model.net(np.stack([x, x])))
    batches = model.predict_proba(np.stack([x] * 5), batch_size=2)
    # Scores of about 10 from 15 float32 terms: an error of 1e-5 in each, so in each probability.
    np.testing.assert_allclose(batches, model.net(np.stack([x] * 5)), rtol=1e-5)
    with pytest.raises(nn.ModelError, match=r"top\(\) wants a decoder of classes"):
        model.top(x)
    with pytest.raises(nn.InputError, match="Model wants real numbers"):
        model("picture.png")


def test_a_layer_between_images():
    """Pooling 6x4 to 3x2: each output pixel is the largest of four."""
    encoder = data.ImageEncoder(width=6, height=4)
    model = nn.Model(nn.MaxPool2d(2), encoder=encoder, decoder=data.ImageDecoder())
    later = nn.Model(nn.MaxPool2d(2)).with_encoder(encoder).with_decoder(encoder.decoder())
    image = np.arange(24, dtype=np.uint8).reshape(4, 6)
    for one in (model, later):
        assert np.asarray(one(image)).tolist() == [[7, 9, 11], [19, 21, 23]]
        assert np.asarray(one(Image.fromarray(image))).tolist() == [[7, 9, 11], [19, 21, 23]]
    assert later.with_encoder(None).encoder is None


def test_a_property_of_the_decoder_as_the_second_argument():
    """The decoder's own methods on the net's output."""
    model, image = tiny(), pictures()[0]
    p = model.predict_proba(image)
    assert model(image, "top_probabilities") == model(image, "top") == model.top(image)
    assert model(image, "top", 2) == model.top(image, 2)
    assert model(image, "probability", "b") == model.decoder.probability(p, "b")
    assert model(image, "probabilities") == model.decoder.probabilities(p)
    assert model(image, "entropy") == model.decoder.entropy(p)
    assert model(image, "decision") == model(image)
    assert model(pictures(), "top", 1) == model.top(pictures(), 1)
    assert len(model(pictures(), "top_classes", 2)) == 5


@pytest.mark.parametrize(
    ("parts", "call", "text"),
    [
        ({}, ("classes",), "has no property 'classes'; there are decision, top, "),
        ({}, ("__class__",), "has no property '__class__'"),
        ({}, ("probability",), "'probability' takes other arguments: missing .* 'label'"),
        ({}, ("top", 1, 2), "'top' takes other arguments: too many"),
        ({"decoder": None}, ("top",), "the decoder None has no property 'top'$"),
    ],
)
def test_other_properties_are_refused(parts, call, text):
    with pytest.raises(nn.ModelError, match=text):
        tiny(**parts)(pictures()[0], *call)


def test_notebooks_show_a_model_with_everything_escaped():
    page = tiny(decoder=data.ClassDecoder(["<b>", "&", "c"]))._repr_html_()
    assert "<td" in page
    assert "Linear" in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "ImageEncoder" in page


def test_the_encoder_settles_open_sizes():
    open_net = nn.Sequential([nn.Flatten(), nn.Linear(3)])
    model = nn.Model(open_net, encoder=data.ImageEncoder(width=5, height=3))
    assert model.net.input_shape == (1, 3, 5)
    assert model.net.initialize().initialized
    assert open_net.input_shape is None


def test_parts_are_replaced_in_a_new_model():
    model = tiny(provenance={"seed": 1})
    other = model.with_decoder(None).with_encoder(None).with_provenance({"seed": 2})
    assert model.decoder is not None
    assert model.encoder is not None
    assert other.decoder is None
    assert other.encoder is None
    assert other.net is model.net
    assert (dict(model.provenance), dict(other.provenance)) == ({"seed": 1}, {"seed": 2})
    changed = model.with_net(model.net.initialize(7, overwrite=True))
    assert changed.encoder is model.encoder
    assert changed.predict_proba(pictures()).tolist() != model.predict_proba(pictures()).tolist()
    with pytest.raises(AttributeError):
        model.net = other.net
    with pytest.raises(TypeError):
        model.provenance["seed"] = 3


def test_provenance_is_a_copy():
    facts = {"runs": [1]}
    model = tiny(provenance=facts)
    facts["runs"].append(2)
    assert dict(model.provenance) == {"runs": [1]}
    assert repr(model.provenance) == "{'runs': [1]}"


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(nn.ShapeError, match=r"Sequential wants \(1, 3, 5\), got \(1, 5, 3\)"):
        tiny(encoder=data.ImageEncoder(width=3, height=5))
    with pytest.raises(nn.ModelError, match="wants a net"):
        nn.Model(data.ImageEncoder(width=3, height=5))
    for facts in ({"x": object()}, {"x": float("nan")}):
        with pytest.raises(nn.ModelError, match="JSON"):
            tiny(provenance=facts)
    with pytest.raises(nn.ModelError, match="batch_size is at least 1, got 0"):
        tiny().predict_proba(pictures(), batch_size=0)
    with pytest.raises(DrypointError):
        tiny()("no such file.png")
    with pytest.raises(nn.NotInitializedError, match="at path 'fc'"):
        nn.Model(nn.Sequential({"fc": nn.Linear(1)}, (2,)))(np.zeros(2, np.float32))


def test_models_can_be_pickled_for_other_processes():
    model = tiny(provenance={"seed": 1})
    again = pickle.loads(pickle.dumps(model))
    assert again.dumps() == model.dumps()


def test_predict_is_calling_some_at_a_time():
    model, images = tiny(), pictures()
    assert model.predict(images, batch_size=2) == model(images)
    assert model.predict(images[0]) == model(images[0])
    with pytest.raises(nn.ModelError, match="batch_size is at least 1"):
        model.predict(images, batch_size=0)
