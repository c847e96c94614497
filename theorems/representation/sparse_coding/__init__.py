"""Sparse codes and thresholds."""
