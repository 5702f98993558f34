"""Names of other frameworks in this part; CONTRIBUTING.md has the rule."""

from drypoint.common import Names

MODULE_ALIASES: Names = {"list_models": "names"}
MODULE_HINTS: Names = {
    "list": "it is names()",
    "lenet": 'load("lenet-mnist") is the trained net, nn.lenet() the untrained',
    "get_model": 'load("lenet-mnist") is the trained net, nn.lenet() the untrained',
    "Sequential": "it is nn.Sequential",
    "Model": "it is nn.Model",
    "load_model": "load(name) loads a net of the package, nn.load(path) one of a file",
}
