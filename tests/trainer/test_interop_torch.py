"""`from_torch`. Oracle: PyTorch itself, on the same inputs; and for integers the reference.

Runs where PyTorch is installed. CI does not install it (gigabytes).
"""

import re
import warnings

import numpy as np
import pytest
from same_values import check_integers_of

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("onnxscript", reason="onnxscript, which PyTorch's exporter needs, is missing")

from page_examples import examples, run_c  # noqa: E402

from drypoint import data, engine, interop, nn  # noqa: E402

tn, F = torch.nn, torch.nn.functional


class Residual(tn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.b1 = tn.Conv2d(3, 8, 3, padding=1), tn.BatchNorm2d(8)
        self.c2, self.b2 = tn.Conv2d(8, 8, 3, padding=1, bias=False), tn.BatchNorm2d(8)
        self.down, self.fc = tn.Conv2d(8, 16, 1, stride=2), tn.Linear(16, 10)

    def forward(self, x):
        x = F.relu(self.b1(self.c1(x)))
        x = F.relu(x + self.b2(self.c2(x)))
        x = F.hardtanh(self.down(x), 0, 6)
        return self.fc(x.mean([2, 3]))


class Classic(tn.Module):
    """LeNet as tutorials write it: functions, a view by x.size(0), dropout by a flag."""

    def __init__(self):
        super().__init__()
        self.c1, self.c2 = tn.Conv2d(1, 6, 5), tn.Conv2d(6, 16, 5)
        self.f1, self.f2 = tn.Linear(256, 40), tn.Linear(40, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        x = x.view(x.size(0), -1)
        x = F.dropout(F.relu(self.f1(x)), training=self.training)
        return F.softmax(self.f2(x), dim=-1)


class Branches(tn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = tn.Conv2d(4, 4, 1), tn.Conv2d(4, 4, 3, padding="same")
        self.pool, self.fc = tn.AvgPool2d(2), tn.Linear(8 * 16, 5)

    def forward(self, x):
        one, two = torch.chunk(x, 2, dim=1)
        x = torch.cat([two, one], 1)
        x = torch.cat([self.a(x).relu(), F.silu(self.b(x))], 1)
        return self.fc(self.pool(x).flatten(1))


def depthwise():
    return tn.Sequential(
        *(tn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), tn.BatchNorm2d(8), tn.Hardswish()),
        *(tn.Conv2d(8, 8, 3, padding=1, groups=8), tn.ReLU(inplace=True)),
        *(tn.Conv2d(8, 12, 1), tn.LeakyReLU(0.2), tn.AdaptiveAvgPool2d((2, 2))),
        *(tn.Flatten(), tn.GELU(), tn.Linear(48, 4)),
    )


def signals():
    return tn.Sequential(
        *(tn.Conv1d(2, 8, 5, stride=2, padding=2), tn.BatchNorm1d(8), tn.ReLU(), tn.MaxPool1d(2)),
        *(tn.Conv1d(8, 4, 3), tn.AdaptiveAvgPool1d(1), tn.Flatten(), tn.Linear(4, 3)),
    )


def padded():
    return tn.Sequential(
        *(tn.ZeroPad2d(1), tn.Conv2d(1, 4, 3), tn.Sigmoid(), tn.MaxPool2d(2, ceil_mode=True)),
        *(tn.Dropout2d(), tn.Flatten(), tn.Linear(100, 2)),
    )


class Written(tn.Module):
    """Operations as people write them: the last step, maxima over axes, 1 - x, x.float()."""

    def __init__(self):
        super().__init__()
        self.c1, self.c2 = tn.Conv1d(2, 6, 3), tn.Conv1d(6, 6, 3)
        self.fc, self.out = tn.Linear(6, 6), tn.Linear(12, 3)

    def forward(self, x):
        x = F.selu(self.c1(x.float().swapaxes(1, 2).swapaxes(1, 2)))
        x = (1 - self.c2(x)).clamp_min(-0.5)
        last, most = x[:, :, -1], x.max(dim=-1)[0]
        last = torch.subtract(self.fc(last).square(), 0.25)
        return self.out(torch.cat([last, most], 1))


def largest():
    return tn.Sequential(
        tn.Conv2d(3, 8, 3), tn.AdaptiveMaxPool2d(2), tn.Flatten(), tn.Linear(32, 4)
    )


def mlp():
    return tn.Sequential(
        *(tn.Flatten(), tn.Linear(12, 8), tn.BatchNorm1d(8), tn.ReLU6()),
        *(tn.Linear(8, 6), tn.Softplus(beta=2), tn.Linear(6, 3), tn.Softmax(dim=1)),
    )


MODULES = {
    "mlp": (mlp, (1, 3, 4)),
    "classic": (Classic, (1, 28, 28)),
    "residual": (Residual, (3, 12, 12)),
    "branches": (Branches, (4, 8, 8)),
    "depthwise": (depthwise, (3, 16, 16)),
    "signals": (signals, (2, 40)),
    "padded": (padded, (1, 9, 9)),
    "written": (Written, (2, 20)),
    "largest": (largest, (3, 10, 10)),
}


def made(name):
    """A module with random weights and statistics, and inputs."""
    make, shape = MODULES[name]
    torch.manual_seed(0)
    module = make()
    for part in module.modules():
        if isinstance(part, tn.BatchNorm1d | tn.BatchNorm2d):
            part.running_mean.uniform_(-0.5, 0.5)
            part.running_var.uniform_(0.5, 2)
    return module, np.random.default_rng(0).normal(0, 1, (64, *shape)).astype(np.float32)


def test_an_imported_net_computes_the_module_and_its_integers_are_verified():
    """1e-5: float32 sums of some hundred terms near 1 in other orders."""
    for name in MODULES:
        module, x = made(name)
        net = interop.from_torch(module, torch.zeros(1, *x.shape[1:]))
        assert module.training  # `from_torch` restored the mode
        found = interop.check(net, module, x)
        assert found.n == 64, name
        assert found.largest_difference <= 1e-5, name
        assert found.equal_decisions == found.n, name
        check_integers_of(net, x.reshape(len(x), *net.input_shape), 8, name)


def test_the_encoder_is_checked_with_the_preprocessing_of_the_source():
    """Images as pixels; the source's function scales them as torchvision's Normalize does."""
    module, _ = made("classic")
    net = interop.from_torch(module, torch.zeros(2, 1, 28, 28))
    images = np.random.default_rng(1).integers(0, 256, (20, 28, 28), np.uint8)

    def transformed(pixels):
        x = torch.from_numpy(pixels).float().div(255).sub(0.1307).div(0.3081)
        return module.eval()(x[:, None])  # a tensor with a gradient, as the page's function gives

    size = {"width": 28, "height": 28}
    right = nn.Model(net, encoder=data.ImageEncoder(**size, mean=0.1307, std=0.3081))
    wrong = nn.Model(net, encoder=data.ImageEncoder(**size))
    assert interop.check(right, transformed, images).largest_difference <= 1e-5
    assert interop.check(wrong, transformed, images).largest_difference > 1e-3
    found = interop.check(wrong, module, images)  # the module gets what the encoder gives
    assert found.largest_difference <= 1e-5
    assert str(found).startswith("20 inputs: largest difference ")
    assert str(found).endswith(", 20 decisions equal")


class Unused(tn.Module):
    """Computes more than its output depends on: layers, an operation without a counterpart, and
    an assertion that torch.export traces.
    """

    def __init__(self):
        super().__init__()
        self.conv, self.other, self.fc = tn.Conv2d(1, 2, 3), tn.Conv2d(2, 3, 3), tn.Linear(72, 3)
        self.state = tn.LSTM(6, 3)

    def forward(self, x):
        x = self.conv(x).to(torch.float32)
        self.other(x), self.state(x[0]), x.sum()
        return self.fc(x.flatten(1))


def test_a_branch_that_the_output_does_not_depend_on_is_no_layer():
    module = Unused()
    net = interop.from_torch(module, torch.zeros(1, 1, 8, 8))
    assert isinstance(net, nn.Sequential)
    assert list(net.layers) == ["conv", "flatten", "linear"]
    x = np.random.default_rng(0).normal(0, 1, (5, 1, 8, 8)).astype(np.float32)
    assert interop.check(net, module, x).largest_difference <= 1e-5  # float32 in another order


class InPlace(tn.Module):
    def __init__(self, change):
        super().__init__()
        self.conv, self.fc, self.change = tn.Conv2d(1, 2, 3), tn.Linear(72, 3), change
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x):
        x = self.conv(x)
        self.calls.add_(1)
        self.change(x)
        return self.fc(x.flatten(1))


def test_a_tensor_that_is_changed_in_place_is_what_it_becomes():
    """PyTorch's exporter writes changes in place as new tensors; what no layer computes, such as
    values that are put into a part of a tensor, is refused.
    """
    x = np.random.default_rng(0).normal(0, 1, (5, 1, 8, 8)).astype(np.float32)
    for change in (F.relu_, lambda h: h.add_(1.0), lambda h: h.view(-1, 72).mul_(2.0)):
        module = InPlace(change)
        net = interop.from_torch(module, torch.zeros(1, 1, 8, 8))
        assert interop.check(net, module, x).largest_difference <= 1e-5
    for change in (lambda h: h[:, :1].mul_(3.0), lambda h: h.chunk(2, 1)[0].fill_(0.5)):
        with pytest.raises(interop.FrameworkError, match="the module is no net that can be read"):
            interop.from_torch(InPlace(change), torch.zeros(1, 1, 8, 8))


def test_what_no_layer_computes_is_named_all_at_once():
    module = tn.Sequential(tn.Conv2d(1, 4, 3), tn.LayerNorm([4, 6, 6]), tn.Upsample(size=9))
    with pytest.raises(interop.FrameworkError) as caught:
        interop.from_torch(module, torch.zeros(1, 1, 8, 8))
    first, norm, resize = str(caught.value).splitlines()
    assert re.fullmatch(r"the module is no net that can be read: 2 of \d+ nodes:", first)
    assert "LayerNormalization 'node_layer_norm' normalizes by statistics of the example" in norm
    assert "Resize 'node_upsample_nearest2d' resizes 6 to 9 pixels; ours repeats each" in resize


def test_options_that_no_layer_has_are_refused():
    """An operation with another value of an option is not read as if it had the default."""
    for layer, message in [
        (tn.BatchNorm1d(4, track_running_stats=False), "goes over the batch axis"),
        (tn.Softplus(threshold=5), "computes a function of one value that no layer has"),
    ]:
        with pytest.raises(interop.FrameworkError, match=message):
            interop.from_torch(tn.Sequential(tn.Linear(4, 4), layer), torch.zeros(2, 4))


class Summing(tn.Module):
    def __init__(self):
        super().__init__()
        self.body = tn.Sequential(tn.Conv2d(1, 4, 3), tn.ReLU(), tn.Conv2d(4, 2, 3), tn.Flatten())

    def forward(self, x):
        return torch.cumsum(self.body(x), 1)


def test_a_module_is_not_told_to_be_cut_as_files_are():
    with pytest.raises(interop.FrameworkError) as caught:
        interop.from_torch(Summing(), torch.zeros(1, 1, 8, 8))
    assert str(caught.value).endswith(
        "CumSum 'node_cumsum' is none of the layers that drypoint has"
    )


class Deciding(tn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def test_what_cannot_be_traced_is_refused_in_one_line():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module, example, message in [
            (3, torch.zeros(1, 1), "module is a int; wanted: a torch.nn.Module"),
            ("m.pt", torch.zeros(1, 1), "module is a str; wanted: a torch.nn.Module; a .pt file "),
            (mlp(), torch.zeros(3), "example is of shape (3,); wanted: a batch, such as torch."),
            (mlp(), torch.zeros(1, 5), "torch.onnx.export cannot trace the module: "),
            (Deciding(), torch.zeros(1, 5), "torch.onnx.export cannot trace the module: "),
            (
                tn.LSTM(4, 3),
                torch.zeros(1, 5, 4),
                "the module is no net that can be read: 1 of 79 nodes: LSTM 'node_lstm__2' reads",
            ),
        ]:
            with pytest.raises(interop.FrameworkError) as caught:
                interop.from_torch(module, example)
            assert str(caught.value).startswith(message)
            assert "\n" not in str(caught.value)
    module, x = made("mlp")
    net = interop.from_torch(module, torch.zeros(1, 1, 3, 4))
    with pytest.raises(
        interop.FrameworkError, match=r"source is 3; wanted: a torch\.nn\.Module, a"
    ):
        interop.check(net, 3, x)
    with pytest.raises(
        interop.FrameworkError, match=r"the source gives \(64, 1\), the net \(64, 3\)"
    ):
        interop.check(net, lambda x: x[:, 0, 0, :1], x)


def run_module(name, capsys, tmp_path, monkeypatch):
    """The names that an example of docs/graphs.md leaves; its net and module agree."""
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(examples("docs/graphs.md", f"class {name}(torch.nn.Module)"), names)
    out = capsys.readouterr().out
    assert re.fullmatch(r"200 inputs: largest difference [\d.e-]+, 200 decisions equal\n", out)
    return names


def test_two_heads_of_a_module_on_their_page_are_c(capsys, tmp_path, monkeypatch, toolbox):
    """From a module to C; the C of the page prints what the integers compute."""
    names = run_module("Spots", capsys, tmp_path, monkeypatch)
    pictures, c = names["pictures"], engine.Engine(names["program"])
    printed = run_c(
        "docs/graphs.md", "spots", tmp_path / "build/spots", pictures.tobytes(), toolbox
    )
    real = c.predict_proba(pictures)
    assert printed == [
        f"row {place // 8}, column {place % 8}, side {4 * side:.1f}"
        for place, side in zip(real["heat"].argmax(axis=1), real["size"][:, 0], strict=True)
    ]


def test_a_module_of_two_inputs_runs_in_c(capsys, tmp_path, monkeypatch, toolbox):
    """The C of the page on the module of its commands prints what the engine in Python decides."""
    names = run_module("Scene", capsys, tmp_path, monkeypatch)
    x, c = names["x"], engine.Engine(names["program"])
    pairs = zip(x["image"], x["weather"], strict=True)
    data = b"".join(image.tobytes() + weather.tobytes() for image, weather in pairs)
    printed = run_c("docs/graphs.md", "scene", tmp_path / "build/scene", data, toolbox)
    assert [*map(int, printed)] == c.predict_proba(x).argmax(axis=1).tolist()


def test_the_example_of_the_page_runs(capsys, tmp_path, monkeypatch):
    """docs/frameworks.md: from a module to C. Of a net with random weights the float decisions are
    equal, since both compute the same sums."""
    code = examples("docs/frameworks.md", "import torch")
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    out = capsys.readouterr().out
    assert re.fullmatch(r"200 inputs: largest difference [\d.e-]+, 200 decisions equal\n", out)
    assert (tmp_path / "build/from_torch/net.c").is_file()


def test_the_answer_to_a_file_of_torch_export_is_a_way_to_its_net(tmp_path, monkeypatch):
    """The code in the message, run as it stands."""
    torch.manual_seed(0)
    module, x = tn.Sequential(tn.Linear(4, 8), tn.ReLU(), tn.Linear(8, 3)), torch.randn(5, 4)
    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(module, (torch.zeros(1, 4),)), path)
    with pytest.raises(interop.OnnxError, match="PyTorch program") as found:
        interop.from_onnx(path)
    (code,) = re.findall(r"torch\.onnx\.export\(.*\.save\('net\.onnx'\)", str(found.value))
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch about itself
        exec(code, {"torch": torch, "path": path})
    net = interop.from_onnx("net.onnx")
    assert np.allclose(net(x.numpy()), module(x).detach().numpy(), atol=1e-6)
    with pytest.raises(interop.FrameworkError, match=r"cannot trace the module: Calling eval\(\)"):
        interop.from_torch(torch.export.load(path).module(), torch.zeros(1, 4))
