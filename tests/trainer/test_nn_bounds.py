"""A float net has at most 2^28 values in an input, an output or an array; 2^22 in a padded input.

Oracle: the bound of integer programs (engine_c/BLOB.md, check 11). Each net is refused before
memory is allocated: a few bytes of an untrusted file say any size.
"""

import tracemalloc

import numpy as np
import pytest
from onnx_files import OnnxFile

from drypoint import data, interop, nn
from drypoint.common import DrypointError

LARGE = 1 << 20
NETS = {
    "upsample": ([nn.Upsample(1000)] * 4, (1, 8, 8)),
    "shuffle": ([nn.PixelShuffle(2), nn.Upsample(LARGE)], (4, 8, 8)),
    "conv": ([nn.Conv2d(LARGE, 1, padding=0)], (1, 28, 28)),
    "padding": ([nn.Conv2d(1, 1, padding=LARGE, stride=LARGE)], (1, 8, 8)),
    "pool": ([nn.MaxPool2d(LARGE, padding=LARGE - 1)], (1, 8, 8)),
    "average": ([nn.AvgPool2d(LARGE, padding=LARGE - 1)], (1, 8, 8)),
    "dilation": ([nn.Conv2d(1, 3, padding="same", dilation=1 << 10)], (1, 8, 8)),
    "dilated signal": ([nn.Conv1d(1, 3, padding="causal", dilation=1 << 22)], (1, 8)),
    "zeros": ([nn.ZeroPad2d(LARGE)], (1, 8, 8)),
    "deconv": ([nn.ConvTranspose2d(1, 1, stride=LARGE)], (1, 1, 1)),
    "deconv plane": ([nn.ConvTranspose2d(1, 3, stride=LARGE)], (1, 8, 8)),
    "signal": ([nn.Conv1d(1, 1, padding=1 << 30, stride=1 << 30)], (1, 8)),
    "signal pool": ([nn.MaxPool1d(1 << 30, padding=(1 << 30) - 1)], (1, 8)),
    "onehot": ([nn.OneHot(1 << 30)], ()),
    "input": ([nn.Flatten()], (1 << 10, 1 << 10, 1 << 10)),
}
WANTED = r"of [0-9,]+ values, at most (268,435,456|4,194,304) are"


def refuse(make):
    """Call, and check that it is refused in one line and takes no memory to speak of."""
    tracemalloc.start()
    try:
        with pytest.raises(DrypointError, match=WANTED) as refusal:
            make()
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert all(line.isprintable() for line in str(refusal.value).split("\n  "))


@pytest.mark.parametrize("name", NETS)
def test_nets_beyond_the_bound(name):
    layers, shape = NETS[name]
    refuse(lambda: nn.Sequential(layers, shape))
    edges = [("input", "0"), *((str(i), str(i + 1)) for i in range(len(layers) - 1))]
    by_name = {str(i): layer for i, layer in enumerate(layers)}
    refuse(lambda: nn.Graph(by_name, edges, {"input": shape}))
    refuse(lambda: nn.Sequential(layers).output_shape(shape))  # as each batch of an open net


def test_a_model_file_of_open_sizes_is_refused_when_an_example_comes():
    """The file of 1.2 KB that asked for terabytes."""
    content = nn.Model(nn.Sequential([nn.Upsample(1000)] * 4)).dumps()
    assert len(content) < 1200
    model = nn.loads(content)
    refuse(lambda: model.predict_proba(np.zeros((1, 1, 8, 8), np.float32)))
    refuse(lambda: nn.Model(nn.Upsample(LARGE)).predict_proba(np.zeros((1, 1, 8, 8), np.float32)))


def test_arrays_and_encoders_beyond_the_bound():
    refuse(lambda: nn.Sequential([nn.Linear(1 << 20)], (1 << 20,)).initialize(0))
    refuse(lambda: nn.Sequential([nn.Conv2d(1 << 15, 3)], (1 << 10, 4, 4)).initialize(0))
    encoder = data.ImageEncoder(width=1 << 14, height=1 << 14, color="rgb")
    refuse(lambda: nn.Model(nn.Flatten(), encoder=encoder))


def test_the_bound_itself_is_allowed():
    net = nn.Sequential([nn.Upsample(1 << 12)], (1, 4, 4))
    assert net.output_shape((1, 4, 4)) == (1, 1 << 14, 1 << 14)
    refuse(lambda: nn.Sequential([nn.Upsample((1 << 12, 1 << 12))], (1, 4, 5)))
    large = nn.Conv2d(1, 1, padding=1 << 10)  # 4 times as many values as the image
    assert large.output_shape((1, 1 << 11, 1 << 11)) == (1, 1 << 12, 1 << 12)
    with pytest.raises(nn.ShapeError, match="a padded input"):
        large.output_shape((1, (1 << 11) - 1, 1 << 11))


def test_nets_of_other_formats_are_bound_too():
    file = OnnxFile((1, 8, 8))
    for _ in range(4):
        file.then("Resize", "", file.constant([1.0, 1.0, 1000.0, 1000.0]), mode="nearest",
                  coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
    with pytest.raises(interop.OnnxError, match="values") as refusal:
        interop.from_onnx(file.bytes())
    assert len(str(refusal.value)) < 2000
