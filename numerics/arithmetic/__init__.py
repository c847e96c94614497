"""Arithmetic that decides: rational matrices, polynomials, balls, and enclosures of floating-point results."""
