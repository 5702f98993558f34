"""Predefined nets, and nets by a name with sizes."""
