"""Names of commands and options of other tools: aliases, which work, and hints, which say what to
write. CONTRIBUTING.md has the rule.
"""

from collections.abc import Mapping, Sequence

Names = Mapping[str, str]

COMMANDS: Names = {"fit": "train", "evaluate": "measure", "predict": "run", "deploy": "export"}
COMMAND_HINTS: Names = {
    "test": "measure measures accuracy on test examples, verify compares bytes",
    "convert": "quantize makes a program of a float model, import reads ONNX and TensorFlow Lite, "
    "export writes C",
    "compile": "export writes C",
    "flash": "export writes C, which your board's own tools flash",
    "benchmark": "bench times backends here, report --target counts instructions on a device",
}
OPTION_HINTS: Names = {
    "--model": "the file is an argument without a name: drypoint COMMAND FILE",
    "--device": "it is --target NAME, or --chip NAME of drypoint export",
    "--board": "it is --target NAME, or --chip NAME of drypoint export",
}


def replace_alias(words: Sequence[str]) -> list[str]:
    """The words of a command line, whose command has its own name."""
    replaced = list(words)
    for i, word in enumerate(words):
        if not word.startswith("-"):
            replaced[i] = COMMANDS.get(word, word)
            break
    return replaced
