"""Margins, Lipschitz products and spectral complexity."""
