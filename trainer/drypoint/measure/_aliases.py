"""Names of other frameworks in this part; CONTRIBUTING.md has the rule."""

from drypoint.common import Arguments, Names

MODULE_ALIASES: Names = {}

_FIGURE = "it is a figure of measure(model, data)"
MODULE_HINTS: Names = {
    "evaluate": "it is measure(model, data)",
    "accuracy": f"{_FIGURE}: .accuracy",
    "accuracy_score": f"{_FIGURE}: .accuracy",
    "confusion_matrix": f"{_FIGURE}: .confusion_matrix",
    "classification_report": f"{_FIGURE}: .classification_report()",
    "f1_score": f"{_FIGURE}: its properties name all",
    "roc_auc_score": f"{_FIGURE}: its properties name all",
    "log_loss": f"{_FIGURE}: its properties name all",
}
MEASUREMENT_HINTS: Names = {
    "false_negative_rate": "it is 1 - recall",
    "false_discovery_rate": "it is 1 - precision",
    "geometric_mean_probability": "it is 1 / perplexity",
    "acc": "it is accuracy",
    "kappa": "it is cohen_kappa",
    "f1_score": "it is f1, a score for each class",
    "auc": "it is roc_auc",
    "loss": "it is cross_entropy",
    "plot": "plot.confusion(measurement) and plot.examples(measurement.worst(10)) draw",
    "confusion_plot": "it is plot.confusion(measurement)",
}
MEASURE = Arguments(
    hints={"x": "it is a part of dataset: measure(model, (x, y))"},
    too_many="inputs and labels are one argument, measure(model, (x, y))",
)
