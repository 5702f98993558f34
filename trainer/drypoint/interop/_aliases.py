"""Names of other frameworks in this part; CONTRIBUTING.md has the rule."""

from drypoint.common import Arguments, Names

MODULE_ALIASES: Names = {"from_pytorch": "from_torch", "from_tensorflow": "from_keras"}
MODULE_HINTS: Names = {
    "load_onnx": "it is from_onnx(path)",
    "load_tflite": "it is from_tflite(path)",
    "to_keras": "drypoint writes no Keras files: to_onnx(model) and to_tflite(program) give bytes",
    "export_onnx": "it is to_onnx(model)",
    "from_pt": "a .pt file holds no net, only its weights: build the torch module, load them, and "
    "call from_torch(module, example)",
    "from_h5": "it is from_keras(path)",
}
FROM_TORCH = Arguments(
    aliases={"args": "example", "example_inputs": "example", "model": "module"},
    hints={"example": "a batch of inputs, from_torch(module, torch.zeros(1, 1, 28, 28))"},
)
