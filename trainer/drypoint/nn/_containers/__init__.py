"""Nets made of named layers: chains, graphs, and what is computed in one operation."""
