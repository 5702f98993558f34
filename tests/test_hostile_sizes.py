"""Files that are far larger than what they say or hold: each reader looks at the size first.

The files are sparse, so that they take no room on the disk: a valid beginning, then zeros.
"""

import io
import os
import tracemalloc

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image

from drypoint import data, diff, engine, interop, measure, models, nn, program
from drypoint.cli._package import package_of
from drypoint.cli._pieces import load_file
from drypoint.cli._report import training_facts
from drypoint.common import READ_LIMIT, DrypointError, read_bytes, read_start

LARGE = 5 << 30  # bytes


def jpeg():
    """A JPEG that ends within its header: zeros after it are searched for a marker."""
    buffer = io.BytesIO()
    Image.new("RGB", (6, 8)).save(buffer, "jpeg")
    return buffer.getvalue()[:300]


def wav():
    """A WAV file of 2^31 bytes of samples, by its header."""
    riff = b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0"
    return riff + b"data\xf0\xff\xff\x7f"


def read_boxes(path, name):
    return data.read(path.rename(path.with_name(name)).parent, task="detect")


IDX = b"\0\0\x08\3\0\xff\xff\xff\0\0\0\x1c\0\0\0\x1c"
READERS = {
    "from_onnx": (interop.from_onnx, b"\x08\x08"),
    "program_from_onnx": (interop.program_from_onnx, b"\x08\x08"),
    "is_quantized_onnx": (interop.is_quantized_onnx, b"\x08\x08"),
    "from_tflite": (interop.from_tflite, b"\x1c\0\0\0TFL3"),
    "program_from_tflite": (interop.program_from_tflite, b"\x1c\0\0\0TFL3"),
    "is_quantized_tflite": (interop.is_quantized_tflite, b"\x1c\0\0\0TFL3"),
    "rounding_report": (interop.rounding_report, b"\x1c\0\0\0TFL3"),
    "read_wake_word": (interop.read_wake_word, b"{"),
    "nn.load": (nn.load, b"PK\3\4"),
    "data.read npz": (lambda path: data.read(path.rename(path.with_suffix(".npz"))), b"PK\3\4"),
    "read_inputs": (lambda path: data.read_inputs(path, ["x"]), b"PK\3\4"),
    "data.read csv": (lambda path: data.read(path.rename(path.with_suffix(".csv"))), b"a,b\n1,2\n"),
    "boxes json": (lambda path: read_boxes(path, "bounding_boxes.labels"), b"{"),
    "boxes coco": (lambda path: read_boxes(path, "boxes.json"), b"{"),
    "boxes xml": (lambda path: read_boxes(path, "a.xml"), b"<annotation>"),
    "boxes csv": (lambda path: read_boxes(path, "a.csv"), b"image_path,xmin,ymin,xmax,ymax,label"),
    "read_samples": (data.read_samples, wav()),
    "read_audio": (data.read_audio, wav()),
    "load_idx": (lambda path: data.load_idx(path, path), IDX),
    "load_idx gzip": (lambda path: data.load_idx(path, path), b"\x1f\x8b\x08"),
    "picture": (data.ImageEncoder(width=4, height=4), jpeg()),
    "Program.load": (program.Program.load, b"DPT\x1a"),
    "Engine": (engine.Engine, b"DPT\x1a"),
    "load_file": (load_file, b"DPT\x1a"),
    "measure.read_log": (measure.read_log, b"index,true,predicted\n"),
    "diff.read_log": (
        lambda path: diff.read_log(path, models.load_program("lenet-mnist")),
        b"#dpt run 1",
    ),
    "training_facts": (training_facts, b"{"),
    "package_of": (lambda path: package_of([str(path)]), b'version = "1"'),
}


@pytest.mark.parametrize("name", READERS)
def test_a_file_of_5_gb_is_refused_before_it_is_read(tmp_path, name):
    read, start = READERS[name]
    path = tmp_path / "file"
    path.write_bytes(start)
    os.truncate(path, LARGE)
    tracemalloc.start()
    try:
        with pytest.raises(DrypointError, match=r"bytes of memory.* the limit is"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


def test_data_files_of_an_onnx_file_count_together(tmp_path):
    value = helper.make_tensor_value_info
    graph = helper.make_graph([helper.make_node("Add", ["input", "w0"], ["output"])], "net",
                              [value("input", TensorProto.FLOAT, ["N", 1])],
                              [value("output", TensorProto.FLOAT, ["N", 1])])  # fmt: skip
    for i in range(2):
        os.truncate(os.open(tmp_path / f"w{i}", os.O_CREAT | os.O_WRONLY), READ_LIMIT if i else 4)
        tensor = graph.initializer.add(name=f"w{i}", data_type=TensorProto.FLOAT, dims=[1])
        tensor.data_location = TensorProto.EXTERNAL
        for key, text in (("location", f"w{i}"), ("offset", "0"), ("length", "4")):
            tensor.external_data.add(key=key, value=text)
    path = tmp_path / "net.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(interop.OnnxError, match="data files"):
        interop.from_onnx(path)


def test_a_pipe_is_read_to_the_limit(tmp_path):
    """Its size is not known before it is read."""
    reads, writes = os.pipe()
    os.write(writes, b"abc" * 100)
    os.close(writes)
    with pytest.raises(DrypointError, match="300 bytes of memory to decode, the limit is 299"):
        read_bytes(f"/proc/self/fd/{reads}", limit=299)
    os.close(reads)
    assert read_start(__file__, 3) == b'"""'

    with pytest.raises(DrypointError, match="No such file"):
        read_start(tmp_path / "none", 3)


@pytest.mark.parametrize(
    "largest", [300_000_000, 2**62, 2**63, -1, -(2**62), 1e300, 1041], ids=lambda n: f"{n:g}"
)
def test_a_label_that_is_far_above_the_number_of_labels_is_one_line(tmp_path, largest):
    """A file of 900 bytes took 7.8 GB: a class for each number up to its largest label."""
    labels = np.array([0, 1, 2, largest], np.uint64 if largest == 2**63 else None)
    np.savez(tmp_path / "a.npz", x=np.arange(8.0).reshape(4, 2), y=labels)
    tracemalloc.start()
    try:
        with pytest.raises(DrypointError) as caught:
            data.read(tmp_path / "a.npz")
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)
    wanted = "number classes from 0, y + " if largest < 0 else "indices of classes up to 1,040: "
    assert wanted in str(caught.value)
    with pytest.raises(DrypointError, match=r"predictions (reach|must be class indices)"):
        measure.measure(predictions=labels, y=[0, 1, 2, 3])


def test_labels_with_smaller_gaps_are_classes(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(8.0).reshape(4, 2), y=[0, 1, 2, 1040])
    assert len(data.read(tmp_path / "a.npz")[data.ALL].classes) == 1041
