"""Mutants that compute what their files compute, each with its reason; nothing can notice them."""

EQUIVALENT: dict[str, str] = {}
"""`FILE: LINE`, the line after it indented -> why nothing can notice it."""
