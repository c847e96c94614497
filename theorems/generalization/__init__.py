"""Generalization: margins, complexities and bounds."""
