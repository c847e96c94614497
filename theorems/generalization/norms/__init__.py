"""Bounds by products of norms."""
