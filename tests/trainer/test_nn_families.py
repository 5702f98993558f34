"""Nets by family and sizes: every family trains, becomes integers and C; bad names are refused."""

import numpy as np
import pytest
from same_values import check_engine

from drypoint import data, engine, nn, quant, train

PICTURES = {  # as small as the family allows
    "cnn": ("cnn:4,8", 8),
    "lenet": ("lenet:3,4,8", 16),
    "lenet5": ("lenet5:3,4,8,6", 12),
    "grid-cnn": ("grid-cnn:4,4,6,4", 16),
    "mlp": ("mlp:8,6", 6),
    "ds-cnn": ("ds-cnn:4", 8),
    "resnet8": ("resnet8:4", 8),
    "mobilenet": ("mobilenet:4", 8),
    "mobilenet-v1": ("mobilenet-v1:2", 8),
    "squeezenet": ("squeezenet:4", 8),
    "dilated": ("dilated:4", 8),
    "autoencoder": ("autoencoder:8,1,3", 6),
    "unet": ("unet:4,6", 8),
}
SIGNALS = {
    "conv1d": ("conv1d:4,6", 12),
    "tcn": ("tcn:4,4,6", 12),
    "mixednet": ("mixednet:4", 12),
    "ds-conv1d": ("ds-conv1d:4", 12),
    "gru": ("gru:4,5", 12),
    "lstm": ("lstm:4", 12),
    "mlp": ("mlp:8,6", 5),
}
CAUSAL = ("tcn", "mixednet", "ds-conv1d")


def test_every_family_trains_quantizes_and_exports(tmp_path):
    """Oracle: the reference, on every byte of every layer."""
    assert {*PICTURES, *SIGNALS} == {name.partition(":")[0] for name in nn.families()}
    for family, (name, side) in PICTURES.items():
        rng = np.random.default_rng(0)
        x = rng.integers(0, 256, (40, side, side)).astype(np.uint8)
        encoder = data.ImageEncoder(width=side, height=side, mean=0.5, std=0.25)
        net = nn.create_net(name, input_shape=encoder.shape, classes=3)
        net.check_export()
        y, loss, decoder, size = rng.integers(0, 3, 40), None, data.ClassDecoder(range(3)), 3
        if family == "autoencoder":
            y, loss, decoder, size = encoder(x).reshape(len(x), -1), nn.MSELoss(), None, side**2
        elif family == "unet":
            y, size = rng.integers(0, 3, (40, side, side)), 3 * side**2
        elif family == "grid-cnn":
            y, loss = np.tile([2, 0.1, 0.1, 0.6, 0.7], (40, 1, 1)), nn.DetectionLoss(cells=True)
            decoder, size = None, 3 * 2 * 2
        model = nn.Model(net, encoder=encoder, decoder=decoder)
        model = train.fit(model, (x, y), epochs=1, loss=loss, progress="none").model
        program = quant.quantize(model, quant.calibrate(model, x))
        assert program.output_shape.size == size, name
        check_engine(program, x[:2], name)
        engine.export_c(program, x[:1], tmp_path / family, name="net")


def test_families_of_signals_train_quantize_and_export(tmp_path):
    """Oracle: as above; of real samples the program's own integers."""
    for family, (name, steps) in SIGNALS.items():
        rng = np.random.default_rng(0)
        examples = data.Dataset(rng.normal(size=(40, steps, 2)), rng.integers(0, 3, 40))
        encoder = data.SignalEncoder.from_data(examples)
        net = nn.create_net(name, input_shape=encoder.shape, classes=3)
        net.check_export()
        model = nn.Model(net, encoder=encoder, decoder=data.ClassDecoder(range(3)))
        model = train.fit(model, examples, epochs=1, progress="none").model
        program = quant.quantize(model, quant.calibrate(model, examples.x))
        assert family not in CAUSAL or program.streaming().is_streaming
        x = program.encode_recording(examples.x[0]) if program.is_streaming else None
        x = program.encode(examples.x[:3]) if x is None else x
        check_engine(program, x, name)
        engine.export_c(program, x[:1], tmp_path / family, name="net")


def test_sizes_follow_the_name():
    net = nn.create_net("mlp:64,32", input_shape=(10,), classes=4)
    assert [net[f"fc{i}"].out_features for i in (1, 2, 3)] == [64, 32, 4]
    same = nn.create_net("lenet", input_shape=(1, 28, 28), classes=10)
    assert same.config() == nn.lenet().config()
    for name in nn.families():  # with the default sizes
        short = name.partition(":")[0]
        shape = (2, 16) if short in SIGNALS else (1, 16, 16)
        nets = [nn.create_net(n, input_shape=shape, classes=3) for n in (name, short)]
        assert nets[0].config() == nets[1].config(), name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lenett", "knows no net 'lenett'; nets: cnn, lenet, "),
        ("lenet:1,2", "wants 3 sizes for lenet (channels of two convolutions, hidden units), as "),
        ("mlp:", "as mlp:64,32; got 'mlp:'"),
        ("mlp:64,a", "got 'mlp:64,a'"),
        ("cnn:0", "sizes from 1 to 4096"),
        ("cnn:" + ",".join("1" * 17), "at most 16 sizes"),
        ("lenet", "cannot make lenet for inputs 1x8x8: Conv2d at path 'conv2' got (20, 2, 2)"),
    ],
)
def test_names_that_make_no_net_are_one_line(name, message):
    with pytest.raises(nn.ConfigError, match=r"makes cnn for images .* nets for them: mlp, conv1d"):
        nn.create_net("cnn", input_shape=(3, 50), classes=2)
    with pytest.raises(nn.ConfigError) as caught:
        nn.create_net(name, input_shape=(1, 8, 8), classes=3)
    assert message in str(caught.value)


def test_a_stream_of_a_net_without_padding_decides_as_its_windows():
    """Oracle: the net's own program on each window alone."""
    encoder = data.SignalEncoder(window=26, channels=2)
    net = nn.create_net("ds-conv1d:4", input_shape=encoder.shape, classes=3)
    model = nn.Model(net.initialize(0), encoder=encoder)
    signal = np.random.default_rng(0).normal(size=(80, 2)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(signal, 26, axis=0)[::3].transpose(0, 2, 1)
    program = quant.quantize(model, quant.calibrate(model, windows))
    stream = engine.Engine(program.streaming())
    found = stream.run(stream.program.integers(signal[:, None]))
    assert len(found) == len(windows)
    np.testing.assert_array_equal(found, engine.Engine(program).run(program.integers(windows)))
