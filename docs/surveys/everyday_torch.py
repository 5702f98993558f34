"""Write everyday PyTorch nets as their users export them: ONNX by both exporters, and quantized.

    python docs/surveys/everyday_torch.py FOLDER [NAME ...]

Needs PyTorch, onnx, onnxscript and onnxruntime. Weights are random. `file_survey.py FOLDER` then
says what becomes of each file.
"""

import logging
import sys
import warnings
from pathlib import Path

import onnxruntime.quantization as ort
import torch
from torch import nn
from torch.nn import functional as f


def conv(i, o, size=3, stride=1, *, groups=1, act=nn.ReLU):
    layers = [
        nn.Conv2d(i, o, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(o),
    ]
    return nn.Sequential(*layers, *([act()] if act else []))


def classes(c, n=10):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(c, n))


class Do(nn.Module):
    """A module of parts and a function of them and the input."""

    def __init__(self, run, **parts):
        super().__init__()
        self.run = run
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x):
        return self.run(self, x)


def residual(body, after=None):
    return Do(
        lambda m, x: (m.after or nn.Identity())(x + m.body(x)),
        body=body,
        after=after or nn.Identity(),
    )


def bottleneck(i, o, stride=1, *, act=nn.ReLU6, size=3, gate=None):
    c = 4 * i
    body = [conv(i, c, 1, act=act), conv(c, c, size, stride, groups=c, act=act)]
    body += [gate(c)] if gate else []
    body = nn.Sequential(*body, conv(c, o, 1, act=None))
    return residual(body) if stride == 1 and i == o else body


def squeeze(c, act=nn.Hardsigmoid):
    return Do(
        lambda m, x: x * m.gate(x),
        gate=nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(c, c // 4, 1),
            nn.ReLU(),
            nn.Conv2d(c // 4, c, 1),
            act(),
        ),
    )


def mobilenet_v2():
    return nn.Sequential(
        conv(3, 16, 3, 2, act=nn.ReLU6),
        bottleneck(16, 16),
        bottleneck(16, 24, 2),
        bottleneck(24, 24),
        classes(24),
    ), (3, 48, 48)


def mobilenet_v3():
    return nn.Sequential(
        conv(3, 16, 3, 2, act=nn.Hardswish),
        bottleneck(16, 16, 2, gate=squeeze),
        bottleneck(16, 24, act=nn.Hardswish, size=5, gate=squeeze),
        classes(24),
    ), (3, 48, 48)


def efficientnet():
    def gate(c):
        return squeeze(c, nn.Sigmoid)

    return nn.Sequential(
        conv(3, 16, 3, 2, act=nn.SiLU),
        bottleneck(16, 16, act=nn.SiLU, gate=gate),
        bottleneck(16, 24, 2, act=nn.SiLU, size=5, gate=gate),
        classes(24),
    ), (3, 48, 48)


def shuffle(x, groups=2):
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).contiguous().view(n, c, h, w)


def _shuffle_unit(c):
    def run(m, x):
        a, b = x.chunk(2, dim=1)
        return shuffle(torch.cat((a, m.b(b)), 1))

    return Do(
        run,
        b=nn.Sequential(
            conv(c // 2, c // 2, 1),
            conv(c // 2, c // 2, groups=c // 2, act=None),
            conv(c // 2, c // 2, 1),
        ),
    )


def shufflenet_v2():
    return nn.Sequential(
        conv(3, 24, 3, 2),
        nn.MaxPool2d(3, 2, 1),
        _shuffle_unit(24),
        _shuffle_unit(24),
        Do(lambda m, x: m.fc(m.conv(x).mean([2, 3])), conv=conv(24, 32, 1), fc=nn.Linear(32, 10)),
    ), (3, 48, 48)


def fire(i, s, e):
    def run(m, x):
        x = f.relu(m.s(x))
        return torch.cat((f.relu(m.a(x)), f.relu(m.b(x))), 1)

    return Do(run, s=nn.Conv2d(i, s, 1), a=nn.Conv2d(s, e, 1), b=nn.Conv2d(s, e, 3, padding=1))


def squeezenet():
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, 2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        fire(32, 8, 16),
        fire(32, 8, 24),
        nn.Dropout(),
        nn.Conv2d(48, 10, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
    ), (3, 48, 48)


def _up(kind):
    return {
        "transposed": nn.ConvTranspose2d(16, 16, 2, 2),
        "nearest": nn.Upsample(scale_factor=2),
        "bilinear": nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        "corners": nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
    }[kind]


def _unet(kind):
    def run(m, x):
        a = m.a(x)
        b = m.b(f.max_pool2d(a, 2))
        return m.d(m.c(torch.cat((m.up(b), a), 1)))

    return Do(
        run, a=conv(1, 8), b=conv(8, 16), up=_up(kind), c=conv(24, 8), d=nn.Conv2d(8, 1, 1)
    ), (1, 32, 32)


def unet_transposed():
    return _unet("transposed")


def unet_nearest():
    return _unet("nearest")


def unet_bilinear():
    return _unet("bilinear")


def unet_corners():
    return _unet("corners")


def unet_padded():
    """Milesial's: the upsampled plane is padded to the size of the skipped one."""

    def run(m, x):
        a = m.a(x)
        b = m.up(m.b(f.max_pool2d(a, 2)))
        dy, dx = a.size(2) - b.size(2), a.size(3) - b.size(3)
        b = f.pad(b, [dx // 2, dx - dx // 2, dy // 2, dy - dy // 2])
        return torch.sigmoid(m.d(m.c(torch.cat([a, b], dim=1))))

    return Do(
        run, a=conv(1, 8), b=conv(8, 16), up=_up("transposed"), c=conv(24, 8), d=nn.Conv2d(8, 1, 1)
    ), (1, 33, 35)


def fcn():
    """Logits resized to the input's size by F.interpolate."""

    def run(m, x):
        return f.interpolate(m.body(x), size=x.shape[-2:], mode="bilinear", align_corners=False)

    return Do(
        run, body=nn.Sequential(conv(3, 16, 3, 2), conv(16, 24, 3, 2), nn.Conv2d(24, 4, 1))
    ), (3, 40, 40)


def yolo():
    """Two planes of cells."""

    def run(m, x):
        a = m.a(x)
        b = m.b(a)
        return m.fine(torch.cat((a, f.interpolate(m.c(b), scale_factor=2)), 1)), m.coarse(b)

    def act():
        return nn.LeakyReLU(0.1)

    return Do(
        run,
        a=nn.Sequential(conv(3, 16, 3, 2, act=act), conv(16, 32, 3, 2, act=act)),
        b=conv(32, 48, 3, 2, act=act),
        c=conv(48, 16, 1, act=act),
        fine=nn.Conv2d(48, 18, 1),
        coarse=nn.Conv2d(48, 18, 1),
    ), (3, 64, 64)


def yolo_v8():
    """C2f and SPPF, and a tail that joins boxes of all cells."""

    def run(m, x):
        a, b = m.a(x).split((16, 16), 1)
        x = m.c(torch.cat([a, b, m.b(b)], 1))
        y = f.max_pool2d(x, 5, 1, 2)
        x = m.d(torch.cat([x, y, f.max_pool2d(y, 5, 1, 2)], 1))
        box, score = m.box(x).flatten(2), m.score(x).flatten(2)
        n, _, cells = box.shape
        box = m.bins(box.view(n, 4, 8, cells).transpose(2, 1).softmax(1)).view(n, 4, cells)
        return torch.cat((box, score.sigmoid()), 1)

    return Do(
        run,
        a=nn.Sequential(conv(3, 16, 3, 2, act=nn.SiLU), conv(16, 32, 3, 2, act=nn.SiLU)),
        b=conv(16, 16, act=nn.SiLU),
        c=conv(48, 32, 1, act=nn.SiLU),
        d=conv(96, 32, 1, act=nn.SiLU),
        box=nn.Conv2d(32, 32, 1),
        score=nn.Conv2d(32, 5, 1),
        bins=nn.Conv2d(8, 1, 1, bias=False),
    ), (3, 32, 32)


def ssd():
    """Planes of boxes and scores, permuted, flattened and joined."""

    def run(m, x):
        a = m.a(x)
        b = m.b(a)

        def rows(p, k):
            return p.permute(0, 2, 3, 1).reshape(p.shape[0], -1, k)

        boxes = torch.cat([rows(m.box(a), 4), rows(m.box2(b), 4)], 1)
        return torch.cat([rows(m.score(a), 2), rows(m.score2(b), 2)], 1).softmax(-1), boxes

    return Do(
        run,
        a=nn.Sequential(conv(3, 16, 3, 2), conv(16, 24, 3, 2)),
        b=conv(24, 32, 3, 2),
        box=nn.Conv2d(24, 8, 1),
        box2=nn.Conv2d(32, 8, 1),
        score=nn.Conv2d(24, 4, 1),
        score2=nn.Conv2d(32, 4, 1),
    ), (3, 32, 32)


def tcn():
    """Bai's: padding at both ends, cut off at the end."""

    def block(i, o, d):
        def run(m, x):
            y = f.relu(m.a(x)[:, :, : -2 * d])
            y = f.relu(m.b(y)[:, :, : -2 * d])
            return f.relu(y + m.skip(x))

        more = {"padding": 2 * d, "dilation": d}
        return Do(
            run, a=nn.Conv1d(i, o, 3, **more), b=nn.Conv1d(o, o, 3, **more), skip=nn.Conv1d(i, o, 1)
        )

    return Do(
        lambda m, x: m.fc(m.body(x)[:, :, -1]),
        fc=nn.Linear(16, 4),
        body=nn.Sequential(block(6, 16, 1), block(16, 16, 2), block(16, 16, 4)),
    ), (6, 64)


def wavenet():
    """Products of two planes: tanh and sigmoid."""

    def block(d):
        def run(m, x):
            y = torch.tanh(m.a(x)) * torch.sigmoid(m.b(x))
            return x[..., 2 * d :] + m.c(y)

        return Do(
            run,
            a=nn.Conv1d(16, 16, 3, dilation=d),
            b=nn.Conv1d(16, 16, 3, dilation=d),
            c=nn.Conv1d(16, 16, 1),
        )

    return Do(
        lambda m, x: m.fc(m.body(x).amax(-1)),
        fc=nn.Linear(16, 3),
        body=nn.Sequential(nn.Conv1d(4, 16, 1), block(1), block(2), block(4)),
    ), (4, 60)


def two_heads():
    """A heat map and a size for each cell, CenterNet's."""

    def run(m, x):
        x = m.body(x)
        return {"heat": m.heat(x).sigmoid(), "size": m.size(x)}

    return Do(
        run,
        body=nn.Sequential(conv(3, 16, 3, 2), conv(16, 16)),
        heat=nn.Conv2d(16, 3, 1),
        size=nn.Conv2d(16, 2, 1),
    ), (3, 40, 40)


def focus():
    """YOLOv5's focus: four slices joined."""

    def run(m, x):
        x = torch.cat(
            [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1
        )
        return m.fc(m.conv(x))

    return Do(run, conv=conv(12, 16), fc=classes(16)), (3, 32, 32)


def spatial_attention():
    """A plane of gates for all channels, CBAM's without its reductions."""

    def run(m, x):
        x = m.a(x)
        return m.fc(x * torch.sigmoid(m.gate(x)))

    gate = nn.Conv2d(16, 1, 7, padding=3)
    return Do(run, a=conv(3, 16, 3, 2), gate=gate, fc=classes(16)), (3, 32, 32)


def efficient_attention():
    """ECA: a convolution over the channels' means."""

    def run(m, x):
        x = m.a(x)
        y = (
            m.eca(f.adaptive_avg_pool2d(x, 1).squeeze(-1).transpose(-1, -2))
            .transpose(-1, -2)
            .unsqueeze(-1)
        )
        return m.fc(x * torch.sigmoid(y))

    return Do(
        run, a=conv(3, 16, 3, 2), eca=nn.Conv1d(1, 1, 3, padding=1, bias=False), fc=classes(16)
    ), (3, 32, 32)


def attention_pool():
    """A softmax in the middle."""

    def run(m, x):
        x = f.relu(m.conv(x))
        return m.fc((x * m.score(x).softmax(-1)).sum(-1))

    return Do(run, conv=nn.Conv1d(8, 16, 3), score=nn.Conv1d(16, 1, 1), fc=nn.Linear(16, 4)), (
        8,
        40,
    )


def channels_last_input():
    return Do(
        lambda m, x: m.body(x.permute(0, 3, 1, 2)),
        body=nn.Sequential(conv(3, 16, 3, 2), conv(16, 16), classes(16)),
    ), (32, 32, 3)


def spectrogram():
    """Rows of features turned to channels of a signal, and back to a vector."""
    return Do(
        lambda m, x: m.fc(m.body(x.squeeze(1).transpose(1, 2)).flatten(1)),
        fc=nn.Linear(384, 5),
        body=nn.Sequential(nn.Conv1d(20, 16, 3, 2, 1), nn.ReLU6()),
    ), (1, 48, 20)


def time_and_frequency():
    """A transpose between two convolutions, and a ReLU6 behind it."""
    return Do(
        lambda m, x: m.fc(m.b(f.relu6(m.a(x).transpose(1, 2))).relu().flatten(1)),
        a=nn.Conv1d(12, 16, 3, padding=1),
        b=nn.Conv1d(30, 20, 3, padding=1),
        fc=nn.Linear(320, 5),
    ), (12, 30)


def pyramid_pool():
    """Means of several sizes, resized and joined."""

    def run(m, x):
        x = m.a(x)
        more = [
            f.interpolate(m.b(f.adaptive_avg_pool2d(x, n)), x.shape[2:], mode="bilinear")
            for n in (1, 2, 4)
        ]
        return m.c(torch.cat([x, *more], 1))

    return Do(run, a=conv(3, 16, 3, 2), b=conv(16, 4, 1), c=nn.Conv2d(28, 3, 1)), (3, 32, 32)


def max_and_mean():
    def run(m, x):
        x = f.relu(m.a(x))
        return m.fc(torch.cat([x.amax(-1), x.mean(-1)], 1))

    return Do(run, a=nn.Conv1d(8, 16, 5), fc=nn.Linear(32, 4)), (8, 50)


TOOLS = {"conv", "classes", "Do", "residual", "bottleneck", "squeeze", "shuffle", "fire", "write"}
NETS = {
    name: make
    for name, make in globals().items()
    if callable(make)
    and getattr(make, "__module__", "") == __name__
    and not name.startswith("_")
    and name not in TOOLS
}


class _Examples(ort.CalibrationDataReader):
    def __init__(self, x):
        self.rows = iter([{"x": row[None]} for row in x])

    def get_next(self):
        return next(self.rows, None)


def write(name, folder):
    torch.manual_seed(1)
    net, shape = NETS[name]()
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    net.eval()
    x, names = torch.randn(20, *shape), {"input_names": ["x"]}
    script, dynamo, plain, qdq = (
        str(folder / f"torch_{name}_{kind}.onnx") for kind in ("script", "dynamo", "plain", "qdq")
    )
    torch.onnx.export(net, (x[:1],), script, dynamo=False, **names)
    torch.onnx.export(net, (x[:1],), dynamo, dynamo=True, external_data=False, **names)
    ort.quant_pre_process(script, plain)
    kinds = {"activation_type": ort.QuantType.QInt8, "weight_type": ort.QuantType.QInt8}
    form = {"quant_format": ort.QuantFormat.QDQ, "per_channel": True}
    ort.quantize_static(plain, qdq, _Examples(x.numpy()), **form, **kinds)
    Path(plain).unlink()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for each in sys.argv[2:] or NETS:
        try:
            write(each, out)
        except Exception as error:
            print("FAILED", each, repr(error)[:300])
        print(each, flush=True)
