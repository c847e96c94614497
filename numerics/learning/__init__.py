"""Finite learning problems: samples, losses, Rademacher averages and laws of learners, as exact finite sums."""
