"""Random distortions of training images and signals, in NumPy and in C."""
