"""Names of commands and options of other tools: aliases, which work, and hints, which say what to
write. CONTRIBUTING.md has the rule.
"""

from collections.abc import Mapping, Sequence

Names = Mapping[str, str]

COMMANDS: Names = {
    "fit": "train",
    "evaluate": "measure",
    "eval": "measure",
    "predict": "run",
    "infer": "run",
    "classify": "run",
    "deploy": "export",
    "inspect": "info",
    "summary": "info",
}
_CONVERT = (
    "quantize makes a program of a float model, import reads ONNX and TensorFlow Lite, export "
    "writes C"
)
_BODY = "--body FILE starts from a net that was trained on other pictures"
COMMAND_HINTS: Names = {
    "test": "measure measures accuracy on test examples, verify compares bytes",
    "convert": _CONVERT,
    "tflite_convert": _CONVERT,
    "onnx": "import FILE.onnx makes a model of it",
    "build": "train makes a model, export writes C",
    "optimize": "quantize makes integers; export leaves out what no output depends on",
    "compile": "export writes C",
    "flash": "export writes C, which your board's own tools flash",
    "upload": "export writes C, which your board's own tools flash",
    "benchmark": "bench times backends here, report --target counts instructions on a device",
    "profile": "report FILE --target NAME counts the instructions of each op",
    "simulate": "run --target NAME computes on an emulated device",
    "chips": "drypoint export --help lists them; report FILE --chip NAME says whether a model fits",
    "init": "there is nothing to set up: drypoint train --data FOLDER",
    "data": "it is an option: drypoint train --data FOLDER",
    "list": "models lists the nets that come with the package",
}
OPTION_HINTS: Names = {
    "--model": "the file is an argument without a name: drypoint COMMAND FILE",
    "--device": "it is --target NAME, or --chip NAME of drypoint export",
    "--board": "it is --target NAME, or --chip NAME of drypoint export",
    "--bits": "drypoint quantize NET.npz --bits 4 chooses the bits of weights",
    "--int8": "drypoint quantize makes the integers of a net, 8 bits where nothing else is said",
    "--output": "it is --out",
    "-o": "it is --out",
    "--learning-rate": "it is --lr",
    "--batch-size": "it is --batch",
    "--dataset": "it is --data",
    "--representative-dataset": "it is --data, of which --examples are calibrated on",
    "--input": "inputs are arguments without a name: drypoint run 3.png",
    "--input-size": "it is --size WxH",
    "--img": "it is --size WxH",
    "--format": "it is --form",
    "--backbone": _BODY,
    "--pretrained": _BODY,
    "--weights": _BODY,
    "--freeze": f"{_BODY}, frozen",
    "--class-weights": "drypoint train --balance repeats the examples of rarer classes",
}


def replace_alias(words: Sequence[str]) -> list[str]:
    """The words of a command line, whose command has its own name; ``help NAME`` is ``NAME
    --help``."""
    if words[:1] == ["help"]:
        return [*replace_alias(words[1:2]), "--help"]
    if words == ["version"]:
        return ["--version"]
    replaced = list(words)
    for i, word in enumerate(words):
        if not word.startswith("-"):
            replaced[i] = COMMANDS.get(word, word)
            break
    return replaced
