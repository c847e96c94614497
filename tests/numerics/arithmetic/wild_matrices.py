"""Matrices that are hard on rounding: ranks, ties, sizes that differ, extreme scales."""

import numpy as np

SCALES = (0, -1022, -1060, 1000, 1015, -500)


def wild_matrix(seed: int, m: int, n: int, kind: int, scale: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((m, n))
    if kind == 1:  # rank one
        A = np.outer(rng.integers(-3, 4, m), rng.integers(-3, 4, n)).astype(float)
    elif kind == 2:  # tied singular values and zeros
        A = np.zeros((m, n))
        A[np.arange(min(m, n)), rng.permutation(n)[: min(m, n)]] = rng.choice([0.0, 1.0, 1.0, -1.0], min(m, n))
    elif kind == 3:  # entries of very different sizes
        A = np.ldexp(A, rng.integers(-600, 5, (m, n)))
    elif kind == 4:  # Hilbert
        A = 1 / (np.arange(m)[:, None] + np.arange(n) + 1)
    elif kind == 5:  # nearly equal singular values
        A = np.linalg.qr(rng.standard_normal((max(m, n), min(m, n))))[0]
        A = A if m >= n else A.T
    return np.ldexp(A, scale)


def hadamard(k: int) -> np.ndarray:
    H = np.ones((1, 1))
    for _ in range(k):
        H = np.block([[H, H], [H, -H]])
    return H
