"""Data sets that have a name: in packages, in a cache, to download."""
