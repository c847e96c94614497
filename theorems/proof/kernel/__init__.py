"""The trusted kernel: everything that a derivation rests on, and nothing else."""
