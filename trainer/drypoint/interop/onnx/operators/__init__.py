"""ONNX's operators: each module has a table from operators to functions that make layers."""
