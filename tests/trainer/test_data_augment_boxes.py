"""Pictures and their boxes are changed together."""

import numpy as np
import pytest

from drypoint import data, nn, tasks, train

Scene = data.augment.Scene
W, H = 64, 48


def bright_boxes(n=40, *, channels=(), seed=0):
    """Pictures that are bright in one box each, which has even edges, and the boxes as targets."""
    rng = np.random.default_rng(seed)
    corner = rng.integers(8, 20, (n, 2)) + rng.integers(0, 10, (n, 2))
    edges = np.concatenate([corner, corner + rng.integers(8, 18, (n, 2))], axis=1)
    x = np.zeros((n, H, W, *channels), np.uint8)
    for picture, (left, top, right, bottom) in zip(x, edges, strict=True):
        picture[top:bottom, left:right] = 255
    rows = np.concatenate([np.zeros((n, 1)), edges / [W, H, W, H]], axis=1)
    return x, rows[:, None].astype(np.float32)


def change(scene, x, targets, indices=None):
    indices = np.arange(len(x)) if indices is None else indices
    draw = {"seed": 1, "epoch": 2, "indices": indices}
    return scene(x, **draw), scene.change_targets(targets, **draw)


@pytest.mark.parametrize("scene", [
    Scene(scale=0.4), Scene(shift=0.2), Scene(flip=True), Scene(upside=True),
    Scene(scale=0.3, shift=0.3, flip=True, upside=True),
], ids=str)  # fmt: skip
def test_the_moved_box_is_around_what_is_bright(scene):
    """Half-bright pixels lie within a pixel of the moved edges; a box that goes is half outside."""
    x, targets = bright_boxes()
    images, moved = change(scene, x, targets)
    assert (images != x).any()
    gone = 0
    for image, (label, *edges) in zip(images, moved[:, 0], strict=True):
        rows, columns = (
            np.flatnonzero((image > 127).any(axis=1)),
            np.flatnonzero((image > 127).any(axis=0)),
        )
        if label < 0:
            gone += 1
            continue
        found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        np.testing.assert_allclose(np.array(edges) * [W, H, W, H], found, atol=1)
    assert gone <= 10


def test_half_of_the_pictures_is_mirrored_to_the_byte():
    x, targets = bright_boxes()
    images, moved = change(Scene(flip=True), x, targets)
    mirrored = (images == x[:, :, ::-1]).all(axis=(1, 2))
    assert 10 <= mirrored.sum() <= 30
    np.testing.assert_array_equal(images[~mirrored], x[~mirrored])
    np.testing.assert_allclose(moved[mirrored, 0, 1], 1 - targets[mirrored, 0, 3], atol=1e-6)
    np.testing.assert_array_equal(moved[~mirrored], targets[~mirrored])


def test_boxes_of_which_half_is_outside_go_and_others_are_clipped():
    """The picture moves by up to half of its side; the area inside is counted."""
    targets = np.tile(np.float32([[[0, 0.4, 0.4, 0.6, 0.6], [-1, 0, 0, 0, 0]]]), (300, 1, 1))
    scene = Scene(shift=0.9)
    moved = scene.change_targets(targets, seed=0, epoch=0, indices=np.arange(300))
    assert (moved[:, 1, 0] == -1).all()
    kept = moved[moved[:, 0, 0] == 0, 0, 1:]
    area = np.prod(kept[:, 2:] - kept[:, :2], axis=1)
    assert 20 < len(kept) < 200
    assert 0.02 - 1e-6 <= area.min() < 0.03
    assert (kept.min(), kept.max()) == (0, 1)


def test_light_contrast_and_colour_move_no_box():
    x, targets = bright_boxes(channels=(3,))
    x = np.maximum(x, 40)
    scene = Scene(light=0.2, contrast=0.3, color=0.1)
    images, moved = change(scene, x, targets)
    np.testing.assert_array_equal(moved, targets)
    background = images[:, 0, 0].astype(int)
    assert (np.ptp(background, axis=1) > 0).mean() > 0.8  # channels differ
    assert background.mean(axis=1).std() + 20 > 0.1 * 255
    one = Scene(light=0.5)(x, seed=1, epoch=2, indices=np.arange(len(x)))
    drawn = one[:, 0, 0, 0].astype(int) - 40
    inside = (one[:, 0, 0, 0] > 0) & (one[:, 0, 0, 0] < 255)
    bright = one.max(axis=(1, 2, 3)).astype(int) - 255
    np.testing.assert_array_equal(bright[inside], np.minimum(drawn, 0)[inside])


@pytest.mark.parametrize(("height", "width", "channels"), [(48, 64, 3), (9, 40, 1), (1, 2, 1)])
def test_patches_of_one_colour_cover_a_part_of_the_picture(height, width, channels):
    """Of one patch at most, the other pixels stay; its height and width are at most a third."""
    x = np.full((200, height, width, channels), 99, np.uint8)
    images = Scene(clutter=1)(x, seed=0, epoch=0, indices=np.arange(200))
    changed = (images != x).any(axis=-1)
    for image, mask in zip(images, changed, strict=True):
        assert len(np.unique(image[mask], axis=0)) <= 1
        for axis, side in ((1, height), (0, width)):
            assert np.ptp(np.flatnonzero(mask.any(axis=axis)) if mask.any() else 0) < max(
                4, side / 3
            )
    assert 0.1 < changed.any(axis=(1, 2)).mean() < 0.6  # half of the pictures have none
    many = Scene(clutter=8)(x, seed=0, epoch=0, indices=np.arange(200))
    assert (many != x).mean() > 3 * changed.mean() or height < 9


def test_light_slopes_from_the_middle():
    """Oracle: the slope of each picture by its corners; opposite corners change by equal steps."""
    x = np.full((50, H, W), 128, np.uint8)
    change = Scene(slope=0.2)(x, seed=0, epoch=0, indices=np.arange(50)).astype(int) - 128
    np.testing.assert_allclose(change[:, 0, 0], -change[:, -1, -1], atol=1)
    np.testing.assert_allclose(change[:, 0, -1], -change[:, -1, 0], atol=1)
    across, down = (
        (change[:, 0, -1] - change[:, 0, 0]) / 2,
        (change[:, -1, 0] - change[:, 0, 0]) / 2,
    )
    at = np.stack(np.meshgrid(np.linspace(-1, 1, W), np.linspace(-1, 1, H)))
    wanted = across[:, None, None] * at[0] + down[:, None, None] * at[1]
    np.testing.assert_allclose(change, wanted, atol=1.6)
    assert 0.15 * 255 < max(abs(across).max(), abs(down).max()) <= 0.2 * 255 + 1


def test_changes_depend_on_the_index_alone():
    x, targets = bright_boxes()
    scene = Scene(scale=0.3, shift=0.2, flip=True, light=0.1, slope=0.1, clutter=5)
    images, moved = change(scene, x, targets)
    some = [7, 3]
    again, rows = change(scene, x[some], targets[some], indices=some)
    np.testing.assert_array_equal(again, images[some])
    np.testing.assert_array_equal(rows, moved[some])


@pytest.mark.parametrize("amounts", [
    {"scale": 1.0}, {"shift": -1}, {"flip": 1}, {"light": "a"}, {"slope": 2},
    {"clutter": 1.5}, {"clutter": 101}, {"clutter": True},
])  # fmt: skip
def test_amounts_out_of_range_are_refused(amounts):
    with pytest.raises(data.AugmentError, match=next(iter(amounts))):
        Scene(**amounts)
    with pytest.raises(data.AugmentError, match="moves boxes"):
        Scene().change_targets(np.zeros((3, 5), np.float32), seed=0, epoch=0, indices=[0, 1, 2])


def test_fit_moves_the_targets_of_each_batch():
    """The loss keeps what it gets."""
    x, targets = bright_boxes()
    seen = []

    class Seen(nn.DetectionLoss):
        def forward(self, x, target):
            seen.append(np.array(getattr(target, "data", target)))
            return super().forward(x, target)

    net = nn.Sequential([nn.Conv2d(5, 8, stride=8, padding=0)])
    model = nn.Model(net, encoder=data.ImageEncoder(width=W, height=H))
    scene = Scene(shift=0.2)
    train.fit(model, (x, targets), loss=Seen(), epochs=1, batch_size=40, seed=5,
              augment=scene, validation_split=0, progress="none", compiled=False)  # fmt: skip
    wanted = [
        sorted(map(bytes, scene.change_targets(targets, seed=5, epoch=e, indices=np.arange(40))))
        for e in (0, 1)
    ]
    assert sorted(map(bytes, seen[0])) in wanted  # in an order that is drawn


def test_the_task_augments_as_it_is_asked():
    """Light changes where the option is left out; strong changes are larger."""
    task, scenes = tasks.Detect(), data.scenes(2)
    assert task.augmentation("none", scenes, None) is None
    assert task.strength == "light"
    light, strong = (task.augmentation(name, scenes, None) for name in ("light", "strong"))
    assert light.scale < strong.scale
    assert (light.flip, strong.flip) == (False, False)
