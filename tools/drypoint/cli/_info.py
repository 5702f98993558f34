"""``drypoint info``: lists a file's contents."""

import argparse
from dataclasses import asdict

from drypoint.program import Program, account, lifetimes, memory_chart, simplify, to_export

from ._foreign import add_foreign_arguments, foreign_options
from ._output import columns, result
from ._pieces import (
    account_text,
    add_streaming_argument,
    listing_text,
    load_file,
    model_file,
)

EXAMPLE = "drypoint info build/lenet/lenet.dpt"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument(
        "file",
        type=model_file,
        help="a float model (.npz), a program (.dpt), ONNX, TensorFlow Lite, or lenet-mnist",
    )
    add_foreign_arguments(parser)
    add_streaming_argument(parser, "the RAM of the program that reads one row in each step")


def run(args: argparse.Namespace) -> int:
    """Print the listing."""
    loaded = load_file(args.file, foreign_options(args))
    if isinstance(loaded, Program):
        found = simplify(loaded)
        memory = account(to_export(found, streaming=args.streaming))
        facts = {
            "kind": "program",
            "name": loaded.name,
            "ops": [op.name for op in loaded.ops],
            "macs": loaded.macs,
            "arena_bytes": loaded.arena_size,
            "ram_bytes_without_stack": memory.ram_bytes,
            "account": memory.to_json(),
            "memory": [lifetime._asdict() for lifetime in lifetimes(loaded)],
            "left_out": found.to_json(),
            "labels": list(loaded.labels),
            "boxes": None if loaded.boxes is None else asdict(loaded.boxes),
            "encoder": loaded.encoder,
            "provenance": dict(loaded.provenance),
        }
        command = f"drypoint export{' --streaming' * args.streaming}"
        text = f"{listing_text(loaded)}\ndrypoint export would leave out: {found.left_out}"
        lines = [
            *str(found).splitlines()[1:],
            "",
            f"as {command} writes it:",
            account_text(memory),
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
