"""Nets of PyTorch and Keras, in memory; and the comparison of a net with its source."""
