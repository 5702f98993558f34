"""Options and loaders of files that several commands share."""

import argparse
from pathlib import Path

from drypoint import data, models, nn
from drypoint.common import DrypointError, read_bytes
from drypoint.data import Dataset, Encoder, ImageEncoder, encoder_from_config
from drypoint.nn import Model
from drypoint.program import Program, blob


def count(text: str) -> int:
    """An option that counts something: a whole number of at least 1."""
    return _whole(text, least=1)


def natural(text: str) -> int:
    """An option such as a seed: a whole number of at least 0."""
    return _whole(text, least=0)


def _whole(text: str, *, least: int) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return int(text)


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """``--data`` and ``--limit``, of every command that reads MNIST."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with the MNIST IDX files")
    parser.add_argument("--limit", type=count, metavar="N", help="use only the first N images")


def mnist(split: str, args: argparse.Namespace) -> Dataset:
    """The split that the options ask for."""
    dataset = data.load("mnist", split, root=args.data)
    return dataset if args.limit is None else dataset[: args.limit]


def add_picture_arguments(parser: argparse.ArgumentParser) -> None:
    """``--data`` and ``--limit``, of every command that shows images to a net of any kind."""
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with a subfolder of pictures for each class, or with the MNIST IDX files; "
        "MNIST if left out",
    )
    parser.add_argument("--limit", type=count, metavar="N", help="use only N of the images")


def pictures(
    split: str, args: argparse.Namespace, reader: Model | Program, *, of_its_classes: bool = True
) -> Dataset:
    """The images of ``--data``: MNIST, or a folder of pictures encoded for ``reader``.

    Pictures are shuffled by a fixed seed, so that the first ones are of all classes.

    Args:
        split: the split of MNIST.
        args: the options.
        reader: the model or program that reads the images.
        of_its_classes: refuse MNIST for a net of other classes than digits.

    Raises:
        DrypointError: images cannot be read, the net reads no images, or MNIST does not fit it.
    """
    if args.data is None or not any(_is_of_classes(path) for path in _inside(args.data)):
        _check_reads_mnist(reader, of_its_classes=of_its_classes)
        return mnist(split, args)
    encoder = encoder_of(reader)
    if not isinstance(encoder, ImageEncoder):
        raise DrypointError("the net has no image encoder: how it would read pictures is not known")
    found = data.load_folder(
        args.data,
        width=encoder.width,
        height=encoder.height,
        color=encoder.color,
        resize=encoder.resize,
    )
    return found.sample(min(len(found), args.limit or len(found)), seed=0)


def _check_reads_mnist(reader: Model | Program, *, of_its_classes: bool) -> None:
    """Refuse MNIST's images for a net with other inputs or other classes."""
    shape = reader.input_shape
    fits = shape is None or tuple(shape) in ((28, 28), (1, 28, 28), (28, 28, 1))
    if not fits and not isinstance(encoder_of(reader), ImageEncoder):
        raise DrypointError(
            f"the net reads {tuple(shape or ())}, no pictures: in Python, quant.calibrate(model, "
            "x) and measure.measure(model, (x, y)) take arrays"
        )
    labels = reader.labels if isinstance(reader, Program) else None
    classes = labels or getattr(reader.decoder, "classes", ())
    if of_its_classes and classes and {str(c) for c in range(10)} - {str(c) for c in classes}:
        shown = ", ".join(map(str, classes[:12]))
        raise DrypointError(
            f"the net tells apart {shown}, not MNIST's digits: name a folder of its pictures, "
            "--data DIR"
        )


def encoder_of(reader: Model | Program) -> Encoder | None:
    """The encoder of a model or program, or None."""
    if isinstance(reader, Model):
        return reader.encoder
    return None if reader.encoder is None else encoder_from_config(reader.encoder)


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_of_classes(path: Path) -> bool:
    """Whether the path can be a class's folder of pictures: MNIST's loader does not read it."""
    return path.is_dir() and path.name != "MNIST" and not path.name.startswith(".")


def load_file(path: Path) -> Model | Program:
    """A float model (.npz) or an integer program (.dpt), whichever the file's bytes are.

    The name of a shipped model stands for its program, and with ``.npz`` for its float model.

    Raises:
        DrypointError: the file is missing, neither of the two, or damaged.
    """
    return _shipped(path, ".dpt") or _loaded(path)


def load_program(path: Path) -> Program:
    """The integer program of a ``.dpt`` file, or of a shipped model."""
    loaded = _shipped(path, ".dpt") or _loaded(path)
    if isinstance(loaded, Program):
        return loaded
    raise DrypointError(f"{path} is a float model; this needs a program: drypoint quantize {path}")


def load_model(path: Path) -> Model:
    """The float model of a ``.npz`` file, or of a shipped model."""
    loaded = _shipped(path, ".npz") or _loaded(path)
    if isinstance(loaded, Model):
        return loaded
    raise DrypointError(f"{path} is an integer program; this needs a float model (.npz)")


def _shipped(path: Path, suffix: str) -> Model | Program | None:
    """The shipped model of this name; None where a file has the name, or no shipped model.

    Args:
        path: a name, as ``lenet-mnist`` or ``lenet-mnist.npz``.
        suffix: ``.npz`` or ``.dpt``, for a name without one.
    """
    name = str(path)
    if path.suffix in (".npz", ".dpt"):
        name, suffix = str(path.with_suffix("")), path.suffix
    if path.exists() or name not in models.names():
        return None
    return models.load(name) if suffix == ".npz" else models.load_program(name)


def _loaded(path: Path) -> Model | Program:
    if not path.exists():
        shipped = ", ".join(models.names())
        raise DrypointError(
            f"cannot read {path}: No such file or directory, and no shipped model ({shipped})"
        )
    content = read_bytes(path)
    if not content:
        raise DrypointError(f"{path}: it is empty; a model (.npz) or a program (.dpt) was wanted")
    try:
        return blob.loads(content) if content[:4] == blob.MAGIC else nn.loads(content)
    except DrypointError as error:
        raise DrypointError(f"{path}: {error}") from error


def check_other(out: Path, source: Path) -> None:
    """Check that a command does not write over the file that it reads.

    Raises:
        DrypointError: it would.
    """
    if out.resolve() == source.resolve():
        raise DrypointError(f"{out} is what is read and would be lost: name another --out")
