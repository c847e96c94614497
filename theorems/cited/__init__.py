"""What proofs take on trust: each cited fact once, one module for each field."""
