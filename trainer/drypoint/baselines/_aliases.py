"""Names of other frameworks in this part; CONTRIBUTING.md has the rule."""

from drypoint.common import Names

MODULE_ALIASES: Names = {"classify": "auto"}
MODULE_HINTS: Names = {
    "fit": "it is auto(data), which trains several classifiers and returns the best",
    "compare": 'it is measure.compare({"baseline": auto(data), "net": model}, test)',
}
