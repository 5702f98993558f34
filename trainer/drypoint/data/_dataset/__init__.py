"""Data sets in memory: images, signals, labels, and the parts of a set."""
