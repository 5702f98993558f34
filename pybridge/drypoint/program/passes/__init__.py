"""Passes: each reads a program and gives one with equal output bytes."""
