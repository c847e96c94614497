"""Rademacher averages of classes, and what follows for every function of a class at once."""
