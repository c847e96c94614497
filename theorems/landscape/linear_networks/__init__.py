"""Critical points and minima of linear networks."""
