"""Reading takes work in proportion to the file: each further layer, record or byte the same.

Oracle: the instructions of Python that a reader executes, and the functions that it calls, as
`sys.settrace` and `sys.setprofile` count them; they do not depend on the machine. From n to 2n and
from 2n to 3n the work grows alike, whatever part of it is the same for any content.
"""

import json
import sys
from itertools import pairwise

import numpy as np
import pytest
from onnx import TensorProto, helper

from drypoint import data, interop, measure, nn, train


def work(function, *arguments):
    """How many instructions and functions are executed while a function runs."""
    found = 0

    def trace(frame, event, _argument):
        nonlocal found
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        found += event == "opcode"
        return trace

    def profile(_frame, event, _argument):
        nonlocal found
        found += event == "c_call"

    before = sys.gettrace(), sys.getprofile()
    sys.settrace(trace)
    sys.setprofile(profile)
    try:
        function(*arguments)
    finally:
        sys.setprofile(before[1])
        sys.settrace(before[0])
    return found


def a_model_file(n, _folder):
    """n layers with arrays of their own."""
    layers = {f"fc{i}": nn.Linear(2) for i in range(n)}
    return nn.loads, nn.Model(nn.Sequential(layers, (2,)).initialize(0)).dumps()


def a_graph_file(n, _folder):
    """A graph of n layers in a row."""
    names = [f"fc{i}" for i in range(n)]
    net = nn.Graph({name: nn.Linear(2) for name in names}, [("input", *names)], {"input": (2,)})
    return nn.loads, nn.Model(net.initialize(0)).dumps()


def an_onnx_file(n, _folder):
    """n nodes in a row."""
    value = helper.make_tensor_value_info
    names = ["input", *(f"t{i}" for i in range(n))]
    nodes = [helper.make_node("Relu", [a], [b]) for a, b in pairwise(names)]
    ends = [[value(name, TensorProto.FLOAT, ["N", 3])] for name in (names[0], names[-1])]
    model = helper.make_model(helper.make_graph(nodes, "net", *ends), ir_version=8)
    return interop.from_onnx, model.SerializeToString()


def a_checkpoint(n, tmp_path):
    """n layers, each with its weights, the optimizer's moments and the best so far."""
    layers = {f"fc{i}": nn.Linear(2) for i in range(n)}
    net = nn.Sequential(layers, (2,)).initialize(0)
    pairs = np.ones((4, 2), np.float32), np.ones((4, 2), np.float32)
    options = {"epochs": 1, "progress": "none"}
    train.fit(net, pairs, checkpoint=tmp_path, **options)
    return lambda folder: train.fit(net, pairs, resume_from=folder, **options), tmp_path


def an_idx_file(n, tmp_path):
    images, labels = tmp_path / "images", tmp_path / "labels"
    data.write_idx(images, np.zeros((n, 2, 2), np.uint8))
    data.write_idx(labels, np.zeros(n, np.uint8))
    return lambda path: data.load_idx(path, labels), images


def a_folder_of_pictures(n, tmp_path):
    from PIL import Image

    (tmp_path / "class").mkdir()
    for i in range(n):
        Image.new("L", (3, 3)).save(tmp_path / "class" / f"{i}.png")
    return data.load_folder, tmp_path


def a_log(n, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("index,true,predicted\n" + "".join(f"{i},1,1\n" for i in range(n)))
    return measure.read_log, path


def a_log_of_json(n, tmp_path):
    path = tmp_path / "log.jsonl"
    row = {"true": 1, "predicted": 1, "outputs": [0, 1]}
    path.write_text("".join(json.dumps({"index": i, **row}) + "\n" for i in range(n)))
    return measure.read_log, path


READERS = (
    a_model_file,
    a_graph_file,
    an_onnx_file,
    a_checkpoint,
    an_idx_file,
    a_folder_of_pictures,
    a_log,
    a_log_of_json,
)


@pytest.mark.parametrize("make", READERS, ids=lambda make: make.__name__)
def test_each_further_piece_takes_the_same_work(make, tmp_path):
    counts = []
    for n in (4, 40, 80, 120):
        folder = tmp_path / str(n)
        folder.mkdir()
        read, content = make(n, folder)
        if n == 4:
            read(content)  # imports, and what is kept between calls
        else:
            counts.append(work(read, content))
    first, second = counts[1] - counts[0], counts[2] - counts[1]
    assert second <= 1.1 * max(first, 500), counts  # a quadratic reader: 5/3
