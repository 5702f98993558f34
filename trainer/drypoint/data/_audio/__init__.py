"""Encoders of sound and of other sampled signals, by spectra."""
