"""Mutants that compute what their files compute, each with its reason; nothing can notice them."""

EQUIVALENT: dict[str, str] = {
    "pybridge/drypoint/graph/_builder.py: self._clip = (-math.inf, math.inf)\n"
    "    self._clip = (math.inf, math.inf)": "`enter` sets the clip before a layer adds a node",
}
"""`FILE: LINE`, the line after it indented -> why nothing can notice it."""
