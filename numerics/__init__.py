"""Rigorous numerics for the theory of deep learning: exact and ball arithmetic, instances, networks, evidence."""

# A user's own `numerics.py` may shadow this package: the front door of `theorems` looks for this mark.
PART_OF = "theorems"
