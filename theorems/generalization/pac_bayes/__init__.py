"""Random networks and divergences from a prior."""
