"""Training dynamics: gradient flow and gradient descent."""
