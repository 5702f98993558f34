"""Time and memory from the start of a process to its first result, and bytes on the disk."""

import sys
import time
from pathlib import Path

import numpy as np

from drypoint.common import progress
from drypoint.engine import Engine
from drypoint.interop import ExportError

from ._contestants import PEERS, installed_peers
from ._figure import Figure
from ._net import Bench
from ._nets import Case
from ._plan import Plan
from ._process import Process, build_static
from ._result import Startup

ROUNDS = 5  # at most: a start takes a part of a second

# A user's program; {model} and {images} are paths. The line "ready" stops the clock.
PYTHON = """import numpy as np
x = np.load({images!r})[:1]
{code}
print("ready", flush=True)
input()
"""
CODE = {
    "drypoint": """from drypoint.common import progress
from drypoint.engine import Engine
y = Engine({model!r}).run(x)""",
    "LiteRT": """from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path={model!r}, num_threads=1)
interpreter.allocate_tensors()
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
interpreter.invoke()
y = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])""",
    "OpenVINO": """import openvino
core = openvino.Core()
net = core.compile_model(core.read_model({model!r}), "CPU", {{"INFERENCE_NUM_THREADS": 1}})
y = net(x)""",
    "ONNX Runtime": """import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession({model!r}, options, providers=["CPUExecutionProvider"])
y = session.run(None, {{session.get_inputs()[0].name: x}})""",
}


def time_startup(bench: Bench, case: Case, plan: Plan, *, compiler: str) -> tuple[Startup, ...]:
    """Start every contestant's program once in every round."""
    files = bench.write(case)
    begun: dict[str, tuple[tuple[str, ...], int]] = {}
    static, what = build_static(compiler, bench.folder)
    begun[f"drypoint, {what} C program"] = (
        (str(static), str(files.program), str(files.raw), plan.backends[0]),
        static.stat().st_size + files.program.stat().st_size,
    )
    begun["drypoint, Python"] = (
        _in_python("drypoint", files.program, files.images),
        files.program.stat().st_size,
    )
    begun |= _peers(bench, case) if plan.peers else {}
    ms: dict[str, list[float]] = {name: [] for name in begun}
    memory: dict[str, list[float]] = {name: [] for name in begun}
    rounds = min(ROUNDS, plan.rounds)
    with progress("timing starts", total=rounds * len(begun), unit="starts") as done:
        for name, (command, _) in rounds * [*begun.items()]:
            begin = time.perf_counter()
            with Process(name, command, cpus=bench.core) as process:
                ms[name].append(1e3 * (time.perf_counter() - begin))
                memory[name].append(process.peak_memory() / 1e6)
            done(1)
    return tuple(
        Startup(
            name=name,
            first_result_ms=Figure(tuple(ms[name])),
            peak_mb=Figure(tuple(memory[name])),
            bytes=size,
        )
        for name, (_, size) in begun.items()
    )


def _in_python(name: str, model: Path, images: Path) -> tuple[str, ...]:
    code = CODE[name].format(model=str(model))
    return sys.executable, "-c", PYTHON.format(images=str(images), code=code)


def _peers(bench: Bench, case: Case) -> dict[str, tuple[tuple[str, ...], int]]:
    """Name -> command and bytes of the model, for each peer that takes the program."""
    typical, found = Engine(case.program).run(case.images), {}
    for name in installed_peers():
        kind = PEERS[name][0]
        model, images = bench.folder / f"{name}{kind.suffix}", bench.folder / f"{name}.npy"
        try:
            content = kind.write(case.program, outputs=typical)
        except ExportError:
            continue  # `time_net` noted the reason already
        model.write_bytes(content)
        np.save(images, np.ascontiguousarray(kind.lay_out(case.images[:1])))
        found[name] = (_in_python(name, model, images), len(content))
    return found
