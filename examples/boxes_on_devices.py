"""What the decoder of boxes costs on boards, beside the net whose map it reads.

    python examples/boxes_on_devices.py

trains the net of ``drypoint train --data scenes`` for a minute, and prints for each board the bytes
of code of both decoders, of boxes and of cells, and the executed instructions of the decoder on 20
test pictures. The command needs `make device-tools`.
"""

import statistics

from drypoint import data, devices, quant, train

TARGETS = ("cortex-m0+", "cortex-m4", "cortex-m55")
HEAD = "target | code, bytes | instructions, median | most | the net's | most of the net's"


def main() -> None:
    """Print the table."""
    scenes, test = data.scenes(1500, part="train", seed=1), data.scenes(20, part="test", seed=2)
    study = train.make_study(scenes, task="detect", epochs=8)
    model = study.fit(progress="none").model
    program = quant.quantize(model, quant.calibrate(model, scenes.x[:100]))
    print(f"| {HEAD} |\n|---|{'---:|' * 5}")
    for name in TARGETS:
        cost = devices.measure_decoder(devices.target(name), program, test.x)
        counts = (int(statistics.median(cost.instructions)), max(cost.instructions), cost.net)
        cells = [name, f"{cost.code:,}", *(f"{n:,}" for n in counts), f"{100 * cost.share:.2f} %"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
