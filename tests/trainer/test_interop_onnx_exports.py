"""ONNX files as the exporters write them: "from X to C" of docs/import.md, row by row.

The files are written here node by node, in the form of each exporter; where PyTorch is installed,
its two exporters write files of the same kinds too. Oracle: ONNX Runtime.

Tolerance: 1e-5 of the largest output. Both sum float32 products of at most a thousand terms, in
another order; a misread weight, stride or pad is far above that.
"""

import re

import numpy as np
import onnx
import pytest
from onnx_files import OnnxFile, as_ours, check_net, normals
from same_values import check_integers_of

from drypoint import interop, nn
from tools import ROOT


def matched(content, shape, *, exports=True):
    """Check a file's net against ONNX Runtime, and that its integers are the same in C; the net."""
    net = check_net(content, shape)
    if exports:
        check_integers_of(net, as_ours(net, normals(shape, 20, seed=2)))
    return net


def conv(f, out, read, kernel=3, *, groups=1, bias=True, **more):
    weight = f.drawn(out, read // groups, kernel, kernel)
    more.setdefault("pads", [kernel // 2] * 4)
    f.then("Conv", weight, *([f.drawn(out)] if bias else []), group=groups, **more)
    return f.at


def flattened_by_size(f, n):
    """``x.view(x.size(0), -1)`` as the TorchScript exporter writes it."""
    x = f.at
    size = f.of("Gather", f.of("Shape", x), f.constant(0, np.int64), axis=0)
    rows = f.of("Unsqueeze", size, f.ints(0))
    shape = f.of("Concat", rows, f.ints(-1), axis=0)
    f.of("Reshape", x, shape)
    return f.then("Gemm", f.drawn(3, n), f.drawn(3), transB=1)


def small_cnn():
    """TorchScript's: an idiom of shapes, dropout, a log-softmax."""
    f = OnnxFile((1, 12, 12))
    conv(f, 4, 1)
    f.then("Relu").then("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    conv(f, 6, 4, pads=[0, 0, 0, 0])
    f.then("Relu").then("Dropout")
    return flattened_by_size(f, 96).then("LogSoftmax", axis=1)


def residual():
    """torch.export's: ReduceMean with axes as an input, an addition, a batch norm that is left."""
    f = OnnxFile((3, 8, 8), opset=20)
    conv(f, 8, 3, bias=False)
    first = f.norm(8).then("Relu").at
    conv(f, 8, 8)
    inner = f.norm(8).at
    f.of("Relu", f.of("Add", inner, first))
    f.then("ReduceMean", f.ints(-1, -2), keepdims=0)
    return f.then("Gemm", f.drawn(5, 8), f.drawn(5), transB=1)


def inverted():
    """MobileNetV2's: Clip with its bounds as inputs, a depthwise convolution, a global mean."""
    f = OnnxFile((3, 8, 8), opset=13)
    conv(f, 4, 3, strides=[2, 2])
    low, high = f.constant(0.0), f.constant(6.0)
    first = f.then("Clip", low, high).at
    conv(f, 8, 4, 1, pads=[0] * 4)
    f.then("Clip", low, high)
    conv(f, 8, 8, groups=8, bias=False)
    f.norm(8).then("Clip", low, high)
    conv(f, 4, 8, 1, pads=[0] * 4)
    f.of("Add", first, f.at)
    f.then("GlobalAveragePool").then("Flatten")
    return f.then("Gemm", f.drawn(3, 4), f.drawn(3), transB=1)


def gated():
    """MobileNetV3's: squeeze-and-excite, hard functions, as one node and as several."""
    f = OnnxFile((3, 8, 8), opset=11)
    x = conv(f, 8, 3)
    shifted = f.of("Clip", f.of("Add", x, f.constant(3.0)), f.constant(0.0), f.constant(6.0))
    x = f.of("Div", f.of("Mul", x, shifted), f.constant(6.0))
    f.then("GlobalAveragePool")
    conv(f, 4, 8, 1, pads=[0] * 4)
    f.then("Relu")
    conv(f, 8, 4, 1, pads=[0] * 4)
    f.of("Mul", x, f.then("HardSigmoid", alpha=1 / 6).at)
    f.then("GlobalMaxPool").then("Squeeze", axes=[2, 3])
    return f.then("Gemm", f.drawn(3, 8), f.drawn(3), transB=1)


def fire():
    """SqueezeNet's: ceil_mode, concatenations, a mean as the last layer with values."""
    f = OnnxFile((3, 13, 13), opset=10)
    conv(f, 8, 3, pads=[0] * 4, strides=[2, 2])
    squeezed = f.then("Relu").then("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1).at
    left = f.of("Relu", conv(f, 4, 8, 1, pads=[0] * 4))
    f.at = squeezed
    right = f.of("Relu", conv(f, 4, 8))
    f.of("Concat", left, right, axis=1)
    conv(f, 5, 8, 1, pads=[0] * 4)
    return f.then("Relu").then("GlobalAveragePool").then("Flatten").then("Softmax", axis=1)


def signals():
    """1-D convolutions, a mean over time, signals (C, L); causal by a Pad and by a Slice."""
    f = OnnxFile((3, 30), opset=18)
    f.then("Pad", f.ints(0, 0, 4, 0, 0, 0))
    f.then("Conv", f.drawn(8, 3, 3), f.drawn(8), dilations=[2]).norm(8)
    first = f.then("Relu").at
    f.then("Conv", f.drawn(8, 8, 3), f.drawn(8), pads=[2, 2])
    f.then("Slice", f.ints(0), f.ints(-2), f.ints(2))
    f.of("Add", f.then("Relu").at, first)
    f.then("MaxPool", kernel_shape=[2], strides=[2])
    f.then("ReduceMean", f.ints(2), keepdims=0)
    return f.then("Gemm", f.drawn(4, 8), f.drawn(4), transB=1)


def keras_images():
    """tf2onnx's: images (N, H, W, C), exchanged before the convolutions and after."""
    f = OnnxFile((8, 8, 3), batch="unk__0", opset=15)
    f.then("Mul", f.constant(2.0)).then("Sub", f.constant([0.5, 1.0, 0.25]))
    f.then("Transpose", perm=[0, 3, 1, 2])
    f.then("Conv", f.drawn(4, 3, 3, 3), f.drawn(4), auto_pad="SAME_UPPER", strides=[2, 2])
    f.then("Relu").then("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    f.then("Transpose", perm=[0, 2, 3, 1])
    f.then("Reshape", f.ints(-1, 16))
    return f.then("MatMul", f.drawn(16, 3)).then("Add", f.drawn(3)).then("Softmax", axis=-1)


def keras_signals():
    """tf2onnx's Conv1D: an axis is put in, the axes exchanged, and back."""
    f = OnnxFile((20, 3), opset=13)
    f.then("Unsqueeze", f.ints(1)).then("Transpose", perm=[0, 3, 1, 2])
    f.then("Conv", f.drawn(6, 3, 1, 5), f.drawn(6), strides=[1, 2])
    f.then("Relu").then("Squeeze", f.ints(2)).then("Transpose", perm=[0, 2, 1])
    f.then("Reshape", f.ints(-1, 48))
    return f.then("MatMul", f.drawn(48, 3)).then("Add", f.drawn(3))


def autoencoder():
    """An MLP with batch norms of vectors and functions by name."""
    f = OnnxFile((16,), opset=9)
    f.then("Gemm", f.drawn(8, 16), f.drawn(8), transB=1).norm(8).then("LeakyRelu", alpha=0.1)
    f.then("MatMul", f.drawn(8, 4)).then("Add", f.drawn(4)).then("Elu")
    f.then("Gemm", f.drawn(4, 16), f.drawn(16), alpha=0.5, beta=2.0)
    return f.then("Identity").then("Sigmoid")


def shared_constants():
    """torch.onnx shares equal constants by Identity nodes, and folds nothing of a Constant."""
    f = OnnxFile((4,))
    zeros = f.drawn(4)
    again = f.of("Identity", zeros)
    f.of("Gemm", "input", f.drawn(4, 4), zeros, transB=1)
    f.of("Gemm", f.of("Relu", f.at), f.drawn(4, 4), again, transB=1)
    f.of("Mul", f.of("CastLike", f.at, zeros), f.of("CastLike", f.constant(0.5), f.at))
    f.of("Mul", f.at, f.of("Sqrt", f.of("Exp", f.drawn(4))))
    return f


ROWS = {
    "small CNN": (small_cnn, (1, 12, 12)),
    "residual": (residual, (3, 8, 8)),
    "depthwise": (inverted, (3, 8, 8)),
    "squeeze-and-excite": (gated, (3, 8, 8)),
    "concatenation": (fire, (3, 13, 13)),
    "1-D": (signals, (3, 30)),
    "Keras images": (keras_images, (8, 8, 3)),
    "Keras signals": (keras_signals, (20, 3)),
    "MLP": (autoencoder, (16,)),
    "shared constants": (shared_constants, (4,)),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_file_as_an_exporter_writes_it_computes_what_onnx_runtime_computes(row):
    build, shape = ROWS[row]
    content = build().bytes()
    net = matched(content, shape)
    assert isinstance(net, nn.Sequential | nn.Graph)


def test_data_in_a_file_beside_the_model_are_read(tmp_path):
    proto = residual().proto()
    onnx.save(proto, tmp_path / "a.onnx", save_as_external_data=True, location="a.onnx.data",
              size_threshold=100)  # fmt: skip
    assert (tmp_path / "a.onnx.data").stat().st_size > 1000
    net = matched(tmp_path / "a.onnx", (3, 8, 8), exports=False)
    whole = interop.from_onnx(residual().bytes())
    for path, array in whole.parameters().items():
        assert (net.parameters()[path] == array).all()


def torch_nets(torch):
    """Modules as people write them: name -> (module, shape of an example)."""
    t = torch.nn

    class View(t.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = t.Conv2d(1, 4, 3), t.Linear(144, 3)

        def forward(self, x):
            x = torch.nn.functional.max_pool2d(torch.relu(self.conv(x)), 2, ceil_mode=True)
            return torch.log_softmax(self.fc(x.view(x.size(0), -1)), dim=1)

    class Residual(t.Module):
        def __init__(self):
            super().__init__()
            self.a, self.norm = t.Conv2d(3, 6, 3, padding=1, bias=False), t.BatchNorm2d(6)
            self.b, self.fc = t.Conv2d(6, 6, 3, padding=1), t.Linear(6, 3)

        def forward(self, x):
            x = torch.nn.functional.hardswish(self.norm(self.a(x)))
            return self.fc(torch.relu(x + self.b(x)).mean((2, 3)))

    signal = t.Sequential(
        t.Conv1d(2, 6, 5, padding=2), t.BatchNorm1d(6), t.ReLU6(), t.MaxPool1d(2),
        t.AdaptiveAvgPool1d(1), t.Flatten(), t.Linear(6, 3),
    )  # fmt: skip
    mlp = t.Sequential(t.Linear(10, 8), t.GELU(), t.Linear(8, 8), t.SiLU(), t.Linear(8, 3))
    return {
        "view": (View(), (1, 14, 14)),
        "residual": (Residual(), (3, 8, 8)),
        "signal": (signal, (2, 20)),
        "mlp": (mlp, (10,)),
    }


@pytest.mark.filterwarnings("ignore")  # of the exporters themselves
@pytest.mark.parametrize("dynamo", [False, True], ids=["TorchScript", "torch.export"])
@pytest.mark.parametrize("name", ["view", "residual", "signal", "mlp"])
def test_files_of_pytorch(tmp_path, name, dynamo):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if dynamo:
        pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    torch.manual_seed(0)
    module, shape = torch_nets(torch)[name]
    for one in module.modules():
        if isinstance(one, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            one.running_mean.normal_()
            one.running_var.uniform_(0.5, 2)
    path = tmp_path / "net.onnx"
    torch.onnx.export(module.eval(), (torch.zeros(1, *shape),), str(path), dynamo=dynamo)
    matched(path, shape)


def test_the_batch_may_be_fixed_named_or_open():
    """A batch that is fixed, one that is named, and one without a name."""
    for batch in (1, 4, "batch", None):
        f = OnnxFile((1, 6, 6), batch=batch)
        conv(f, 2, 1)
        f.then("Reshape", f.ints(4 if batch == 4 else 1, -1))
        f.then("MatMul", f.drawn(72, 2))
        net = interop.from_onnx(f.bytes())
        assert net.output_shape(net.input_shape) == (2,)


def test_every_row_of_the_table_from_x_to_c_names_a_test():
    text = (ROOT / "docs/import.md").read_text("utf-8")
    table = text[text.index("## From X to C") : text.index("## Everyday nets")]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "---" not in line][1:]
    known = "\n".join(p.read_text("utf-8") for p in (ROOT / "tests/trainer").glob("test_interop*"))
    for row in rows:
        names = re.findall(r"`(test_\w+)", row)
        assert names, row
        assert [name for name in names if f"def {name}(" not in known] == []
    assert len(rows) == 38
