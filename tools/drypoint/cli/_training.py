"""Training of LeNet by the commands: recipe, seed, held-out data."""

import argparse
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from drypoint import autodiff, data, nn, train
from drypoint.common import DrypointError, printable, read_bytes, sha256
from drypoint.nn import Model
from drypoint.train import StudyData, TrainResult, recipes

from ._data import training_data
from ._output import say
from ._pieces import count, natural

RECIPE = "fast"
SIZE = (28, 28)  # pixels: of the images that LeNet reads
_CURVES = ("loss", "val_loss", "accuracy", "val_accuracy", "lr")
_MOST_EPOCHS = 2000
RECIPES = {"fast": recipes.lenet_fast, "best": recipes.lenet_best}


def add_training_arguments(
    parser: argparse.ArgumentParser, *, epochs: str = "the recipe's"
) -> None:
    """``--recipe``, ``--epochs``, whose help says how long it trains without it, and ``--seed``."""
    parser.add_argument(
        "--recipe",
        choices=RECIPES,
        help=f"how to train LeNet: see drypoint recipes; {RECIPE} if left out",
    )
    parser.add_argument(
        "--epochs", type=count, help=f"passes over the examples; if left out, {epochs}"
    )
    parser.add_argument("--seed", type=natural, default=0, help="same seed, same bytes")


@dataclass(frozen=True, kw_only=True)
class Training:
    """The settings of a training; equal settings give nets with equal bytes.

    Attributes:
        data: what the provenance says of the data set.
        validation: images held out of the training set and only measured.
        code_sha256: of the trainer: other code may give another net.
    """

    recipe: recipes.Recipe
    seed: int
    data_sha256: str
    data: Mapping[str, object]
    code_sha256: str
    validation: int

    @classmethod
    def of(cls, data: StudyData, args: argparse.Namespace) -> "Training":
        """The settings from the command's options, for a training set."""
        dataset = data.train
        recipe = RECIPES[args.recipe or RECIPE]
        return cls(
            recipe=recipe if args.epochs is None else recipe.with_epochs(args.epochs),
            seed=args.seed,
            data_sha256=dataset.digest(),
            data=data.facts,
            code_sha256=_code_digest(),
            validation=max(1, min(5000, len(dataset) // 6)),
        )

    def provenance(self) -> dict[str, dict[str, object]]:
        """The provenance of a model with these settings."""
        facts: dict[str, object] = {"seed": self.seed, "validation": self.validation}
        hashes = {"data_sha256": self.data_sha256, "code_sha256": self.code_sha256}
        return {"recipe": {**self.recipe.config(), **facts, **hashes}, "data": dict(self.data)}


def lenet_data(args: argparse.Namespace, *, notify: Callable[[str], None] = say) -> StudyData:
    """The parts of ``--data`` in LeNet's size and colour."""
    found = training_data(args, size=SIZE, color="gray", notify=notify)
    if found.train.is_signals:
        raise DrypointError(
            f"a recipe trains LeNet on pictures; {found.name} has signals: name a net, --net"
        )
    return found


def train_lenet(
    images: StudyData,
    training: Training,
    out: Path,
    *,
    checkpoint: Path | None = None,
    resume: bool = False,
    mpi: bool = False,
) -> TrainResult:
    """Train LeNet for a file, or resume from the checkpoint in a folder."""
    dataset = images.train
    model = training.recipe.model(dataset, seed=training.seed)
    check_saving(model.with_provenance(training.provenance()), images, out)
    return training.recipe.fit(
        dataset,
        seed=training.seed,
        validation_split=training.validation,
        provenance=training.provenance(),
        checkpoint=checkpoint,
        resume_from=checkpoint if resume else None,
        mpi=mpi,
    )


def check_saving(model: Model, data: StudyData, path: Path) -> None:
    """Refuse, before the training, a model that could not be saved after it."""
    for name in map(str, (data.facts.get("source", ""), *data.train.classes)):
        if not name.isascii() and name.encode(errors="replace").decode() != name:
            raise DrypointError(
                f"the name {printable(name)} is no text in UTF-8, so the net's file could not keep "
                "it: rename the file or the folder"
            )
    size, folder = len(model.dumps()), path.resolve().parent
    if folder.is_dir() and shutil.disk_usage(folder).free < size:
        raise DrypointError(f"{folder} has no room for {path.name} of {size:,} bytes: free some")


def save_trained(trained: TrainResult, path: Path) -> tuple[Model, Path]:
    """Save the net of a run; gives the model and the file it is in.

    An interrupted one is marked and goes beside ``path``, as ``<name>-interrupted.npz``: it takes
    the place of no earlier net and passes for none.
    """
    model = trained.model
    model = model.with_provenance({**model.provenance, "training": curves(trained)})
    if trained.stopped == "diverged":
        say(f"the loss became NaN or infinite: {path} is the best net before, not the last")
    if trained.stopped == "interrupted":
        path = path.with_name(f"{path.stem}-interrupted{path.suffix}")
        model = model.with_provenance({**model.provenance, "interrupted": True})
    model.save(path)
    if trained.stopped == "interrupted":
        epoch = f"epoch {trained.best_epoch}" if trained.best_epoch else "within the first epoch"
        say(f"interrupted: the best net so far ({epoch}) is kept in {path}")
    return model, path


def curves(trained: TrainResult) -> dict[str, object]:
    """The curves of a run for its file, which `drypoint report` draws: without times, so that equal
    runs give equal bytes; of at most 2,000 epochs, so that the file can be read back.
    """
    facts = trained.to_json()
    history = {
        name: [float(f"{value:.6g}") for value in facts["history"][name]]
        for name in _CURVES
        if name in facts["history"]
        and None not in facts["history"][name]
        and trained.n_epochs <= _MOST_EPOCHS
    }
    counts = {key: facts[key] for key in ("n_epochs", "best_epoch", "n_train", "n_val")}
    return {**counts, "history": history}


def _code_digest() -> str:
    folders = [Path(part.__file__ or "").parent for part in (autodiff, data, nn, train)]
    files = sorted(path for folder in folders for path in folder.glob("*.py"))
    for part in (autodiff, data):  # compiled kernels, where there are any
        native = sys.modules.get(f"{part.__name__}._native")
        files += [Path(native.__file__)] if native is not None and native.__file__ else []
    return sha256(b"".join(read_bytes(path) for path in files))
