"""``drypoint info``: lists a file's contents."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict

from drypoint import devices, nn
from drypoint.common import DrypointError, table_lines
from drypoint.program import Program, account, lifetimes, memory_chart, simplify, to_export

from ._chip import add_optimize_argument, level
from ._foreign import add_foreign_arguments, foreign_options
from ._output import columns, result
from ._pieces import (
    account_text,
    add_streaming_argument,
    count,
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
        help="a float model (.npz), a program (.dpt), ONNX, TensorFlow Lite, or lenet-mnist; with "
        "--input an untrained net by its family and sizes, tcn:8,8",
    )
    add_foreign_arguments(parser)
    add_streaming_argument(parser, "the RAM of the program that reads one row in each step")
    parser.add_argument(
        "--target",
        type=str.lower,
        choices=[row.name for row in devices.TARGETS if row.name.startswith("cortex")],
        metavar="NAME",
        help="estimate flash, RAM and instructions on this core, without a compiler or an emulator",
    )
    add_optimize_argument(parser)
    parser.add_argument(
        "--input",
        type=_shape,
        metavar="CxHxW",
        help="the input of an untrained net: channels, height and width of pictures, 1x28x28, "
        "channels and steps of signals, or a number of values",
    )
    parser.add_argument(
        "--classes", type=count, default=10, metavar="N", help="outputs of an untrained net"
    )


def run(args: argparse.Namespace) -> int:
    """Print the listing."""
    if args.input is not None:
        net = nn.create_net(str(args.file), input_shape=args.input, classes=args.classes)
        return _show_net(net.initialize(seed=0), args)
    loaded = load_file(args.file, foreign_options(args))
    if args.target is not None and args.streaming:
        raise DrypointError("--target estimates programs of whole windows: leave --streaming out")
    if isinstance(loaded, Program):
        found = simplify(loaded)
        exported = to_export(found, streaming=args.streaming)
        memory = account(exported)
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
        cycles = devices.find_cycles(exported)
        facts["cycles"] = {name: row.total for name, row in cycles.items()}
        lines += _cycle_lines(cycles)
        estimated, more = _estimate(loaded, args)
        result("\n".join([text, *lines, *estimated]), facts | more, as_json=args.json)
        return 0
    return _show_net(loaded, args)


def _cycle_lines(cycles: Mapping[str, devices.Cycles]) -> list[str]:
    """What a run takes on cores on which exactly this program was simulated."""
    if not cycles:
        return []
    rows = [
        (name, f"{row.total:,} cycles", f"{row.instructions:,} instructions of {row.target}")
        for name, row in cycles.items()
    ]
    head = "one run, simulated with the kernels of each target at -O3 and no wait states:"
    return ["", head, *table_lines(rows, left=(0,))]


def _show_net(loaded: nn.Model | nn.Layer, args: argparse.Namespace) -> int:
    """Print the listing of a float net."""
    loaded = loaded if isinstance(loaded, nn.Model) else nn.Model(loaded)
    facts = {
        "kind": "model",
        "layers": [path for path, _ in loaded.net.leaves()],
        "parameters": loaded.net.n_params,
        "encoder": loaded.encoder.config() if loaded.encoder else None,
        "decoder": {port: each.config() for port, each in loaded.decoders.items()},
        "provenance": dict(loaded.provenance),
    }
    lines, more = _estimate(loaded, args)
    result("\n".join([loaded.net.summary(), *lines]), facts | more, as_json=args.json)
    return 0


def _estimate(
    net: nn.Model | Program, args: argparse.Namespace
) -> tuple[list[str], dict[str, object]]:
    """The lines and the facts of ``--target``."""
    if args.target is None:
        if args.optimize:
            raise DrypointError("--optimize is about a device: name one with --target")
        return [], {}
    found = devices.estimate(net, args.target, optimize=level(args))
    account, counted = found.account, found.instructions
    lines = ["", f"on {found.target.name}, {found.optimize}, estimated:", account_text(account)]
    if found.plain_arena != account.size("arena"):
        lines.append(f"arena: {found.plain_arena:,} bytes if no op ran row by row")
    lines.append(f"run: {'not known for these ops' if counted is None else counted}")
    facts = {
        "account": account.to_json(),
        "plain_arena_bytes": found.plain_arena,
        "instructions": None if counted is None else counted.total,
    }
    return lines, {"estimate": {"target": found.target.name, "optimize": found.optimize} | facts}


def _shape(text: str) -> nn.Shape:
    """A ``--input`` as a shape, for argparse."""
    sides = text.lower().split("x")
    if len(sides) > 3 or not all(s.isascii() and s.isdigit() and 1 <= len(s) <= 5 for s in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is no shape; write it as 1x28x28, 3x128 or 20")
    return tuple(map(int, sides))
