"""Representation: what networks can compute, and what their layers are."""
