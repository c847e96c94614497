"""Profiles for Hypothesis: `ci` (the same examples on every run) by default, `nightly` with fresh randomness."""

import os

# Before NumPy is loaded: where other work keeps the cores busy, two threads of BLAS wait for each other, and products of
# the sizes of these tests take ten times as long as with one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("nightly", derandomize=False, deadline=None, max_examples=2000, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
