"""``--data`` of every command: a folder or a file of one's own, or a data set that has a name."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from drypoint import data
from drypoint.common import DrypointError, count_of
from drypoint.data import (
    ALL,
    Dataset,
    Encoder,
    ImageEncoder,
    SignalEncoder,
    Splits,
    encoder_from_config,
)
from drypoint.nn import InputPart, Model
from drypoint.program import Program
from drypoint.tasks import Reconstruction, find_task, task_of
from drypoint.train import StudyData, find_validation

from ._output import say
from ._pieces import count
from ._source import (
    SIGNAL_OPTIONS,
    SKIP,
    Source,
    parse_source,
    provenance_of,
    signals_of,
    source_of,
    training_facts,
)

Values = TypeVar("Values")

MNIST = "mnist"
OF_NET = "the data that the net was trained on, as its file names them"
TEST_SHARE = 0.2  # of a source that names no test part
PICTURE_OPTIONS = ("size", "color")
COLUMN_OPTIONS = ("keep", "drop")
HELD_OUT = "held out of its training part for validation"


def add_data_arguments(parser: argparse.ArgumentParser, *, left_out: str = OF_NET) -> None:
    """``--data`` and ``--limit``; ``left_out`` is what the command reads without ``--data``."""
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="a folder with a subfolder of pictures, WAV or CSV files for each class; or with "
        "subfolders train and test of that form; a CSV file with a column of labels; an .npz file "
        "of arrays x and y; IDX files; or the name of a data set: "
        f"{', '.join(data.cards())}. If left out: {left_out}",
    )
    parser.add_argument(
        "--limit", type=count, metavar="N", help="use only N of the examples; all if left out"
    )


def training_data(
    args: argparse.Namespace,
    *,
    saved: Model | None = None,
    size: tuple[int, int] | None = None,
    color: str | None = None,
    notify: Callable[[str], None] = say,
) -> StudyData:
    """The parts of ``--data``, and a line for each choice.

    A source that names no test part is split: a fifth of each class is the test part. The split
    depends on the examples alone, so that other commands find it again. Without ``--data`` a new
    net is trained on MNIST, a saved model on the data that it was trained on before.
    """
    if saved is not None:
        source = source_of(args, saved)
    else:
        source = Source(MNIST, has_name=True) if args.data is None else parse_source(args.data)
    if source.has_name:
        return _limit(_load_named_set(source, args, notify), args.limit)
    text = source.text
    signals = _signal_options(args) or ({} if saved is None else signals_of(saved))
    encoder = None if saved is None else encoder_of(saved)
    columns = {name: getattr(args, name, None) or () for name in COLUMN_OPTIONS}
    splits = _read(text, encoder, size=size, color=color, signals=signals, **columns)
    source.check(_identity(splits))
    for note in splits.notes:
        notify(f"{text}: {note}{_choice(note, signals)}")
    name = Path(text).name or text
    facts: dict[str, object] = {"name": name, "source": text, "sha256": _identity(splits)}
    signals |= {"label": splits.label} if splits.label else {}
    facts |= {"read": signals} if signals else {}
    whole = next(iter(splits.parts.values()))
    task = find_task(signals.get("task"), whole)
    parts = _parts(splits, stratify=task.has_classes)
    train, val, test = (parts.get(part) for part in ("train", "val", "test"))
    if train is None:
        raise DrypointError(f"{text} has no training part; its parts: {', '.join(parts)}")
    _check_options(args, train, text)
    shown = splits[ALL] if ALL in splits else train  # noqa: SIM401
    notify(f"{source.shown}: {task.describe(shown)}")
    if task.has_classes and shown.classes[0] == 0 and not (shown.y == 0).any():
        notify("class 0 has no examples: number labels from 0, y - 1")
    if test is None:
        few = f"{count_of(len(train), 'example')}{_groups_text(train)}: too few to hold some out"
        notify(f"test part: none, {few if ALL in splits else 'the source names none'}")
    elif ALL not in splits or "test" in splits:
        others = "" if val is None else f"; validation: {len(val):,}"
        notify(f"train: {len(train):,}{others}; test: {len(test):,}, which training does not see")
    else:
        share = ", a fifth of each class" if task.has_classes else ", a fifth"
        share = _groups_text(test) or share
        notify(
            f"test part: {len(test):,}{share}, which training does not see; {len(train):,} to train"
        )
    training = StudyData(name=name, train=train, val=val, test=test, facts=facts)
    return _limit(training, args.limit, shuffled=True)


def _choice(note: str, signals: Mapping[str, object]) -> str:
    """The option that decides what a note of `data.read` says."""
    if " are read as " in note:
        return "; --size WxH chooses"
    if note.startswith("labels are column") and not {"window", "channels"} & {*signals}:
        return (
            "; a row is an example of single values; --channels 1 if it is a signal, --window N if "
            "a row is a time step"
        )
    return ""


def _load_named_set(
    source: Source, args: argparse.Namespace, notify: Callable[[str], None]
) -> StudyData:
    name = source.text
    train, test = data.load(name, "train"), data.load(name, "test")
    task = find_task(None, train)
    for option in (*PICTURE_OPTIONS, *SIGNAL_OPTIONS, *COLUMN_OPTIONS, SKIP):
        fits = option == "task" and _option_of(args, option) == task.read_as
        if _option_of(args, option) is not None and not fits:
            shown = option.replace("_", "-")
            raise DrypointError(f"--{shown} is for folders and files, not for the set {name}")
    left_out = args.data is None and source.sha256 is None
    shown = "MNIST" if left_out else source.shown
    notify(f"{shown}: {task.describe(train)}; {len(test):,} more are the test part")
    facts: dict[str, object] = {"name": name, "sha256": train.digest()}
    return StudyData(name=name, train=train, val=None, test=test, facts=facts)


def inputs_of(reader: Model | Program) -> list[str]:
    """The names of several inputs, else none."""
    if isinstance(reader, Program):
        return [part.name for part in reader.input_parts]
    return [name for name, leaf in reader.net.leaves() if isinstance(leaf, InputPart)]


def examples(
    split: str, args: argparse.Namespace, reader: Model | Program, *, several: bool = True
) -> Dataset:
    """The examples of ``--data``, else of the data that a net was trained on, and a line that says
    which they are.

    Of a source that names no parts, the part that training held out, if the net was trained on this
    source, else all examples.
    """
    names = inputs_of(reader)
    if names and not several:
        raise DrypointError(
            f"the net reads the inputs {', '.join(names)}, and this command has data of one input: "
            "give them by name in Python, as docs/graphs.md shows"
        )
    source, encoder = source_of(args, reader), encoder_of(reader)
    if source.has_name:
        chosen = data.load(source.text, "train" if split == "val" else split)
        which = f"its {split} part"
        if split == "val":
            chosen = find_validation(chosen, provenance_of(reader), name=source.text)
            which = HELD_OUT
        say(f"{source.shown}: {_amount(len(chosen), args)}, {which}")
        chosen = chosen if args.limit is None else chosen[: args.limit]
    else:
        if encoder is None and Path(source.text).is_dir():
            raise DrypointError("the net has no encoder: how it reads pictures is not known")
        splits = _read(source.text, encoder, signals=signals_of(reader))
        source.check(_identity(splits))
        for note in splits.notes:
            if "are left out" in note:  # pictures that cannot be read
                say(f"{source.text}: {note}")
        chosen, which = _choose_part(splits, split, reader, name=Path(source.text).name)
        say(f"{source.shown}: {_amount(len(chosen), args)}, {which}")
        chosen = chosen.sample(min(len(chosen), args.limit or len(chosen)), seed=0)
    if {*names} != {name for name, _ in chosen.input_shapes}:
        wanted = f"the inputs {', '.join(names)}" if names else "one input"
        raise DrypointError(f"{source.text} has {_describe(chosen)}; the net reads {wanted}")
    if isinstance(reader, Model) and encoder is None and not names:
        _check_arrays(reader, chosen, name=source.text)
    if isinstance(reader, Program) and reader.is_streaming:
        return _check_recordings(chosen, encoder, name=source.text)
    return _adapt(chosen, encoder, name=source.text)


def read_or_none(read: Callable[[], Values], note: str, *, required: bool) -> Values | None:
    """What ``read`` makes of examples; None where they cannot be read and no option names them:
    then a line says why.
    """
    try:
        return read()
    except DrypointError as error:
        if required:
            raise
        say(f"{note} ({error})")
        return None


def _check_arrays(model: Model, dataset: Dataset, *, name: str) -> None:
    """Refuse examples that a model without encoder does not take as they are."""
    wanted = model.input_shape
    if wanted is not None and dataset.x.shape[1:] != wanted:
        raise DrypointError(
            f"{name} has {_describe(dataset)}; the net has no encoder and takes arrays {wanted}: "
            f"train it by train.fit(net, {name!r}), which gives it one (a Flatten is its first "
            "layer, if it begins with a Linear), or measure and quantize it in Python"
        )


def _adapt(dataset: Dataset, encoder: Encoder | None, *, name: str) -> Dataset:
    """The examples in the size that an encoder gives."""
    if isinstance(encoder, SignalEncoder):
        _check_rate(dataset, encoder, name=name)
        wanted = (encoder.window, encoder.channels)
        if not dataset.is_signals or dataset.signal_size != wanted:
            raise DrypointError(
                f"{name} has {_describe(dataset)}; the net reads signals of {wanted[0]} steps x "
                f"{wanted[1]} channels"
            )
    elif isinstance(encoder, ImageEncoder):
        if dataset.is_signals:
            raise DrypointError(f"{name} has {_describe(dataset)}; the net reads pictures")
        if dataset.image_size != (encoder.width, encoder.height):
            return encoder.resize_dataset(dataset)
    return dataset


def _check_recordings(dataset: Dataset, encoder: Encoder | None, *, name: str) -> Dataset:
    """Recordings of any length, for a program that reads them step by step."""
    if not isinstance(encoder, SignalEncoder):
        return _adapt(dataset, encoder, name=name)
    _check_rate(dataset, encoder, name=name)
    if not dataset.is_signals or dataset.signal_size[1] != encoder.channels:
        raise DrypointError(
            f"{name} has {_describe(dataset)}; the net reads signals of {encoder.channels} channels"
        )
    return dataset


def _check_rate(dataset: Dataset, encoder: SignalEncoder, *, name: str) -> None:
    """Refuse signals of another sample rate than the net's."""
    rates = dataset.sample_rate, encoder.sample_rate
    if None not in rates and rates[0] != rates[1]:
        raise DrypointError(
            f"{name} has {rates[0]:,} steps a second, the net reads {rates[1]:,}: convert its "
            f"files, as ffmpeg -i IN.wav -ar {rates[1]} OUT.wav does"
        )


def has_training_part(source: str, reader: Model | Program) -> bool:
    """Whether a source names a training part, or is what the net was trained on."""
    if parse_source(source).has_name:
        return True
    splits = _read(source, encoder_of(reader), signals=signals_of(reader))
    return ALL not in splits or training_facts(reader).get("sha256") == splits[ALL].digest()


def encoder_of(reader: Model | Program) -> Encoder | None:
    """The encoder of a model or program, or None. A program that reads pixels less 128 has none of
    its own: `Program.encode` takes the pixels of this one.
    """
    if isinstance(reader, Model):
        return getattr(reader.encoder, "encoder", None) if reader.is_integer else reader.encoder
    if reader.reads_signed_pixels:
        h, w, c = reader.input_shape
        return ImageEncoder.from_shape((c, h, w))
    return None if reader.encoder is None else encoder_from_config(reader.encoder)


def _choose_part(
    splits: Splits, split: str, reader: Model | Program, *, name: str
) -> tuple[Dataset, str]:
    """The examples of a source for a trained net, and which they are, in words."""
    if split == "val":
        return _validation(splits, reader, name=name)
    if ALL not in splits:
        return splits[split], f"its {split} part"
    pool, known = splits[ALL], training_facts(reader)
    if known.get("sha256") == pool.digest():
        parts = _parts(splits, stratify=task_of(reader).has_classes)
        if split == "train":
            return parts["train"], "the part that the net was trained on"
        if split in parts:
            share = "part" if "test" in splits else "fifth"
            return parts[split], f"the {share} that training did not see"
        return pool, "on which the net was trained: they are too few to hold some out"
    if known.get("name") == name:
        return pool, f"all of them: {name} has changed since the net was trained on it"
    trained = f"; the net was trained on {str(known['name'])[:80]}" if "name" in known else ""
    return pool, f"all of them{trained}"


def _validation(splits: Splits, reader: Model | Program, *, name: str) -> tuple[Dataset, str]:
    """The validation examples of a source for a trained net, and which they are, in words."""
    parts = _parts(splits, stratify=task_of(reader).has_classes)
    own = ALL not in splits or training_facts(reader).get("sha256") == _identity(splits)
    if "val" in parts and own:
        return parts["val"], "its val part"
    return find_validation(parts["train"], provenance_of(reader), name=name), HELD_OUT


def _identity(splits: Splits) -> str:
    """SHA-256 of the examples of a source: of all, or of the training part."""
    return splits[ALL if ALL in splits else "train"].digest()


def _parts(splits: Splits, *, stratify: bool) -> Mapping[str, Dataset]:
    """The parts of a source: by its names; of examples without parts a fifth is the test part."""
    if {*splits.parts} != {ALL}:
        return splits.parts
    train, test = data.hold_out(splits[ALL], TEST_SHARE, stratify=stratify)
    return {"train": train} if test is None else {"train": train, "test": test}


def _read(
    source: str,
    encoder: Encoder | None,
    *,
    size: tuple[int, int] | None = None,
    color: str | None = None,
    signals: Mapping[str, Any],
    **options: Any,
) -> Splits:
    """A folder or file: pictures in the size and colour of an encoder, or as the caller says;
    signals as the options say, or in the windows and columns of an encoder.
    """
    if isinstance(encoder, ImageEncoder):
        return data.read(
            source,
            width=encoder.width,
            height=encoder.height,
            color=encoder.color,
            resize=encoder.resize,
            task=signals.get("task"),
            skip_unreadable=SKIP in signals,
        )
    if isinstance(encoder, SignalEncoder) and not signals and encoder.window > 1:
        signals = {"window": encoder.window}
    columns = (encoder.columns or None) if isinstance(encoder, SignalEncoder) else None
    width, height = size or (None, None)
    options |= {"columns": columns} if columns else {}
    return data.read(source, width=width, height=height, color=color, **options, **signals)


def _signal_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of a command that trains, as far as they are given and `data.read` has them."""
    given = {name: _option_of(args, name) for name in (*SIGNAL_OPTIONS, SKIP)}
    return {name: value for name, value in given.items() if value is not None}


def _option_of(args: argparse.Namespace, option: str) -> Any:
    """An option of `data.read`; None where it is left out, or is a task of data of any form."""
    value = getattr(args, option, None)
    return None if (option, value) == ("task", Reconstruction.name) else value


def _check_options(args: argparse.Namespace, dataset: Dataset, source: str) -> None:
    """Refuse options of pictures for signals, and options of signals for pictures."""
    others = PICTURE_OPTIONS if dataset.is_signals else (*SIGNAL_OPTIONS, *COLUMN_OPTIONS)
    for name in others:
        if name == "task" and dataset.boxes is not None:
            continue  # of pictures with boxes
        if _option_of(args, name) is not None:
            kind = "pictures" if dataset.is_signals else "signals"
            raise DrypointError(f"--{name} is for {kind}; {source} has {_describe(dataset)}")


def _limit(training: StudyData, limit: int | None, *, shuffled: bool = False) -> StudyData:
    """At most ``limit`` examples of each part: random ones, or the first."""

    def some(dataset: Dataset | None) -> Dataset | None:
        if dataset is None or limit is None or len(dataset) <= limit:
            return dataset
        return dataset.sample(limit, seed=0) if shuffled else dataset[:limit]

    train, val, test = map(some, (training.train, training.val, training.test))
    assert train is not None  # every source has a training part
    return replace(training, train=train, val=val, test=test)


def _groups_text(dataset: Dataset) -> str:
    """How many groups a part has, in words; "" of examples without groups."""
    if dataset.groups is None:
        return ""
    return f" of {count_of(len(np.unique(dataset.groups)), 'group')}"


def _amount(n: int, args: argparse.Namespace) -> str:
    shown = count_of(n, "example")
    return shown if args.limit is None or args.limit >= n else f"{args.limit:,} of {shown}"


def _describe(dataset: Dataset) -> str:
    """A data set in words."""
    text = repr(dataset)
    return text.removeprefix("Dataset(").removesuffix(")")
