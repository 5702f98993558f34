"""The command line: one file a command, all with the same pieces."""
