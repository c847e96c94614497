"""Bounds by counting: test sets, bits, activation patterns."""
