"""Streaming TensorFlow Lite files, whose variables hold rows of signals, as whole windows."""
