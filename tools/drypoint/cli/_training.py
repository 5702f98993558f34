"""The recipe by which the commands train LeNet."""

from dataclasses import asdict, dataclass
from pathlib import Path

from drypoint import autodiff, data, nn, train
from drypoint.common import read_bytes, sha256
from drypoint.data import ClassDecoder, Dataset, ImageEncoder
from drypoint.nn import Model
from drypoint.train import Adam, OneCycle, TrainResult, fit

from ._output import say

EPOCHS = 4


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what net comes out: equal recipes give equal bytes.

    The numbers were chosen on validation images of the training set; the test set had no say.
    """

    epochs: int
    seed: int
    data_sha256: str
    code_sha256: str  # of the trainer: other code may give another net
    validation: int  # images held out of the training set
    batch_size: int = 64
    lr: float = 3e-3
    beta2: float = 0.99
    warmup: float = 0.2
    label_smoothing: float = 0.1

    @classmethod
    def of(cls, dataset: Dataset, *, epochs: int, seed: int) -> "Recipe":
        """The recipe for a training set."""
        return cls(
            epochs=epochs,
            seed=seed,
            data_sha256=dataset.digest(),
            code_sha256=_code_digest(),
            validation=max(1, min(5000, len(dataset) // 6)),
        )

    def provenance(self) -> dict[str, object]:
        """What a model of this recipe carries along."""
        return {"recipe": asdict(self)}


def train_lenet(dataset: Dataset, recipe: Recipe) -> TrainResult:
    """Train LeNet by a recipe."""
    width, height = dataset.image_size
    model = nn.Model(
        nn.lenet(),
        encoder=ImageEncoder(width=width, height=height, color="gray"),
        decoder=ClassDecoder(dataset.classes),
        provenance=recipe.provenance(),
    )
    return fit(
        model,
        dataset,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        optimizer=Adam(lr=recipe.lr, beta2=recipe.beta2),
        schedule=OneCycle(warmup=recipe.warmup),
        loss=nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing),
        validation_split=recipe.validation,
        seed=recipe.seed,
    )


def save_trained(trained: TrainResult, path: Path) -> Model:
    """Save the net of a run. An interrupted one is marked and goes beside ``path``, as
    ``<name>-interrupted.npz``: it takes the place of no earlier net and passes for none.
    """
    model = trained.model
    if trained.stopped == "diverged":
        say(f"the loss became NaN or infinite: {path} is the best net before, not the last")
    if trained.stopped == "interrupted":
        path = path.with_name(f"{path.stem}-interrupted{path.suffix}")
        model = model.with_provenance({**model.provenance, "interrupted": True})
    model.save(path)
    if trained.stopped == "interrupted":
        epoch = f"epoch {trained.best_epoch}" if trained.best_epoch else "within the first epoch"
        say(f"interrupted: the best net so far ({epoch}) is kept in {path}")
    return model


def _code_digest() -> str:
    folders = [Path(part.__file__ or "").parent for part in (autodiff, data, nn, train)]
    kinds = ("*.py", "*.c", "*.h")
    files = sorted(path for folder in folders for kind in kinds for path in folder.rglob(kind))
    return sha256(b"".join(read_bytes(path) for path in files))
