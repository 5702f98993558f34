"""Small data of each task, as files that the commands read: `SAMPLES` by `Task.name`."""

from dataclasses import dataclass
from pathlib import Path

import box_files
import numpy as np
from PIL import Image
from wav_files import write_wav


@dataclass(frozen=True)
class Sample:
    """Files of a task.

    Attributes:
        data: what ``--data`` names.
        train: options of ``drypoint train``.
        input: a file that ``drypoint run`` reads.
        choose: options of ``drypoint measure`` that choose a threshold.
        streams: options of a net that runs row by row; () where the task has none.
    """

    data: Path
    train: tuple[object, ...]
    input: Path
    choose: tuple[object, ...] = ()
    streams: tuple[object, ...] = ()


def save_picture(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write_signals(path, x, names):
    """Signals (N, steps, channels) as CSV files in a folder for each class; the first one."""
    for i, (signal, name) in enumerate(zip(x, names, strict=True)):
        (path / name).mkdir(parents=True, exist_ok=True)
        np.savetxt(path / name / f"{i}.csv", signal, "%.4f", ",")
    return path / names[0] / "0.csv"


def waves(names, *, seed=0):
    """Signals of 12 steps x 2 channels: of "odd" noise, else sines."""
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0, 6, (len(names), 1, 1))
    x = np.sin(np.arange(12).reshape(12, 1) / 2 + np.array([0, 1]) + starts)
    odd = (np.array(names) == "odd").reshape(-1, 1, 1)
    return np.where(odd, 3, 1) * (x + 0.1 * rng.normal(size=x.shape))


def classes(folder):
    names = ["calm", "odd"] * 20
    first = write_signals(folder / "signals", waves(names), names)
    net = ("--net", "conv1d:4", "--window", 12)
    return Sample(folder / "signals", net, first, streams=("--net", "tcn:4,4", "--window", 12))


def keywords(folder):
    rng = np.random.default_rng(0)
    for word, hertz in (("low", 300), ("high", 2000)):
        for i in range(12):
            tone = 8000 * np.sin(2 * np.pi * hertz * np.arange(4000) / 8000)
            write_wav(folder / "words" / word / f"{i}.wav", tone + rng.normal(0, 300, 4000))
    options = ("--task", "keyword", "--window", 8000)
    return Sample(
        folder / "words",
        (*options, "--net", "conv1d:4"),
        folder / "words/low/0.wav",
        choose=("--false-accepts", 100_000),
        streams=(*options, "--net", "tcn:4,4"),
    )


def numbers(folder):
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 6, (60, 2)).round(2)
    rows = [f"{a},{b},{100 * a - 3 * b:.2f}" for a, b in x]
    path = folder / "flats.csv"
    path.write_text("\n".join(["rooms,age,price", *rows]), "utf-8")
    return Sample(path, ("--task", "regression", "--label", "price"), path)


def pixels(folder):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:8, :8]
    at = rng.uniform(2, 6, (2, 60, 1, 1))
    blots = ((y - at[0]) ** 2 + (x - at[1]) ** 2 < 4).astype(np.uint8)
    pictures = (60 + 120 * blots + rng.integers(0, 20, blots.shape)).astype(np.uint8)
    np.savez(folder / "blots.npz", x=pictures, y=blots, classes=np.array(["ground", "blot"]))
    picture = save_picture(folder / "blot.png", pictures[0])
    return Sample(folder / "blots.npz", ("--net", "unet:4,6"), picture)


def detect(folder):
    rng, root, names = np.random.default_rng(0), folder / "boxes", ("square", "frame")
    rows = ["image_path,xmin,ymin,xmax,ymax,label"]
    for i in range(30):
        picture = rng.integers(0, 60, (32, 32)).astype(np.uint8)
        left, top = rng.integers(0, 20, 2)
        picture[top : top + 12, left : left + 12] = 220
        if i % 2:
            picture[top + 2 : top + 10, left + 2 : left + 10] = 20
        save_picture(root / f"{i}.png", picture)
        rows.append(f"{i}.png,{left},{top},{left + 12},{top + 12},{names[i % 2]}")
    box_files.write(root / "boxes.csv", "\n".join(rows))
    return Sample(root, ("--task", "detect", "--net", "grid-cnn:4,4,6,6"), root / "0.png")


def reconstruction(folder):
    names = ["calm"] * 60
    first = write_signals(folder / "usual", waves(names), names)
    choose = ("--normal", "calm", "--false-alarms", 0.1)
    net = ("--net", "autoencoder:8,1,2", "--window", 12)
    return Sample(folder / "usual", net, first, choose=choose)


SAMPLES = {
    "classes": classes,
    "keywords": keywords,
    "numbers": numbers,
    "pixels": pixels,
    "detect": detect,
    "reconstruction": reconstruction,
}
"""Name of a task -> a function that writes its sample into a folder."""
