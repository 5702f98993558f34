"""Data sets and encoders of signals, against values and windows computed by hand."""

import json

import numpy as np
import pytest

from drypoint import baselines, data, measure, nn, plot, train
from drypoint.data import CoderError, Dataset, DatasetError, SignalEncoder

STEPS = np.arange(24, dtype=np.float32).reshape(2, 4, 3)  # 2 signals of 4 steps x 3 channels


def test_a_data_set_of_signals_and_its_views():
    ds = Dataset(STEPS, ["walk", "run"])
    assert ds.is_signals
    assert ds.signal_size == (4, 3)
    assert repr(ds) == ("Dataset(2 signals of 4 steps x 3 channels, float32; 2 classes: run, walk)")
    signal, label = ds[0]
    assert (signal.tolist(), label) == (STEPS[0].tolist(), "walk")
    assert ds.take([1]).x.tolist() == [STEPS[1].tolist()]
    with pytest.raises(ValueError, match="read-only"):
        ds.x[0] = 0
    with pytest.raises(DatasetError, match="have a signal_size"):
        _ = ds.image_size
    with pytest.raises(DatasetError, match="have an image_size"):
        _ = Dataset(np.zeros((1, 4, 4), np.uint8), [0]).signal_size


def test_floats_become_float32_and_counts_stay_counts():
    wide = Dataset(STEPS.astype(np.float64) * (1 + 1e-12), [0, 1])
    assert wide.x.dtype == np.float32
    assert wide.x.tolist() == STEPS.tolist()
    counts = Dataset(STEPS.astype(np.int16), [0, 1])
    assert counts.x.dtype == np.int16
    one_channel = Dataset(np.zeros((5, 8), np.int16), [0, 1, 0, 1, 0])
    assert repr(one_channel) == (
        "Dataset(5 signals of 8 steps x 1 channel, int16; 2 classes: 0, 1)"
    )


def test_the_digest_is_of_the_samples_their_type_and_their_shape():
    floats = Dataset(STEPS, [0, 1])
    assert floats.digest() == Dataset(STEPS.astype(np.float64), [0, 1]).digest()
    others = [
        Dataset(STEPS + 1, [0, 1]),
        Dataset(STEPS.astype(np.int16), [0, 1]),
        Dataset(STEPS.transpose(0, 2, 1), [0, 1]),
    ]
    assert len({floats.digest(), *(ds.digest() for ds in others)}) == 4


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 3, 4, 5), np.float32), "images must be uint8"),
        (np.zeros(2, np.float32), r"\(N, steps, channels\)"),
        (np.full((2, 3), np.nan), "NaN, infinity or a number beyond float32"),
        (np.full((2, 3), 1e39), "NaN, infinity or a number beyond float32"),
        (np.zeros((2, 3), np.int32), "signals int16 or floats, not int32"),
        (np.zeros((2, 0), np.float32), "no signals"),
        (np.full((2, 28, 28), 200.0), "give pixels as uint8"),
        (np.zeros((3, 4), np.float32), "3 signals but 2 labels"),
    ],
)
def test_what_is_no_signal_is_refused_in_one_line(x, message):
    with pytest.raises(DatasetError, match=message):
        Dataset(x, [0, 1])


def test_values_less_mean_by_deviation_channels_first():
    encoder = SignalEncoder(window=4, channels=3, mean=(0, 1, 2), std=2)
    found = encoder(STEPS)
    assert found.dtype == np.float32
    assert found.shape == (2, *encoder.shape) == (2, 3, 4)
    for n, t, c in np.ndindex(2, 4, 3):
        assert found[n, c, t] == (STEPS[n, t, c] - c) / 2
    assert np.array_equal(encoder(STEPS[0]), found[0])
    assert np.array_equal(encoder(list(STEPS)), found)
    clipped = SignalEncoder(window=4, channels=3, clip=3.5)(STEPS)
    assert clipped.max() == 3.5


def test_counts_are_times_their_real_value():
    encoder = SignalEncoder(window=2, mean=1.0, std=0.5, count=1 / 16384)
    counts = np.array([[16384, -32768]], np.int16)
    assert encoder(counts).tolist() == [[[0.0, -6.0]]]
    assert encoder(counts[0]).shape == (1, 2)
    assert encoder(counts[..., None]).tolist() == encoder(counts).tolist()
    assert encoder(np.array([1.0, -2.0])).tolist() == [[0.0, -6.0]]


def test_mean_and_deviation_of_the_data():
    x = np.random.default_rng(0).normal([1, 5, 7], [1, 2, 0], (50, 20, 3))
    encoder = SignalEncoder.from_data(Dataset(x, np.arange(50) % 2), clip=4)
    rows = x.astype(np.float32).astype(np.float64).reshape(-1, 3)
    assert encoder.mean == tuple(rows.mean(0))
    assert encoder.std == (*rows.std(0)[:2], 1.0)  # the last channel does not vary
    assert (encoder.window, encoder.channels, encoder.clip) == (20, 3, 4)
    counts = SignalEncoder.from_data(np.array([[-200, 200]], np.int16), count=0.01)
    assert (counts.mean, counts.std) == ((0.0,), (2.0,))


def test_a_fixed_range_becomes_minus_one_to_one():
    encoder = SignalEncoder.from_range(-2, 6, window=5)
    assert encoder(np.array([-2.0, 2, 6, 7, -100])).tolist() == [[-1, 0, 1, 1, -1]]
    each = SignalEncoder.from_range((-1, 0), (1, 4), window=1, channels=2)
    assert each(np.array([[-1.0, 4.0]])).tolist() == [[-1], [1]]
    with pytest.raises(CoderError, match="low must be below high"):
        SignalEncoder.from_range(1, 1, window=5)


def test_windows_of_a_recording_every_hop():
    recording = np.arange(10.0)
    touching = SignalEncoder(window=4).windows(recording)
    assert touching[..., 0].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    overlapping = SignalEncoder(window=4, hop=3).windows(recording.astype(np.int16))
    assert overlapping.dtype == np.int16
    assert overlapping[..., 0].tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    two = SignalEncoder(window=2, channels=2).windows(np.arange(8.0).reshape(4, 2))
    assert two.tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    for wrong, message in (
        (np.zeros(3), "3 steps has no window of 4"),
        (np.zeros((9, 2)), r"\(steps, 1\)"),
        (np.zeros(9, np.int32), "not int32"),
    ):
        with pytest.raises(CoderError, match=message):
            SignalEncoder(window=4).windows(wrong)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 3, 4)), "channels first; wanted: .* transpose"),
        (np.zeros((9, 3)), r"windows\(recording\)"),
        (np.zeros((2, 4, 2)), r"wanted: \(4, 3\)"),
        (np.zeros((4, 3), np.int32), "not int32"),
        (np.zeros((4, 3), np.uint8), "not uint8"),
        ([np.zeros(3), np.zeros(4)], "different lengths"),
        (np.full((4, 3), np.inf), "NaN, infinity or a number beyond float32"),
        ("walk", "floats or int16"),
    ],
)
def test_what_is_no_window_is_refused_in_one_line(x, message):
    with pytest.raises(CoderError, match=message):
        SignalEncoder(window=4, channels=3)(x)


@pytest.mark.parametrize(
    "settings",
    [
        {"window": 0},
        {"window": 65536},
        {"window": 2.0},
        {"channels": True},
        {"hop": 0},
        {"std": 0},
        {"std": (1, 2, 3)},
        {"mean": np.nan},
        {"clip": 0},
        {"clip": np.inf},
        {"clip": 10**400},
        {"count": -1},
        {"count": None},
    ],
)
def test_settings_have_ranges(settings):
    with pytest.raises(CoderError):
        SignalEncoder(**{"window": 4, "channels": 2, **settings})


def test_the_config_survives_json():
    for encoder in (
        SignalEncoder(window=4),
        SignalEncoder(window=4, channels=2, hop=1, mean=(1, 2), std=3, clip=4, count=0.5),
    ):
        config = json.loads(json.dumps(encoder.config()))
        assert data.encoder_from_config(config) == encoder


def test_a_model_encodes_every_window_also_of_the_shape_of_an_encoded_one():
    """(1, 4) is a batch of one signal of one channel, and the shape of an encoded window."""
    encoder = SignalEncoder(window=4, mean=1, std=2)
    net = nn.Sequential([nn.Flatten(), nn.Linear(2)], (1, 4)).initialize(0)
    model = nn.Model(net, encoder=encoder)
    x = np.arange(1200, dtype=np.float32).reshape(300, 4)
    assert np.array_equal(model.encode(x[:1]), encoder(x[:1]))
    whole = model.predict_proba(x, batch_size=7)
    assert np.array_equal(whole, np.concatenate([model.predict_proba(one[None]) for one in x]))
    assert model.predict_proba(x[0]).shape == (2,)
    assert nn.loads(model.dumps()).encoder == encoder


def test_fit_gives_a_net_the_encoder_of_a_data_set_of_signals():
    r = np.random.default_rng(0)
    x = r.normal(3, 2, (60, 8, 2))
    ds = Dataset(x, (x[:, :, 0].mean(1) > 3).astype(int))
    net = nn.Sequential([nn.Flatten(), nn.Linear(2), nn.Softmax()])
    result = train.fit(net, ds, epochs=1, validation_split=0, progress="none")
    assert result.model.encoder == SignalEncoder.from_data(ds)
    assert result.model.input_shape == (2, 8)


def test_signals_are_no_pictures():
    """A measurement of signals has no images to show, and no picture shows them as such."""
    ds = Dataset(STEPS, ["walk", "run"])
    found = measure.measure(lambda x: np.full((len(x), 2), 0.5), ds)
    assert [example.image for example in found.worst(2)] == [None, None]
    with pytest.raises(plot.PlotError, match="are signals, which are no images"):
        plot.examples(ds)
    with pytest.raises(baselines.BaselineError, match="data are signals"):
        baselines.auto(ds, time_limit=1)
