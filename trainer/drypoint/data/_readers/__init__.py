"""Data sets from files and folders, which may be untrusted."""
