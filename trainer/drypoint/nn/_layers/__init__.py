"""Layers and losses that hold no others."""
