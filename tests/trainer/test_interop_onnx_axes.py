"""Nets of ONNX files whose axes have equal sizes or the size 1, so that one could be taken for
another.

Oracle: ONNX Runtime, on the same inputs.
"""

import numpy as np
import pytest
from onnx_files import OnnxFile, check_net, normals, onnx_runtime

from drypoint import interop


def test_a_softmax_over_time_behind_a_difference_of_a_signal_and_its_maximum():
    f = OnnxFile((3, 3))
    peak = f.of("GlobalMaxPool", "input")
    f.of("Sub", "input", peak)
    f.then("Softmax", axis=2)
    net, x = interop.from_onnx(f.bytes()), normals((3, 3))
    wanted = onnx_runtime(f.bytes(), x)
    np.testing.assert_allclose(net(x[:, :, None]), wanted[:, :, None], rtol=1e-5)  # of float32


def test_the_only_channel_is_chosen_twice():
    f = OnnxFile((5, 2, 5))
    f.then("Reshape", f.ints(0, 1, 50))
    f.then("Gather", f.constant([0, -1], np.int64), axis=1)
    f.then("Flatten").then("Gemm", f.drawn(100, 3), f.drawn(3))
    check_net(f.bytes(), (5, 2, 5))


def test_slopes_of_one_axis_belong_to_the_last_axis():
    """From opset 7 on ONNX broadcasts slopes as the terms of a sum."""
    f = OnnxFile((2, 3, 2))
    f.then("PRelu", f.drawn(2))
    with pytest.raises(interop.OnnxError, match="PRelu 't0' computes with a constant of the shape"):
        interop.from_onnx(f.bytes())
    f = OnnxFile((2, 4, 3))
    f.then("Transpose", perm=[0, 2, 3, 1]).then("PRelu", f.drawn(2))
    check_net(f.bytes(), (2, 4, 3))


def test_an_input_in_an_order_of_its_own_stays_as_the_file_has_it():
    """Height and channels change places: only channels that come last are moved by the reader."""
    f = OnnxFile((4, 4, 6))
    f.then("Transpose", perm=[0, 2, 1, 3]).then("Conv", f.drawn(3, 4, 2, 2))
    check_net(f.bytes(), (4, 4, 6))


@pytest.mark.parametrize("auto", ["SAME_UPPER", "SAME_LOWER"])
def test_a_transposed_convolution_of_gaps_says_its_padding(auto):
    """ONNX's specification and ONNX Runtime give outputs of other sizes."""
    f = OnnxFile((2, 4, 5))
    f.then("ConvTranspose", f.drawn(2, 3, 2, 1), strides=[2, 2], auto_pad=auto)
    with pytest.raises(interop.OnnxError, match="a kernel below its stride: write its pads"):
        interop.from_onnx(f.bytes())
