"""What a run is fed: examples to train on and to validate on, from whatever was given."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from drypoint.data import Dataset, train_val_split

from ._data_forms import read_examples
from ._errors import TrainError, TrainWarning
from ._examples import Examples
from ._settings import Settings
from ._sources import Generated

SHARE = 0.1
"""What is held out for validation when nothing is said."""

Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False, kw_only=True)
class Material:
    """Examples as they were given, their targets not coded yet.

    Attributes:
        train: to train on; of a function of batches, its first batch.
        val: to validate on.
        function: the batches, if a function makes them.
        facts: digests and numbers that tell these data from others, as JSON takes them.
    """

    train: Examples
    val: Examples | None
    function: Generated | None
    facts: dict[str, object]


def material(
    data: object,
    validation_data: object,
    validation_split: float | None,
    *,
    ports: tuple[str, ...],
    encoder: object,
    settings: Settings,
    tell: Tell,
) -> Material:
    """Read the data, and hold some out.

    Raises:
        TrainError: data that nothing can be learned from, or a split that leaves a part empty.
        DrypointError: files cannot be read.
    """
    val = None
    if validation_data is not None:
        val = read_examples(validation_data, what="validation_data", ports=ports, encoder=encoder)
    if callable(data):
        function = Generated(
            data,
            ports=ports,
            encoder=encoder,
            batch_size=settings.batch_size,
            seed=settings.seed,
        )
        if validation_split:
            raise TrainError(
                "nothing can be held out of a function of batches: give validation_data"
            )
        sha = None if val is None else val.digest()
        facts: dict[str, object] = {"data": "function", "validation": sha}
        train = function.first()
        return Material(train=train, val=val, function=function, facts=facts)
    whole = read_examples(data, what="data", ports=ports, encoder=encoder)
    facts = {"data": whole.digest(), "validation": None}
    if val is not None:
        facts["validation"] = val.digest()
        if facts["validation"] == facts["data"]:
            warnings.warn(
                "validation_data is the training data: its figures say nothing about new examples",
                TrainWarning,
                stacklevel=4,
            )
        return Material(train=whole, val=val, function=None, facts=facts)
    size = SHARE if validation_split is None else validation_split
    if validation_split is None and math.floor(SHARE * len(whole) + 0.5) == 0:
        size = 0
        tell("validation: none, there are too few examples to hold some out")
    train, val = held_out(whole, size, seed=settings.seed)
    if val is not None:
        facts["validation"] = f"{len(val)} held out"
        if validation_split is None:
            tell(f"validation: {len(val):,} of {len(whole):,} examples are held out for it")
    return Material(train=train, val=val, function=None, facts=facts)


def held_out(whole: Examples, size: float, *, seed: int) -> tuple[Examples, Examples | None]:
    """Two parts of the data, drawn by the seed; of a `Dataset` each class gives its share.

    Args:
        whole: the data.
        size: of the second part: a share below 1, or a number of examples; 0 for none.
        seed: of what is drawn.

    Raises:
        TrainError: a part would be empty.
    """
    if size == 0:
        return whole, None
    n = math.floor(size * len(whole) + 0.5) if 0 < size < 1 else size
    if type(n) is not int or not 0 < n < len(whole):
        raise TrainError(
            f"validation_split {size} would hold out {n} of {len(whole)} examples and must leave "
            "some on both sides; 0 holds out none"
        )
    if whole.classes is not None:
        ports, (x, y) = list(whole.columns), whole.columns.values()
        parts = train_val_split(Dataset(x, y, whole.classes), n, seed=seed)
        rest, held = (
            Examples(dict(zip(ports, (part.x, part.y), strict=True)), part.classes)
            for part in parts
        )
        return rest, held
    order = np.random.default_rng(seed).permutation(len(whole))
    return whole.part(np.sort(order[n:])), whole.part(np.sort(order[:n]))
