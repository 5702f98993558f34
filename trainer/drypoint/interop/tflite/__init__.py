"""TensorFlow Lite: `file` is the gate, `operators` has the table from operators to functions."""
