"""A detector of cells like FOMO's, from pictures to an int8 .tflite file and back.

    python examples/fomo.py FOLDER

The net is MobileNetV2 with a width of 0.35, 96 x 96 pixels, cut where a cell has 8 x 8 pixels, and
a head of two convolutions of 1 x 1 (Edge Impulse's FOMO). It learns squares and discs. The file
ends in a softmax of each cell. LiteRT and the program of the file decide on 14,400 cells, and find
things in 100 pictures: cells of a class that touch.
"""

import argparse
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from drypoint import data, interop, nn, quant, tasks, train
from drypoint.engine import Engine

CLASSES = ("background", "square", "disc")
SIZE, CELLS = 96, 12
Pictures = NDArray[np.float32]


# From 1/2 on in LiteRT's steps of 1/256: "Thresholds of int8 probabilities" in BOXES.md.
DECODER = data.BoxDecoder(CLASSES[1:], cell=8, conf=127.5 / 256, cells=True, background=True)


def block(inputs: int, channels: int, *, stride: int = 1, expand: int = 6) -> nn.Layer:
    """MobileNetV2's inverted residual: a wide depthwise convolution between two narrow planes."""
    wide = inputs * expand
    layers = convolution(wide, 1) if expand > 1 else {}
    layers |= {
        "depthwise": nn.Conv2d(
            wide, 3, stride=stride, padding="same", groups=wide, bias=False, in_channels=wide
        ),
        "depthwise_norm": nn.BatchNorm2d(),
        "depthwise_act": nn.ReLU6(),
        "project": nn.Conv2d(channels, 1, bias=False),
        "project_norm": nn.BatchNorm2d(),
    }
    chain = nn.Sequential(layers)
    if stride != 1 or inputs != channels:
        return chain
    edges = [("input", "chain", "add.a"), ("input", "add.b")]
    return nn.Graph({"chain": chain, "add": nn.Add()}, edges)


def convolution(channels: int, kernel: int, *, stride: int = 1) -> dict[str, nn.Layer]:
    """A convolution, its batch norm and ReLU6."""
    return {
        "conv": nn.Conv2d(channels, kernel, stride=stride, padding="same", bias=False),
        "norm": nn.BatchNorm2d(),
        "act": nn.ReLU6(),
    }


def fomo() -> nn.Sequential:
    """The net: 12 x 12 cells of three classes."""
    layers = {
        "stem": nn.Sequential(convolution(16, 3, stride=2)),
        "block0": block(16, 8, expand=1),
        "block1": block(8, 8, stride=2),
        "block2": block(8, 8),
        "block3": block(8, 16, stride=2),
        "block4": block(16, 16),
        "block5": block(16, 16),
        "block6": nn.Sequential(convolution(96, 1)),
        "head": nn.Conv2d(32, 1),
        "act": nn.ReLU(),
        "logits": nn.Conv2d(len(CLASSES), 1),
        "softmax": nn.Softmax(axis=0),
    }
    return nn.Sequential(layers, (1, SIZE, SIZE))


def pictures(count: int, *, seed: int) -> tuple[Pictures, Pictures]:
    """Gray pictures (N, 1, 96, 96) of two shapes on a noisy slope, and the classes of the cells as
    (N, 3, 12, 12).
    """
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    x = rng.normal(0, 0.1, (count, 1, SIZE, SIZE)).astype(np.float32)
    x += (rng.uniform(-0.005, 0.005, (count, 1, 1, 1)) * row).astype(np.float32)
    y = np.zeros((count, len(CLASSES), CELLS, CELLS), np.float32)
    places = np.arange(CELLS) * 8 + 4
    for picture, classes in zip(x, y, strict=True):
        for _ in range(2):
            kind, radius = rng.integers(1, 3), rng.uniform(9, 16)
            top, left = rng.uniform(radius, SIZE - radius, 2)
            down, right = np.abs(row - top), np.abs(column - left)
            far = np.maximum(down, right) if kind == 1 else np.hypot(down, right)
            picture[0] += np.where(far < radius, rng.uniform(0.7, 1.2), 0).astype(np.float32)
            inside = far[np.ix_(places, places)] < radius
            classes[:, inside] = 0
            classes[kind, inside] = 1
        classes[0] = 1 - classes[1:].sum(axis=0)
    return x, y


def with_softmax(content: bytes) -> bytes:
    """The file with a softmax over the channels of each cell behind its output."""
    model = schema.ModelT.InitFromPackedBuf(content)
    (graph,) = model.subgraphs
    shares, quantization = schema.TensorT(), schema.QuantizationParametersT()
    quantization.scale, quantization.zeroPoint = np.float32([1 / 256]), np.array([-128])
    shares.name, shares.shape = "shares", graph.tensors[graph.outputs[0]].shape
    shares.type, shares.quantization = schema.TensorType.INT8, quantization
    code, operator, options = schema.OperatorCodeT(), schema.OperatorT(), schema.SoftmaxOptionsT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.SOFTMAX
    code.version = 1
    options.beta = 1.0
    operator.opcodeIndex, operator.builtinOptions = len(model.operatorCodes), options
    operator.builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
    operator.inputs, operator.outputs = [*graph.outputs], [len(graph.tensors)]
    model.operatorCodes.append(code)
    graph.tensors.append(shares)
    graph.operators.append(operator)
    graph.outputs = operator.outputs
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def run_litert(content: bytes, integers: NDArray[np.int8]) -> NDArray[np.int32]:
    """The outputs of a file by LiteRT less their zero point: (N, 12, 12, 3)."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (given,), (end,) = interpreter.get_input_details(), interpreter.get_output_details()
    outputs = []
    for example in integers:
        interpreter.set_tensor(given["index"], example[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(end["index"])[0])
    return np.stack(outputs).astype(np.int32) - end["quantization"][1]


def main() -> None:
    """Train, quantize, write, read, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=16)
    args = parser.parse_args()
    folder: Path = args.folder
    folder.mkdir(parents=True, exist_ok=True)
    training = pictures(400, seed=0)
    result = train.fit(
        fomo(), training, epochs=args.epochs, batch_size=16, loss=nn.MSELoss(),
        optimizer=train.Adam(lr=0.004), seed=0, progress="none",
    )  # fmt: skip
    program = quant.quantize(result.model, quant.calibrate(result.model, training[0]))
    logits = interop.to_tflite(program, program.integers(training[0][:100]))
    content = with_softmax(logits)
    (folder / "fomo.tflite").write_bytes(content)

    again = tasks.with_decoder(interop.program_from_tflite(content, name="fomo"), DECODER)
    again.save(folder / "fomo.dpt")
    x, y = pictures(100, seed=1)  # 14,400 cells
    integers = again.integers(x)
    engine, shares = Engine(again), run_litert(content, integers) / 256
    scores = engine.run(integers).reshape(shares.shape)
    ours, theirs = scores.argmax(axis=3), shares.argmax(axis=3)
    print(f"cells of the right class: {(ours == y.argmax(axis=1)).mean():.1%}")
    print(f"{(ours != theirs).sum()} of {ours.size:,} decisions differ from LiteRT's")
    found = [{box[:1] + box[2:] for box in boxes} for boxes in engine.predict(integers)]
    wanted = [{box[:1] + box[2:] for box in boxes} for boxes in DECODER(np.moveaxis(shares, 3, 1))]
    equal = sum(map(set.__eq__, found, wanted))
    print(f"{equal} of {len(x)} pictures have LiteRT's cells, {sum(map(len, found))} things")
    steps = np.abs(scores - run_litert(logits, integers))
    print(f"{(steps > 0).sum()} of {steps.size:,} logits differ, by at most {steps.max()}")
    print(f"{again.macs:,} MACs, arena {again.arena_size:,} bytes")


if __name__ == "__main__":
    main()
