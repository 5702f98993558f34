"""``drypoint info``: lists a file's contents."""

import argparse

from drypoint.program import Program, lifetimes, memory_chart, simplify

from ._output import columns, result
from ._pieces import add_labels_argument, load_file, model_file, ram_text

EXAMPLE = "drypoint info build/lenet/lenet.dpt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "file",
        type=model_file,
        help="a float model (.npz), a program (.dpt), ONNX, TensorFlow Lite, or lenet-mnist",
    )
    add_labels_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Print the listing."""
    loaded = load_file(args.file, args.labels)
    if isinstance(loaded, Program):
        found = simplify(loaded)
        facts = {
            "kind": "program",
            "name": loaded.name,
            "ops": [op.name for op in loaded.ops],
            "macs": loaded.macs,
            "arena_bytes": loaded.arena_size,
            "ram_bytes_without_stack": loaded.ram_size,
            "memory": [lifetime._asdict() for lifetime in lifetimes(loaded)],
            "left_out": found.to_json(),
            "labels": list(loaded.labels),
            "encoder": loaded.encoder,
            "provenance": dict(loaded.provenance),
        }
        text = f"{loaded}\ndrypoint export would leave out: {found.left_out}"
        lines = [
            *str(found).splitlines()[1:],
            "",
            f"RAM: {ram_text(loaded)}",
            "",
            memory_chart(loaded, columns()),
        ]
        result("\n".join([text, *lines]), facts, as_json=args.json)
        return 0
    facts = {
        "kind": "model",
        "layers": [path for path, _ in loaded.net.leaves()],
        "parameters": loaded.net.n_params,
        "encoder": loaded.encoder.config() if loaded.encoder else None,
        "decoder": {port: each.config() for port, each in loaded.decoders.items()},
        "provenance": dict(loaded.provenance),
    }
    result(loaded.net.summary(), facts, as_json=args.json)
    return 0
