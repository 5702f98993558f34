"""Pictures with bright squares and frames, and a small net that finds them."""

from functools import cache

import numpy as np

from drypoint import data, train
from drypoint.tasks import Detect

SIDE = 32
CLASSES = ("square", "frame")


def squares(n, *, seed, least=8, most=14):
    """n pictures of 32 x 32, each with one or two objects that do not touch."""
    rng, x, rows = np.random.default_rng(seed), [], []
    for _ in range(n):
        picture, boxes = rng.integers(0, 60, (SIDE, SIDE)), []
        for half in rng.permutation(2)[: rng.integers(1, 3)]:
            side, label = int(rng.integers(least, most + 1)), int(rng.integers(2))
            left = int(rng.integers(0, SIDE - side))
            top = int(rng.integers(0, SIDE // 2 - side + 1)) + half * SIDE // 2
            inside = picture[top : top + side, left : left + side]
            inside[...] = 220
            if label:
                inside[2:-2, 2:-2] = 20
            boxes.append((label, left, top, left + side, top + side))
        x.append(picture)
        rows.append(boxes)
    return data.Dataset(np.array(x, np.uint8), data.Boxes.of(rows), CLASSES)


TRAIN, TEST, VALIDATION = squares(400, seed=1), squares(120, seed=2), squares(40, seed=3)


@cache
def finder(*, cells=False):
    """A model that finds squares and frames."""
    study = train.make_study(
        train.StudyData(train=TRAIN, val=VALIDATION),
        "grid-cnn:6,8,12,12",
        task=Detect(cells=cells),
        epochs=25,
        lr=0.01,
        augment="none",
    )
    return study.fit(progress="none").model
