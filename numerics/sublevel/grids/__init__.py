"""Merge trees of grids: exact between vertices, and brackets that hold between them."""
