"""Recurrent nets: what a step costs on devices, and what integers lose over long sequences.

    python examples/recurrent.py steps
    python examples/recurrent.py envelope
    python examples/recurrent.py rows

``steps`` prints the executed instructions and the RAM of one step of GRU and LSTM on devices, of
nets with drawn weights; it needs `make device-tools`. ``envelope`` trains a GRU of 16 units, one
net for each seed, to give the envelope of noise after 1,000 steps, a mean that forgets in 200.
``rows`` trains an LSTM on the 28 rows of digits. Both print the float net beside its integers on
test data, ``envelope`` also after training in them; `--validation` prints them on validation data
instead, to choose hyper-parameters.
"""

import argparse
import sys

import numpy as np
from numpy.typing import NDArray

from drypoint import data, devices, engine, nn, quant, train
from drypoint.program import Program

TARGETS = ("cortex-m4", "cortex-m0+")
UNITS = (16, 32)
INPUTS = 32
TAU, STEPS = 200, 1000  # of the envelope
INTEGER_EPOCHS, INTEGER_LR = 10, 2e-3  # of its training in integers
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


def rows(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pictures as signals (N, 28, 28) of 28 pixels and 28 steps, a row each, from 0 to 1."""
    return pictures.transpose(0, 2, 1).astype(np.float32) / np.float32(255)


def main() -> int:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["steps", "envelope", "rows"])
    parser.add_argument("--targets", default=",".join(TARGETS), help="steps: names, with commas")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the nets")
    parser.add_argument("--epochs", type=int, help="of a training")
    parser.add_argument("--lr", type=float, default=0.01, help="the highest learning rate")
    parser.add_argument("--validation", action="store_true", help="validation data, not test data")
    args = parser.parse_args()
    if args.what == "steps":
        print_steps(args.targets.split(","))
    elif args.what == "envelope":
        print_envelope(args.seeds, args.epochs or 40, args.lr, validation=args.validation)
    else:
        print_rows(args.seeds, args.epochs or 2, args.lr, validation=args.validation)
    return 0


if __name__ == "__main__":
    sys.exit(main())
