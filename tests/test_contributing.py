"""CONTRIBUTING.md: the lists of files that a new op takes, where `Mul` stands in the first ones
alone, `MaxPool` in each of the second; the files from a net to a program, and to a trained net; the
recipe of a task."""

import re
import sys
from pathlib import Path

import numpy as np
import op_lists

from drypoint import nn, quant, tasks, train
from tools import ROOT

NAMES = re.compile(r"\b(?:Mul|mul|MUL|DPT_MUL|dpt_scalar_mul)\b")
WINDOWED = re.compile(r"MaxPool|maxpool|max_pool")
CORE = (
    "engine_c",
    *(f"pybridge/drypoint/{part}" for part in ("graph", "program", "quant")),
    "trainer/drypoint/nn",
)
BY_NUMBER = "tests/engine_c/kinds.h"  # BLOB.md's numbers of Mul and MaxPool are 10 and 3

# By a command; the bound of a product; tables of kernels, SIMD kernels; training; hints.
MORE = {
    "engine_c/include/drypoint.h",
    "engine_c/include/drypoint_kernels.h",
    "engine_c/STREAMING.md",
    "engine_c/src/host/dpt_quads_values.inc",
    "pybridge/drypoint/program/ops/_op.py",
    "pybridge/drypoint/program/_codegen.py",
    "pybridge/drypoint/program/ops/__init__.py",
    "engine_c/src/core/dpt_bounds.c",
    "engine_c/src/helium/dpt_mve.c",
    "engine_c/src/host/dpt_quads.h",
    "pybridge/drypoint/program/_packing_mve.py",
    "pybridge/drypoint/quant/_integer_planes.py",
    "trainer/drypoint/nn/_aliases.py",
    "trainer/drypoint/nn/_layers/recurrent.py",
}


def listed_files():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = text.partition("## How to add an op")[2].partition("\n## ")[0]
    tables = section.split("| file | what stands there |")[1:3]  # then an operator of a file
    return [re.findall(r"^\| `([^`]+)` \|", table, re.M) for table in tables]


def test_each_file_of_the_lists_has_the_op():
    elementwise, windowed, *_ = listed_files()
    assert len({*elementwise}) == 8
    assert len({*windowed}) == 11
    for files, number, names in ((elementwise, "10", NAMES), (windowed, "3", WINDOWED)):
        for file in files:
            text = (ROOT / file).read_text("utf-8")
            found = rf"== {number}\b" if file == BY_NUMBER else names
            assert re.search(found, text), file


def test_the_core_names_the_op_nowhere_else():
    files = [
        path
        for folder in CORE
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".c", ".h", ".inc", ".py", ".in", ".md"}
    ]
    assert len(files) > 150
    named = {
        path.relative_to(ROOT).as_posix() for path in files if NAMES.search(path.read_text("utf-8"))
    }
    assert named - {*listed_files()[0]} == MORE


def test_the_lists_of_ops_are_those_of_their_files():
    """Otherwise: python tests/support/op_lists.py."""
    for path, text in op_lists.texts().items():
        assert path.read_text("utf-8") == text, path


def test_each_task_has_a_file_and_the_recipe_names_all_that_a_task_has():
    """Oracle: the names of the class `Task`."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = text.partition("## A new task")[2].partition("\n## ")[0]
    for task in tasks.TASKS:
        assert (ROOT / f"trainer/drypoint/tasks/_{task.name}.py").is_file(), task
        assert tasks.find_task(task.name) == tasks.find_task(task.read_as or task.name) == task
    listed = {*re.findall(r"`(\w+)`", section.partition("| who asks |")[2])}
    own = {name for name in vars(tasks.Task) if not name.startswith("_")}
    others = {"name", "strength", "labels", "examples", "has_targets"}  # of `fit` and studies alone
    assert own - others <= listed


def test_each_operator_of_a_tensorflow_lite_file_is_on_the_page_and_in_a_test():
    """`CHANNEL_SHUFFLE` is no operator of a file: three operators become it."""
    from drypoint.interop.tflite.operators import HANDLERS

    text = (ROOT / "docs/import.md").read_text("utf-8").partition("\nOperators: CONV_2D")[2]
    listed = re.findall(r"\b[A-Z][A-Z0-9_]{2,}\b", text.partition("\nA TRANSPOSE of an input")[0])
    assert {*listed} == {*HANDLERS} - {"CHANNEL_SHUFFLE", "CONV_2D"}
    paths = [*ROOT.glob("tests/trainer/test_interop*.py"), *ROOT.glob("tests/support/*.py")]
    tests = "\n".join(path.read_text("utf-8") for path in paths)
    functions = {function.tflite for function in nn.FUNCTIONS.values()}  # test_value_functions.py
    assert [name for name in {*listed} - functions if f'"{name}"' not in tests] == []


def test_the_map_names_each_file_that_runs_from_a_net_to_a_program():
    """Oracle: the functions that Python calls. The way has nine files."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = text.partition("## From a net to a program")[2].partition("\n## ")[0]
    way = re.search(r"opens nine files: (.*?)\. The ranges", section, re.S)[1]
    assert len(re.findall(r"`\w+/_\w+\.py`|(?:layer|op)'s\s+file", way)) == 9
    layers = [nn.Conv2d(4, 3), nn.BatchNorm2d(), nn.PReLU(4), nn.MaxPool2d(2), nn.Flatten()]
    x = np.random.default_rng(0).normal(size=(8, 1, 9, 9)).astype(np.float32)
    net = nn.Sequential([*layers, nn.Linear(3), nn.ReLU()]).bind(x.shape[1:]).initialize(1)
    rooms = {"graph", "quant"}
    ran = {path.name for path in run_files(quant.quantize, net, x) if path.parent.name in rooms}
    assert len(ran) > 12
    assert ran - {*re.findall(r"\b_\w+\.py", section)} == set()


def test_the_map_names_each_file_that_runs_from_a_net_and_data_to_a_trained_net():
    """Oracle: the functions that Python calls in the thread of `fit`. The way has twelve files."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = text.partition("## From a net and data to")[2].partition("\n## ")[0]
    way = re.search(r"opens twelve files of `train`: (.*?)\n\n", section, re.S)[1]
    files = r"`((?:step/)?_?\w+\.py)`"
    assert len({*re.findall(files, way)}) == 12
    net = nn.Sequential([nn.Conv2d(4, 3), nn.BatchNorm2d(), nn.Flatten(), nn.Linear(3)])
    x, y = np.random.default_rng(0).random((200, 1, 9, 9), np.float32), np.arange(200) % 3
    data, part = (x, np.eye(3, dtype=np.float32)[y]), ROOT / "trainer/drypoint/train"
    ran = run_files(lambda: str(train.fit(net, data, epochs=1)))
    ran = {path.relative_to(part).as_posix() for path in ran if path.is_relative_to(part)}
    assert {*re.findall(files, way)} <= ran
    assert ran - {*re.findall(files, section)} == set()


def run_files(function, *args):
    """The files of the functions that Python calls."""
    files = set()
    sys.setprofile(lambda frame, *_: files.add(frame.f_code.co_filename))
    function(*args)
    sys.setprofile(None)
    return {*map(Path, files)}
