"""Faults of firmware, planted in exported C: in its input, its tables, its weights, its kernels.

One program, of a colour picture, and a fault's edit of the files that `export_c` wrote for it.
"""

import re
from dataclasses import dataclass
from functools import cache
from string import Template

import numpy as np

from drypoint import nn, quant
from drypoint.data import ClassDecoder, ImageEncoder
from drypoint.engine import export_c

IMAGES = np.random.default_rng(7).integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)


@cache
def model(seed=0):
    """A net with padding values (the encoder's mean), a stride and a skip."""
    block = nn.Graph(
        {"conv": nn.Conv2d(8, 3, padding=1), "relu": nn.ReLU(), "add": nn.Add()},
        [("input", "conv", "relu", "add.a"), ("input", "add.b")],
    )
    layers = {"stem": nn.Conv2d(8, 3, padding=1), "relu": nn.ReLU(), "pool": nn.MaxPool2d(2)}
    layers |= {"block": block, "flatten": nn.Flatten(), "fc": nn.Linear(4), "softmax": nn.Softmax()}
    net = nn.Sequential(layers, (3, 8, 8)).initialize(seed)
    encoder = ImageEncoder(width=8, height=8, color="rgb", mean=(0.4, 0.5, 0.6), std=0.25)
    return nn.Model(net, encoder=encoder, decoder=ClassDecoder(range(4)))


@cache
def program(seed=0):
    images = np.random.default_rng(1).integers(0, 256, (60, 8, 8, 3)).astype(np.uint8)
    return quant.quantize(model(seed), quant.calibrate(model(seed), images), name="net")


MAIN = Template("""
#include "net.h"
$includes
static const unsigned char pictures[$n][NET_INPUT_SIZE] = {$pictures};
static void sink(void *user, const char *text, size_t size) {
    (void)user;
    $send
}
$main {
    static unsigned char arena[NET_ARENA_SIZE + 1], input[NET_INPUT_SIZE];
    for (int i = 0; i < $n; i++) {
        int32_t output[NET_OUTPUT_COUNT];
        for (int k = 0; k < NET_INPUT_SIZE; k++) {
            input[k] = pictures[i][k];
        }
        $spoil
        sink(NULL, "hello, picture: ", 16); /* what firmware prints besides */
        if (dpt_run_logged(&net, NULL, arena, NET_ARENA_SIZE, input, output, $id, sink, NULL) !=
            DPT_OK) {
            return 1;
        }
    }
    return 0;
}
""")


def _exchange(text, old, new, *, count=1):
    assert old in text, old
    return text.replace(old, new, count)


def _flip(text):
    """Flip bit 3 of a weight of the second op: of its table, or of a packed word."""
    plain = re.search(r"weight1\[\] DPT_IN_TABLE = \{\n((?:.*?,){10}) (-?\d+),", text, re.S)
    if plain:
        byte = (int(plain[2]) & 0xFF) ^ 8
        return text[: plain.start(2)] + str(byte - 256 * (byte > 127)) + text[plain.end(2) :]
    words = re.search(r"packed1\[\] DPT_IN_TABLE = \{\n(.*?)\};", text, re.S)
    found = list(re.finditer(r"0x([0-9A-F]{8})u", words[1]))[-20]
    word = f"0x{int(found[1], 16) ^ 8:08X}u"
    return text[: words.start(1) + found.start()] + word + text[words.start(1) + found.end() :]


def _up(text):
    """Move the padding of the second convolution from the top to the bottom."""
    before, mark, op = text.partition("    /* block.conv */")
    assert mark
    op = _exchange(op, ".pad_top = 1,", "")
    return before + mark + _exchange(op, ".pad_bottom = 1,", ".pad_bottom = 2,")


@dataclass(frozen=True)
class Fault:
    """A fault: what it does to the input, to ``net.c`` and to the engine; what must be found."""

    op: str | None
    cause: str
    words: str
    spoil: str = ""
    model: object = None  # net.c -> net.c
    engine: object = None  # name and text of an engine's file -> its text
    seed: int = 0
    id: str = "NET_ID"


def _round_down(_name, text):
    """The requantization of all kernels without the half that rounds."""
    text = text.replace("((int64_t)1 << 31)", "((int64_t)0 << 31)")
    return text.replace("smmlar", "smmla ")


FAULTS = {
    "none": Fault(None, "none", "Nothing differs"),
    "swapped channels": Fault(
        "input",
        "layout",
        "reverse order, as BGR is of RGB",
        spoil="for (int k = 0; k < NET_INPUT_SIZE; k += 3) {"
        "unsigned char red = input[k]; input[k] = input[k + 2]; input[k + 2] = red; }",
    ),
    "input scaled twice": Fault(
        "input",
        "input scaling",
        "divided by 255",
        spoil="for (int k = 0; k < NET_INPUT_SIZE; k++) { input[k] = input[k] / 255; }",
    ),
    "one weight flipped in flash": Fault("block.conv", "weights", "bit 3 is flipped", model=_flip),
    "wrong pad": Fault(
        "stem",
        "padding",
        "The padding reads 0",
        model=lambda text: _exchange(text, ".pad = pad0,", ""),
    ),
    "pad at the other side": Fault(
        "block.conv", "padding", "(0, 1, 2, 1), and should be (1, 1, 1, 1)", model=_up
    ),
    "stale blob": Fault("stem", "stale program", "the device runs another program", seed=1),
    "stale blob that names no number": Fault(
        "stem", "stale program", "a stale program", seed=1, id="0"
    ),
    "kernel off by one": Fault("stem", "kernel", "the kernel rounds otherwise", engine=_round_down),
}


def export(name, folder, kernels="scalar"):
    """Write the C of a program with a fault to a folder; gives its files but the main program."""
    fault = FAULTS[name]
    files = export_c(program(fault.seed), IMAGES[:1], folder, name="net", kernels=kernels)
    for path in files:
        text = path.read_text("utf-8")
        if path.name == "net.c" and fault.model:
            path.write_text(fault.model(text), "utf-8")
        elif path.parent.name == "drypoint" and fault.engine:
            path.write_text(fault.engine(path.name, text), "utf-8")
    return [folder / "net.c", *sorted((folder / "drypoint").glob("*.c"))]


def main_file(name, folder, *, device):
    """Write the main program, which logs the runs of `IMAGES`."""
    fault = FAULTS[name]
    rows = ("{" + ",".join(map(str, image.ravel().tolist())) + "}" for image in IMAGES)
    words = {
        "includes": '#include "port.h"' if device else "#include <stdio.h>",
        "send": "port_write(text, size);" if device else "fwrite(text, 1, size, stdout);",
        "main": "int device_main(void)" if device else "int main(void)",
    }
    path = folder / "main.c"
    text = MAIN.substitute(
        words, n=len(IMAGES), pictures=",".join(rows), spoil=fault.spoil, id=fault.id
    )
    path.write_text(text, "utf-8")
    return path
