"""Names of other frameworks in this part: aliases, which work, and hints, which say what to write.

CONTRIBUTING.md has the rule.
"""

from collections.abc import Callable, Mapping

from drypoint.common import Arguments, Names
from drypoint.nn import BinaryCrossEntropyLoss, CrossEntropyLoss, Loss, MAELoss, MSELoss

MODULE_ALIASES: Names = {
    "RMSprop": "RMSProp",
}

_DECAY = "Adam's weight_decay is decoupled as AdamW's is: train.Adam(weight_decay=0.01)"
_NO_OPTIMIZER = "there are Adam, SGD, RMSProp and SignSGD, or a class of your own as Optimizer says"
MODULE_HINTS: Names = {
    "AdamW": _DECAY,
    "Nadam": _NO_OPTIMIZER,
    "Adagrad": _NO_OPTIMIZER,
    "LBFGS": _NO_OPTIMIZER,
    "Trainer": "it is a function, train.fit(model, data)",
    "compile": "leave it out: loss and optimizer are arguments of train.fit",
    "transfer": "it is make_body_study(data, body)",
    "fine_tune": "it is make_body_study(data, body, body_epochs=...), or fit of the trained model",
    "freeze": 'it is fit(lr_multipliers={"conv*": 0})',
    "train": "it is train.fit(model, data)",
    "evaluate": "it is measure.measure(model, data)",
    "optim": "optimizers are here: train.Adam(lr=...)",
    "optimizers": "optimizers are here: train.Adam(lr=...)",
    "CosineAnnealingLR": "it is fit(schedule='cosine')",
    "OneCycleLR": "it is fit(schedule='onecycle'), which is the default",
    "StepLR": "it is Step(at=..., factor=...), with points as shares of the run",
    "ReduceLROnPlateau": "a schedule is a function of the step: Cosine, OneCycle or Step",
    "ModelCheckpoint": "it is fit(checkpoint=folder); fit returns the best epoch's net",
    "TensorBoard": "it is fit(log='run.csv'); plot.training draws it",
    "CSVLogger": "it is fit(log='run.csv')",
}
RESULT_HINTS: Names = {
    "accuracy": 'it is metrics["accuracy"], on the training examples; val_metrics has validation',
    "val_accuracy": 'it is val_metrics["accuracy"]',
    "evaluate": "it is measure.measure(result.model, test)",
    "losses": 'they are history["loss"], one an epoch, and batch_loss, one a step',
    "predict": "it is result.model.predict(x)",
    "save": "it is result.model.save(path)",
    "summary": "it is print(result); of the net print(result.net.summary())",
}
OPTIMIZER_HINTS: Names = {"adamw": _DECAY}

LOSS_ALIASES: Mapping[str, Callable[[], Loss]] = {
    "sparse_categorical_crossentropy": CrossEntropyLoss,
    "categorical_crossentropy": CrossEntropyLoss,
    "binary_crossentropy": BinaryCrossEntropyLoss,
    "mse": MSELoss,
    "mean_squared_error": MSELoss,
    "mae": MAELoss,
    "mean_absolute_error": MAELoss,
}
"""Keras's words for a loss -> the loss."""

METRIC_ALIASES: Names = {
    "accuracy": "accuracy",
    "acc": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
}

_LR = "the optimizer has it: optimizer=train.Adam(lr=...)"
_PAIR = "give inputs and labels as a pair: fit(model, (x, y))"
FIT = Arguments(
    aliases={"num_epochs": "epochs", "nb_epoch": "epochs", "random_state": "seed"},
    hints={
        "lr": _LR,
        "learning_rate": _LR,
        "weight_decay": "the optimizer has it: optimizer=train.Adam(weight_decay=...)",
        "momentum": "the optimizer has it: optimizer=train.SGD(momentum=...)",
        "verbose": "it is progress: 'none' for 0, 'bar' for 1, 'lines' for 2",
        "x": _PAIR,
        "y": _PAIR,
        "shuffle": "leave it out: every epoch has an order of its own, drawn with seed",
        "criterion": "it is loss, a Loss of nn",
        "class_weight": "there is none; a function of batches can draw rare classes more often",
        "sample_weight": "there is none; a function of batches can draw some examples more often",
        "patience": "it is early_stopping=train.EarlyStopping(patience=...)",
        "device": "leave it out: training runs on the CPU",
        "workers": "leave it out: all cores compute; the environment sets fewer threads",
        "num_workers": "leave it out: all cores compute; the environment sets fewer threads",
        "steps_per_epoch": "an epoch is all of data; a function of batches decides itself",
        "initial_epoch": "it is resume_from=folder, a folder with a checkpoint",
        "data": _PAIR,
    },
    too_many=_PAIR,
)

OPTIMIZER = Arguments(
    aliases={
        "learning_rate": "lr",
        "alpha": "rho",
        "beta_1": "beta1",
        "beta_2": "beta2",
        "epsilon": "eps",
    },
    hints={
        "params": "leave it out: fit gives the optimizer the parameters",
        "betas": "they are beta1 and beta2",
        "amsgrad": "there is no AMSGrad",
        "decay": "fit has a schedule of the learning rate",
        "clipnorm": "it is fit(clip_grad_norm=...)",
    },
    too_many="write lr=...; fit gives the optimizer the parameters",
)
