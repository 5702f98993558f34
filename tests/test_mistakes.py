"""Forty-odd mistakes of users on the way from data to C: each is answered by one line.

A line names what came, what was wanted and what to do. The oracle is the exact text of each line.
Users of PyTorch, Keras, Edge Impulse and Arduino make these mistakes.
"""

import re

import numpy as np
import pytest
from answers import check_answers
from PIL import Image

from drypoint import engine, models, nn, train
from drypoint.train import TrainWarning
from tools import ROOT

MODEL = models.load("lenet-mnist")
PROGRAM = models.load_program("lenet-mnist")
ENGINE = engine.Engine(PROGRAM)
U8 = np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8)
Y = np.arange(40) % 10
F = (U8 / 255).astype(np.float32)  # scaled to [0, 1], without an axis for the channel
X = F[:, None]
WITH_NAN = X.copy()
WITH_NAN[3, 0, 5, 5] = np.nan
NET = nn.Sequential(
    [nn.Conv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(10), nn.Softmax()], (1, 28, 28)
)
PYTORCH = type("Net", (type("Module", (), {"__module__": "torch.nn.modules.module"}),), {})()
LIKE_A_TENSOR = type("LikeATensor", (), {"__array__": lambda _: U8[0]})()
LOGITS = nn.Sequential([nn.Flatten(), nn.Linear(10)], (1, 28, 28))


def fit(net=NET, pair=(X, Y), **options):
    """A short training without output."""
    return train.fit(net, pair, **{"epochs": 1, "progress": "none", **options})


def export(*args, **options):
    """An export of two inputs; ``golden`` or ``folder`` may be replaced."""
    return engine.export_c(PROGRAM, *args, **{"name": "net", **options})


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A working folder with a file of each kind."""
    monkeypatch.chdir(tmp_path)
    MODEL.save("model.npz")
    PROGRAM.save("program.dpt")
    (tmp_path / "text.txt").write_text("hello")
    np.savez("arrays.npz", x=U8)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "model.npz").read_bytes()[:-1000])
    (tmp_path / "net.onnx").write_bytes(b"\x08\x0a")
    (tmp_path / "folder").mkdir()
    (tmp_path / "uart.txt").write_text("boot\nok\n")
    (tmp_path / "t.csv").write_text(
        "a,b,label\n" + "".join(f"1,{7 * i % 41}.5,{'xy'[i % 2]}\n" for i in range(40))
    )
    parts = ("train/x", "train/y", "test/x", "test/z")
    for name in ("alone/cats", "pictures/a", "pictures/b", *(f"unseen/{part}" for part in parts)):
        (tmp_path / name).mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / name / "1.png")


@pytest.mark.usefixtures("files")
def test_mistakes_in_python_are_answered_in_one_line(toolbox):
    toolbox.need_package("onnx")
    check_answers("users", globals())


def test_images_whose_channels_seem_to_be_last_are_trained_on_with_a_warning():
    """Nothing is wrong for sure: the net may be one of 32 channels."""
    net = nn.Sequential([nn.Flatten(), nn.Linear(10), nn.Softmax()])
    x = np.random.default_rng(0).random((40, 32, 32, 3), np.float32)
    wanted = (
        "inputs of shape (32, 32, 3) are 32 channels of 32 x 3; if they are channels last, give "
        "x.transpose(0, 3, 1, 2)"
    )
    with pytest.warns(TrainWarning, match=f"^{re.escape(wanted)}$"):
        fit(net, (x, Y))


def test_what_is_no_mistake_works():
    """One-hot labels, labels (N, 1), names of classes, a batch larger than the data, a folder that
    does not exist yet, a second training of a trained model."""
    for labels in (np.eye(10)[Y], Y[:, None], Y.astype(np.float32), [str(i) for i in Y]):
        assert fit(pair=(X, labels)).n_epochs == 1
    once = fit(batch_size=1000).model
    assert fit(once).n_epochs == 1


def test_a_file_is_saved_to_a_folder_that_does_not_exist(tmp_path):
    MODEL.save(tmp_path / "new/folder/model.npz")
    assert nn.load(tmp_path / "new/folder/model.npz").dumps() == MODEL.dumps()


def test_every_table_of_error_texts_is_checked():
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    tables = {path.stem for path in (ROOT / "tests/answers").iterdir()}
    assert tables == {*re.findall(r'answers\("(\w+)"', tests)}
