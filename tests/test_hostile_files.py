"""Every reader refuses mutated files in one line: some hundreds of mutants of valid files.

A reader gives its value or raises a `DrypointError` of one printable line, and takes no more
memory than `READ_LIMIT` and a quarter. The mutants follow from fixed seeds; the reader of programs
has tests of its own (`test_c_hostile.py`, `test_blob.py`).
"""

import contextlib
import gzip
import io
import json
import resource
import struct
import zlib
from pathlib import Path

import box_files
import mutants
import numpy as np
import onnx
import pytest
import sound_nets
import tflite_files
from onnx import TensorProto, numpy_helper
from onnx_files import OnnxFile, qdq
from PIL import Image
from trainable import blobs, classifier
from wav_files import wav_bytes

from drypoint import data, devices, interop, measure, models, nn, quant, train
from drypoint.cli._package import package_of
from drypoint.common import READ_LIMIT, DrypointError, pack_members, unpack_members
from drypoint.program import blob
from drypoint.quant import Calibration


@contextlib.contextmanager
def bounded_memory():
    """The kernel gives this process no more than the limit of the readers, and a quarter beside;
    on Linux, which says how much it has.
    """
    if not Path("/proc/self/statm").exists():
        yield
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * resource.getpagesize() + READ_LIMIT * 5 // 4
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def check_mutants(read, mutate, good, n, *, least=0.3):
    """Read n mutants; at least a share of them must be refused, else the mutants are too tame."""
    read(good)
    lines = 0
    with bounded_memory():
        for seed in range(n):
            content = mutate(np.random.default_rng(seed), good)
            try:
                read(content)
            except DrypointError as error:
                lines += 1
                line = str(error)
                several = isinstance(error, interop.ImportFileError)  # a line for each reason
                for part in line.split("\n  ") if several else [line]:
                    assert part.isprintable(), f"seed {seed}: {line!r}"
                assert 0 < len(line) < 5000, f"seed {seed}: {len(line)} characters"
            except BaseException as error:
                error.add_note(f"seed {seed}")
                raise
    assert lines >= least * n
    return lines


def a_model():
    layers = {
        "block": nn.Sequential([nn.Conv2d(2, 3), nn.BatchNorm2d(), nn.ReLU()]),
        "pool": nn.MaxPool2d(2), "flat": nn.Flatten(), "drop": nn.Dropout(0.5), "fc": nn.Linear(3),
    }  # fmt: skip
    net = nn.Sequential(layers, (1, 6, 8)).initialize(0)
    encoder = data.ImageEncoder(width=8, height=6, mean=0.5, std=0.25)
    return nn.Model(
        net, encoder=encoder, decoder=data.ClassDecoder(["a", "b", "c"]), provenance={"n": [1, 0.5]}
    )


def test_model_files():
    check_mutants(nn.loads, mutants.zip_changed, a_model().dumps(), 400)


def test_files_of_models_trained_in_integers():
    x = np.random.default_rng(0).integers(0, 256, (20, 6, 8)).astype(np.uint8)
    content = quant.Scheme(weights={"fc": 2, "*": 4}).training_model(a_model(), x).dumps()
    check_mutants(lambda c: quant.quantize(nn.loads(c)), mutants.zip_changed, content, 100)
    members = unpack_members(content)

    def quantize(text):
        quant.quantize(nn.loads(pack_members({**members, "model.json": text.encode()})))

    check_mutants(quantize, mutants.json_changed, members["model.json"].decode(), 200)


def test_model_files_of_graphs():
    layers = {"a": nn.Linear(2), "b": nn.Linear(2), "sum": nn.Add()}
    ports = nn.Add().input_ports
    edges = [("input", "a", f"sum.{ports[0]}"), ("input", "b", f"sum.{ports[1]}")]
    net = nn.Graph(layers, edges, {"input": (3,)}).initialize(0)
    check_mutants(nn.loads, mutants.zip_changed, nn.Model(net).dumps(), 200)


def test_checkpoints(tmp_path):
    path = tmp_path / "checkpoint.npz"

    def resume(content):
        path.write_bytes(content)
        return train.fit(classifier(), blobs(), epochs=1, resume_from=tmp_path, progress="none")

    train.fit(classifier(), blobs(), epochs=1, checkpoint=tmp_path, progress="none")
    check_mutants(resume, mutants.zip_changed, path.read_bytes(), 200)


def an_onnx_file():
    f = OnnxFile((1, 6, 8))
    f.then("Conv", f.drawn(2, 1, 3, 3), f.drawn(2), kernel_shape=[3, 3], auto_pad="VALID").norm(2)
    f.then("MaxPool", kernel_shape=[1, 2], strides=[1, 2], pads=[0] * 4)
    x = f.then("Reshape", f.ints(-1, 24)).then("MatMul", f.drawn(24, 3)).at
    added = numpy_helper.from_array(np.ones(3, np.float32), "added")
    f.of("Add", x, f.of("Constant", value=added))
    return f.then("Softmax", axis=1).bytes()


def onnx_changed(rng, content):
    if not rng.integers(4):
        return mutants.bytes_changed(rng, content)
    message = onnx.ModelProto.FromString(content)
    for _ in range(int(rng.integers(1, 3))):
        mutants.message_changed(rng, message)
    return message.SerializeToString()


def an_onnx_graph():
    """Branches, exchanged axes, computed shapes, functions as chains of nodes."""
    f = OnnxFile((6, 6, 3), opset=18)
    f.then("Transpose", perm=[0, 3, 1, 2])
    x = f.then("Conv", f.drawn(4, 3, 3, 3), f.drawn(4), pads=[1, 1, 1, 1]).at
    gate = f.of("Clip", f.of("Add", x, f.constant(3.0)), f.constant(0.0), f.constant(6.0))
    x = f.of("Div", f.of("Mul", x, gate), f.constant(6.0))
    left, right = f.of("Split", x, axis=1, outputs=2)
    f.of("Concat", f.of("Slice", left, f.ints(1), f.ints(5), f.ints(2)),
         f.of("Slice", right, f.ints(1), f.ints(5), f.ints(2)), axis=1)  # fmt: skip
    f.then("Pad", f.ints(0, 0, 0, 1, 0, 0, 0, 1))
    x = f.then("MaxPool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1).at
    size = f.of("Gather", f.of("Shape", x), f.constant(0, np.int64), axis=0)
    f.of("Reshape", x, f.of("Concat", f.of("Unsqueeze", size, f.ints(0)), f.ints(-1), axis=0))
    return f.then("Gemm", f.drawn(32, 3), f.drawn(3)).then("Softmax", axis=1).bytes()


def a_quantized_onnx_file():
    """A residual block between QuantizeLinear and DequantizeLinear, and an operator on integers."""
    f = OnnxFile((2, 5, 5), opset=17)

    def steps(scale, zero):
        return f.constant(scale), f.constant(zero, np.int8)

    def weights(shape, scales):
        integers = f.constant(f.rng.integers(-127, 128, shape), np.int8)
        return integers, f.constant(scales), f.constant(np.zeros(len(scales)), np.int8)

    x = qdq(f, "input", 0.05, 3)
    kernel = f.of("DequantizeLinear", *weights((2, 2, 3, 3), [0.01, 0.02]), axis=0)
    made = f.of("Conv", x, kernel, f.drawn(2), pads=[1, 1, 1, 1])
    x = qdq(f, f.of("Relu", f.of("Add", qdq(f, made, 0.1, -5), x)), 0.1, -128)
    x = f.of("Reshape", f.of("QuantizeLinear", x, *steps(0.1, -128)), f.ints(-1, 50))
    f.of("QLinearMatMul", x, *steps(0.1, -128), *weights((50, 3), [0.01]), *steps(0.2, 9))
    return f.then("DequantizeLinear", *steps(0.2, 9)).bytes()


def test_onnx_files():
    """Chains, graphs and quantized files; a quantized one is compared with its framework too."""
    check_mutants(interop.from_onnx, onnx_changed, an_onnx_file(), 500)
    check_mutants(interop.from_onnx, onnx_changed, an_onnx_graph(), 400)
    check_mutants(interop.program_and_rounding, onnx_changed, a_quantized_onnx_file(), 400)


def test_a_layer_in_floats_of_a_quantized_file_is_named():
    """A convolution in floats before an integer operator; what reads it is not named."""
    model = onnx.load_model_from_string(a_quantized_onnx_file())
    conv, reshape = (next(node for node in model.graph.node if node.op_type == kind)
                     for kind in ("Conv", "Reshape"))  # fmt: skip
    reshape.input[0] = conv.output[0]
    with pytest.raises(interop.OnnxError, match=r"1 of 3 layers: Conv .* computed in floats"):
        interop.program_from_onnx(model.SerializeToString())


def test_data_files_of_onnx_files(tmp_path):
    path = tmp_path / "net.onnx"
    (tmp_path / "weights.bin").write_bytes(np.ones(600, np.float32).tobytes())
    message = onnx.ModelProto.FromString(an_onnx_graph())
    for tensor in message.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            size = len(tensor.raw_data)
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", "weights.bin"), ("offset", 0), ("length", size)):
                tensor.external_data.add(key=key, value=str(value))

    def read(content):
        path.write_bytes(content)
        return interop.from_onnx(path)

    check_mutants(read, onnx_changed, message.SerializeToString(), 300)


def words_changed(rng, content):
    """Some words of a FlatBuffers file overwritten: offsets, lengths, numbers of its tables."""
    if not rng.integers(4):
        return mutants.bytes_changed(rng, content)
    words = np.frombuffer(content[: len(content) // 4 * 4], "<u4").copy()
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(words)))
        near = int(words[at]) + int(rng.integers(-9, 10))
        words[at] = rng.choice([*mutants.NUMBERS, near % 2**32])
    return words.tobytes()


def test_tflite_files():
    """The integers and the floats; truncated at every byte of the tables, and mutated."""
    for read, good in (
        (interop.program_and_rounding, tflite_files.a_net()),
        (interop.from_tflite, tflite_files.a_net("FLOAT32")),
        (interop.program_and_rounding, tflite_files.a_stream()),
        (interop.program_from_tflite, tflite_files.a_dilation()),
    ):
        check_mutants(read, words_changed, good, 400, least=0.2)
        with bounded_memory():
            for end in range(0, len(good), len(good) // 1000):
                with pytest.raises(DrypointError) as found:
                    read(good[:end])
                lines = str(found.value).split("\n  ")
                assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_idx_files(tmp_path, packed):
    path = tmp_path / "file"

    def read(content):
        path.write_bytes(content)
        return data.load_idx(path, labels)

    def gzip_changed(rng, content):
        if rng.integers(3):
            return gzip.compress(mutants.idx_changed(rng, gzip.decompress(content)), mtime=0)
        return mutants.bytes_changed(rng, content)

    labels = tmp_path / "labels"
    data.write_idx(labels, np.arange(5, dtype=np.uint8))
    good = data.idx_bytes(np.arange(60, dtype=np.uint8).reshape(5, 3, 4))
    if packed:
        check_mutants(read, gzip_changed, gzip.compress(good, mtime=0), 300)
    else:
        check_mutants(read, mutants.idx_changed, good, 300)


def member_changed(rng, content):
    members = unpack_members(content)
    name = sorted(members)[rng.integers(len(members))]
    return pack_members({**members, name: mutants.npy_changed(rng, members[name])})


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed], ids=["plain", "compressed"])
@pytest.mark.parametrize("inputs", [["x"], ["image", "weather"]], ids=["one", "several"])
def test_npz_files_of_examples(tmp_path, save, inputs):
    path, buffer = tmp_path / "file.npz", io.BytesIO()

    def read(content):
        path.write_bytes(content)
        data.read_inputs(path, inputs)
        return data.read(path)

    x = np.arange(60, dtype=np.uint8).reshape(5, 3, 4)
    arrays = dict.fromkeys(inputs, x)
    save(buffer, **arrays, y=np.arange(5), classes=np.array([*"abcde"]))
    check_mutants(read, mutants.bytes_changed, buffer.getvalue(), 200 // len(inputs))

    if save is np.savez:
        check_mutants(read, member_changed, buffer.getvalue(), 300 // len(inputs))


def test_tables_and_sounds(tmp_path):
    table, sound = tmp_path / "file.csv", tmp_path / "a/file.wav"
    sound.parent.mkdir()

    def read_table(text):
        table.write_bytes(text if isinstance(text, bytes) else text.encode())
        return data.read(table), data.read(table, window=2)

    def read_sound(content):
        sound.write_bytes(content)
        return data.read(tmp_path, window=4)

    rows = "".join(f"{i * i % 7},{i * 5 % 12 / 4},{'ab'[i % 2]}\n" for i in range(12))
    check_mutants(read_table, mutants.csv_changed, f"x,y,label\n{rows}", 200)
    check_mutants(read_table, mutants.bytes_changed, f"x,y,label\n{rows}".encode(), 200, least=0.1)
    table.unlink()
    good = wav_bytes(np.arange(80, dtype=np.uint8).view("<i2"), channels=2)
    check_mutants(read_sound, mutants.bytes_changed, good, 200, least=0.1)


@pytest.mark.parametrize("kind", box_files.FORMATS)
def test_boxes(tmp_path, kind):
    """The file of boxes of each format, and the names of YOLO's classes."""
    box_files.folder(tmp_path, kind)
    files = [path for path in tmp_path.iterdir() if path.suffix != ".png" and path.name != "b.txt"]
    for path in files:

        def read(content, path=path):
            path.write_bytes(content)
            return data.read(tmp_path, task="detect")

        good = path.read_bytes()
        check_mutants(read, mutants.bytes_changed, good, 150, least=0.05)
        path.write_bytes(good)


def test_boxes_in_npz_files(tmp_path):
    path, buffer = tmp_path / "file.npz", io.BytesIO()
    boxes = data.Boxes.of([[(0, 1, 1, 3, 3)], [], [(1, 0, 0, 2, 2), (0, 1, 0, 3, 2)]])
    np.savez(buffer, x=np.zeros((3, 4, 5), np.uint8), **boxes.to_arrays())

    def read(content):
        path.write_bytes(content)
        return data.read(path).parts

    check_mutants(read, member_changed, buffer.getvalue(), 200)


def pictures():
    """A picture in each format: name -> bytes, and how it is changed."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    found = {}
    for kind, mode in (("png", "RGB"), ("png", "P"), ("jpeg", "RGB"), ("bmp", "L"), ("gif", "P"),
                       ("ppm", "RGB"), ("tiff", "RGB")):  # fmt: skip
        buffer = io.BytesIO()
        more = {"exif": exif} if kind in ("png", "jpeg") else {}
        Image.fromarray(pixels).convert(mode).save(buffer, kind, **more)
        change = mutants.png_changed if kind == "png" else mutants.bytes_changed
        found[f"{kind} {mode}"] = buffer.getvalue(), change
    return found


def test_pictures(tmp_path):
    encoder, path = data.ImageEncoder(width=4, height=4), tmp_path / "picture"

    def read(content):
        path.write_bytes(content)
        return encoder(path)

    for good, change in pictures().values():
        check_mutants(read, change, good, 150, least=0.0)
    check_mutants(read, *reversed(pictures()["png P"]), 150)


def test_logs_of_devices(tmp_path):
    path = tmp_path / "log"

    def read(text):
        path.write_text(text, "utf-8")
        return measure.read_log(path, output_scale=0.5)

    table = "index,true,predicted,a,b,c\n0,1,1,-5,7,3\n1,0,0,9,7,3\n2,2,2,0,0,1\n"
    check_mutants(read, mutants.csv_changed, table, 300)

    def lines_changed(rng, text):
        lines = text.splitlines()
        at = int(rng.integers(len(lines)))
        lines[at] = mutants.json_changed(rng, lines[at])
        return "\n".join(lines)

    rows = [{"index": i, "true": i, "predicted": i, "outputs": [int(i == j) for j in range(3)]}
            for i in range(3)]  # fmt: skip
    check_mutants(read, lines_changed, "\n".join(map(json.dumps, rows)), 300)


def test_calibrations_and_cards():
    ranges = {"input": (0.0, 1.0), "conv": (-3.0, 2.5)}
    calibration = Calibration(ranges=ranges, method="minmax", percentile=100.0, n_examples=10)
    check_mutants(Calibration.from_json, mutants.json_changed, calibration.to_json(), 300)
    card = models.card("lenet-mnist").to_json()
    check_mutants(
        lambda text: str(models.ModelCard.from_json(text)), mutants.json_changed, card, 300
    )


def test_files_of_package_facts(tmp_path):
    path = tmp_path / "package.toml"

    def read(content):
        path.write_bytes(content)
        return package_of([str(path)])

    good = b'version = "1.2.3"\nlicence = "MIT"\nauthor = "A. Body"\nurl = "https://example.org"\n'
    check_mutants(read, mutants.bytes_changed, good, 300)
    for broken in (b"a = " + b"[" * 8000, b"a" + b".a" * 4000 + b" = 1", b"\xff", b"a" * 9000):
        with pytest.raises(DrypointError):
            read(broken)


def test_answers_of_devices():
    """Bytes of a device: a status, the number of runners; of each its name and, by input, a status,
    checksums and outputs.
    """
    program = models.load_program("lenet-mnist")
    jobs = [devices.Job(program=program, inputs=np.zeros((2, 28, 28, 1), np.uint8))]
    outputs = struct.pack("<i3I10i", 0, 1, 2, 3, *range(10))
    good = struct.pack("<iI", 0, 1) + b"scalar".ljust(16, b"\0") + 2 * outputs
    (run,) = devices.decode(jobs, good, "little")[0]
    assert (run.runner, run.outputs[1].tolist()) == ("scalar", [*range(10)])
    check_mutants(
        lambda answer: devices.decode(jobs, answer, "little"), mutants.bytes_changed, good, 300
    )


def nested_graphs(n):
    """An ONNX model: a graph with a node with an attribute that is such a graph, n times."""
    content = b""
    # The graph of an attribute, the attribute of a node, the node of a graph; the model's graph.
    fields = [*(6, 5, 1) * n, 7]
    for field in fields:
        size, digits = len(content), b""
        while size > 127:
            digits, size = digits + bytes([size & 127 | 128]), size >> 7
        content = bytes([field << 3 | 2]) + digits + bytes([size]) + content
    return content + b"\x08\x08"  # the format's version


def test_nesting_without_end_is_refused_by_every_reader(tmp_path):
    model, log = unpack_members(a_model().dumps()), tmp_path / "log"
    train.fit(classifier(), blobs(), epochs=1, checkpoint=tmp_path, progress="none")
    checkpoint = tmp_path / "checkpoint.npz"
    arrays = unpack_members(checkpoint.read_bytes())
    for text in (
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" * 50_000 + "]" * 50_000,
        "[" * 300 + "]" * 300,
    ):
        log.write_text(f'{{"index": {text}')
        checkpoint.write_bytes(pack_members({**arrays, "checkpoint.json": text.encode()}))
        readers = [
            lambda t: nn.loads(pack_members({**model, "model.json": t.encode()})),
            lambda _: train.fit(classifier(), blobs(), epochs=1, resume_from=tmp_path),
            lambda _: measure.read_log(log),
            Calibration.from_json,
            models.ModelCard.from_json,
        ]
        for read in readers:
            with pytest.raises(DrypointError, match="JSON"):
                read(text)
    for n in (30, 40, 10_000):
        with pytest.raises(interop.OnnxError) as refusal:
            interop.from_onnx(nested_graphs(n))
        assert str(refusal.value).isprintable()


def test_manifests_of_wake_words(tmp_path):
    """The net beside them reads rows of 8 features, so that a good manifest is refused, too."""
    (tmp_path / "word.tflite").write_bytes(tflite_files.a_stream())
    micro = {"probability_cutoff": 0.9, "feature_step_size": 10, "sliding_window_size": 5}
    manifest = {"wake_word": "word", "version": 2, "model": "word.tflite", "micro": micro}
    good, path = json.dumps(manifest).encode(), tmp_path / "word.json"

    def read(content):
        path.write_bytes(content)
        if content == good:
            with pytest.raises(interop.ImportFileError, match="wanted: rows of 40"):
                interop.read_wake_word(path)
        else:
            interop.read_wake_word(path)

    check_mutants(read, mutants.bytes_changed, good, 300)


def test_records_of_sound():
    good = blob.dumps(sound_nets.window_program("spectrum"))

    def change(rng, content):
        copy = bytearray(content)
        at = int.from_bytes(copy[60:64], "little")
        tables = int.from_bytes(copy[at + 32 : at + 36], "little")
        for _ in range(int(rng.integers(1, 4))):
            low, high = (at, at + 64) if rng.random() < 0.5 else (tables, at)
            copy[int(rng.integers(low, high))] ^= int(rng.integers(1, 256))
        copy[12:16] = zlib.crc32(memoryview(copy)[16:]).to_bytes(4, "little")
        return bytes(copy)

    check_mutants(blob.loads, change, good, 300)
