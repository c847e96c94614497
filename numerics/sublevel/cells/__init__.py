"""Cells on which a loss is enclosed: certified components, and counts in all of space."""
