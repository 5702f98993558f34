"""Encoders before a net and decoders after it."""
