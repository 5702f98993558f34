"""Names of other frameworks in this part: aliases, which work, and hints, which say what to write.

CONTRIBUTING.md has the rule.
"""

from drypoint.common import Names

_VALUE = "a picture is a value: print(picture), or picture.save(path)"
PICTURE_HINTS: Names = dict.fromkeys(("show", "savefig"), _VALUE)

MODULE_ALIASES: Names = {
    "plot_model": "net",
    "confusion_matrix": "confusion",
    "ConfusionMatrixDisplay": "confusion",
    "roc_curve": "roc",
    "plot_confusion_matrix": "confusion",
}
MODULE_HINTS: Names = {
    **PICTURE_HINTS,
    "imshow": "it is images([image])",
    "plot": "each picture has its function: training, confusion, examples, ...",
    "heatmap": "it is confusion(measurement)",
}
