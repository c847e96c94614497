"""Norms of layers and of whole networks."""
