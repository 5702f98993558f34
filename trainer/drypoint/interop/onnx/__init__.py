"""ONNX: `file` is the gate, `reader` walks over the nodes, `operators` makes layers of them."""
