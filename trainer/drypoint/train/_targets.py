"""Encode the labels in the data as targets of a loss, by the model's decoder."""

from collections.abc import Callable

import numpy as np

from drypoint.data import (
    NO_LABEL,
    BooleanDecoder,
    Class,
    ClassDecoder,
    Decoder,
    ImageDecoder,
    ImageEncoder,
    UnknownClassError,
    class_places,
    is_label_map,
    is_one_hot,
)
from drypoint.nn import BinaryCrossEntropyLoss, CrossEntropyLoss, Loss

from ._errors import TrainError
from ._examples import Column

Notify = Callable[[str], None]
TargetEncoder = Callable[[Column], Column]
_MANY = 12  # the most classes that a message lists


def ignore(line: str) -> None:
    """A `Notify` that prints nothing."""


def make_decoder(
    column: Column, classes: tuple[Class, ...] | None, *, loss: Loss, n_outputs: int | None
) -> ClassDecoder | None:
    """A decoder for a net without one: of the classes of the data, or of the net's outputs."""
    if not isinstance(loss, CrossEntropyLoss):
        return None
    if classes is not None:
        if n_outputs not in (None, len(classes)):
            raise TrainError(
                f"the data have the {len(classes)} classes {class_names(classes)}, the net "
                f"{n_outputs} outputs: give the net's last layer {len(classes)}, as "
                f"nn.lenet(classes={len(classes)}) and nn.Linear({len(classes)}) do"
            )
        return ClassDecoder(classes)
    if column.dtype.kind == "U":
        return ClassDecoder(tuple(np.unique(column).tolist()))
    if (is_label_map(column) or as_indices(column).dtype.kind in "iu") and n_outputs is not None:
        return ClassDecoder(tuple(range(n_outputs)))
    return None


def target_encoder(
    column: Column,
    classes: tuple[Class, ...] | None,
    *,
    decoder: Decoder | None,
    loss: Loss,
    output_shape: tuple[int, ...] | None,
    notify: Notify,
) -> TargetEncoder:
    """The function that encodes a target column as targets of the loss."""
    encode: TargetEncoder = _numbers
    if isinstance(loss, CrossEntropyLoss) and output_shape is not None and len(output_shape) == 3:
        return _pixel_classes(
            column, classes, decoder=decoder, output_shape=output_shape, notify=notify
        )
    if isinstance(loss, CrossEntropyLoss) and output_shape == column.shape[1:]:
        if not is_one_hot(column):
            return _numbers  # probabilities
        notify(f"targets: one-hot rows of {column.shape[1]} are taken as class indices")
        return as_indices
    if isinstance(loss, CrossEntropyLoss) and is_one_hot(column) and output_shape is not None:
        raise TrainError(
            f"targets are one-hot rows of {column.shape[1]}; the net has {output_shape[0]} classes"
        )
    if isinstance(loss, CrossEntropyLoss) and as_indices(column) is not column:
        notify(f"targets: {column.dtype} of shape {column.shape} are taken as labels (N,)")
        column = as_indices(column)
        encode = as_indices
    kind = column.dtype.kind
    if isinstance(decoder, ClassDecoder) and classes is not None:
        encode = _by_class(classes, decoder.classes, notify)
    elif isinstance(decoder, ClassDecoder) and (kind == "U" or _are_labels(decoder, column)):
        encoder = decoder.encoder()
        notify(f"targets: indices of {class_names(decoder.classes)}, as the decoder has them")
        encode = encoder if encode is _numbers else lambda column: encoder(as_indices(column))
    elif isinstance(decoder, BooleanDecoder) and kind == "b":
        notify("targets: True is 1, False is 0, as the decoder has it")
        encode = decoder.encoder()
    elif isinstance(decoder, ImageDecoder) and column.dtype == np.uint8:
        return _pictures(decoder, output_shape, notify)
    elif kind == "U":
        raise TrainError(f"targets are texts ({column[0]!r}, ...): the model needs a ClassDecoder")
    if not isinstance(loss, CrossEntropyLoss):
        if kind in "iu" and not isinstance(loss, BinaryCrossEntropyLoss) and _is_builtin(loss):
            axis = "axis=0" * is_label_map(column)
            raise TrainError(
                f"{loss!r} needs targets that are floats, shaped as the net's outputs; these are "
                f"{column.dtype}: labels want a net that ends in nn.Softmax({axis})"
            )
        return _with_shape(encode, output_shape, floats=_is_builtin(loss))
    return encode


def as_indices(column: Column) -> Column:
    """Labels (N,) of labels in any form (one-hot rows, a column (N, 1), whole numbers as floats);
    other targets unchanged.
    """
    if is_one_hot(column):
        indices: Column = column.argmax(axis=1)
        return indices
    flat: Column = column[:, 0] if column.ndim == 2 and column.shape[1] == 1 else column
    if flat.ndim == 1 and flat.dtype.kind == "f" and (flat == np.rint(flat)).all():
        return flat.astype(np.int64)
    return flat if flat.dtype.kind in "iuU" else column


def check_labels(column: Column, n_classes: int | None) -> None:
    """Refuse class indices that a cross-entropy cannot take."""
    if column.dtype.kind not in "iu":
        return
    if column.ndim not in (1, 3):
        raise TrainError(f"labels are of shape {column.shape}, not one index an example (N,)")
    known = column[column != NO_LABEL] if is_label_map(column) else column
    if known.size == 0:
        raise TrainError(f"no pixel of the label maps has a label: all are {NO_LABEL}")
    low, high = int(known.min()), int(known.max())
    if low < 0 or (n_classes is not None and high >= n_classes):
        hint = ": subtract 1, y - 1" if low == 1 and high == n_classes else ""
        wanted = "0 on" if n_classes is None else f"0 to {n_classes - 1}, the net's classes"
        raise TrainError(f"labels run from {low} to {high}; wanted: indices from {wanted}{hint}")


def check_same_classes(
    classes: tuple[Class, ...] | None, training_classes: tuple[Class, ...] | None
) -> None:
    """Refuse class indices of other classes than the training data's."""
    if classes is not None and training_classes is not None and classes != training_classes:
        raise TrainError(
            f"the classes {class_names(classes)} are not the training data's classes "
            f"{class_names(training_classes)}: all data must have one list of classes"
        )


def _numbers(column: Column) -> Column:
    """Integers as int64, everything else as floats."""
    return column.astype(np.int64 if column.dtype.kind in "iu" else np.float32, copy=False)


def _are_labels(decoder: ClassDecoder, column: Column) -> bool:
    """Whether integers are labels, not indices: the classes are integers other than 0, 1, 2, ..."""
    classes = decoder.classes
    return (
        column.dtype.kind in "iu"
        and column.ndim == 1
        and all(isinstance(c, int) for c in classes)
        and classes != tuple(range(len(classes)))
    )


def _pixel_classes(
    column: Column,
    classes: tuple[Class, ...] | None,
    *,
    decoder: Decoder | None,
    output_shape: tuple[int, ...],
    notify: Notify,
) -> TargetEncoder:
    """An encoder of label maps (N, height, width) of a net that gives planes of classes."""
    if column.shape[1:] == output_shape and column.dtype.kind == "f":
        return _numbers  # planes of probabilities
    if column.shape[1:] != output_shape[1:] or column.dtype.kind not in "biu":
        height, width = output_shape[1:]
        raise TrainError(
            f"targets are {column.dtype} of shape {column.shape}, the net gives planes "
            f"{output_shape}: wanted are integers (N, {height}, {width}), a class for each pixel"
        )
    if isinstance(decoder, ClassDecoder) and classes is not None:
        by_class = _by_class(classes, decoder.classes, notify)
        return lambda maps: np.where(maps == NO_LABEL, NO_LABEL, by_class(maps))
    return lambda maps: maps.astype(np.int64)


def _by_class(data: tuple[Class, ...], wanted: tuple[Class, ...], notify: Notify) -> TargetEncoder:
    """An encoder from indices of the data's classes to indices of the decoder's classes."""
    missing = [c for c in wanted if c not in data]
    try:
        places = class_places(data, wanted, owner="the decoder")
    except UnknownClassError as error:
        extra = [c for c in data if c not in wanted]
        differences = [f"has {class_names(extra)}, which the decoder lacks"]
        differences += [f"lacks {class_names(missing)}, which the decoder has"] if missing else []
        texts = {*map(str, extra)} & {*map(str, missing)}
        raise TrainError(
            f"the data {', and '.join(differences)}: both must have the same classes; "
            + ("the text '0' is another class than the number 0; " if texts else "")
            + "for new classes net.with_layer(path, nn.Linear(n)) makes a new last layer"
        ) from error
    if len(data) < len(wanted):
        notify(f"targets: no example is of {class_names(missing)}, which the decoder has")
    if data == wanted:
        return _numbers
    notify(f"targets: indices of {class_names(wanted)}, as the decoder has them")
    return lambda column: places[column]


def _pictures(
    decoder: ImageDecoder, shape: tuple[int, ...] | None, notify: Notify
) -> TargetEncoder:
    """An encoder of pictures as arrays, whose inverse is the decoder."""
    if shape is None or len(shape) != 3:
        raise TrainError(f"a net with an ImageDecoder gives (channels, height, width), not {shape}")
    _, height, width = shape
    notify(f"targets: pictures of {width} x {height}, {decoder.color}, as the decoder has them")
    return ImageEncoder(
        width=width, height=height, color=decoder.color, mean=decoder.mean, std=decoder.std
    )


def _with_shape(
    encode: TargetEncoder, shape: tuple[int, ...] | None, *, floats: bool
) -> TargetEncoder:
    """The encoder with the outputs' shape: (N,) becomes (N, 1); floats for nn's own losses."""

    def reshape_column(column: Column) -> Column:
        encoded = encode(column)
        if floats:
            encoded = encoded.astype(np.float32, copy=False)
        size = int(np.prod(shape)) if shape is not None else -1
        if shape is not None and encoded.shape[1:] != shape and encoded[0].size == size == 1:
            encoded = encoded.reshape(len(encoded), *shape)
        return encoded

    return reshape_column


def _is_builtin(loss: Loss) -> bool:
    return type(loss).__module__.startswith("drypoint.nn")


def class_names(classes: "tuple[Class, ...] | list[Class]") -> str:
    """The first classes as text, for a message."""
    shown = ", ".join(map(str, classes[:_MANY]))
    return f"{shown}, ..." if len(classes) > _MANY else shown
