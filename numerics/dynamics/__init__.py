"""Runs of training whose every step is exact."""
