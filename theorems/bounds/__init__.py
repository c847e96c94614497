"""Bounds of a given network in numbers: `Bound`, and the calculators that pages speak of."""
