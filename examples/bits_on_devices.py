"""What LeNet costs on devices with weights of 8, 4 and 2 bits, rounded without training.

    python examples/bits_on_devices.py
    python examples/bits_on_devices.py --targets cortex-m4

prints the accuracy of each program on MNIST's test images, and for each target the flash of code
and of tables, and the executed instructions of one image. The command needs `make device-tools`.
"""

import argparse
import sys

from drypoint import data, devices, engine, measure, models, quant

TARGETS = ("cortex-m0+", "cortex-m4", "cortex-m55", "riscv32")
HEAD = "target | bits | code | tables | instructions | a MAC | test accuracy"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--targets", default=",".join(TARGETS), help="names, with commas")
    args = parser.parse_args()
    targets = [devices.target(name) for name in args.targets.split(",")]
    model, test = models.load("lenet-mnist"), data.load("mnist", "test")
    calibration = quant.calibrate(model, data.load("mnist", "train").x[:2000])
    programs = {bits: quant.quantize(model, calibration, weights=bits) for bits in (8, 4, 2)}
    accuracies = {
        bits: f"{100 * measure.measure(engine.Engine(program), test).accuracy:.2f} %"
        for bits, program in programs.items()
    }
    print(f"| {HEAD} |\n|---|---|{'---:|' * 5}")
    for target in targets:
        for bits, program in programs.items():
            cost = devices.measure_cost(target, program, golden=test.x[:1, ..., None])
            count = cost.instructions
            total = None if count is None else count.total
            run = "" if total is None else f"{total:,}"
            share = "" if total is None else f"{total / program.macs:.2f}"
            sizes = (f"{cost.account.size(part):,}" for part in ("code", "tables"))
            cells = [target.name, str(bits), *sizes, run, share]
            print(f"| {' | '.join([*cells, accuracies[bits]])} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
