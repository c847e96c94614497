r"""Certificates that two points of a linear network lie in different components of a sublevel set of $\|W_K \cdots W_1 X - Y\|^2$.

Let a hidden layer have $s \le m$ units, let $B = W_K \cdots W_{k+1}$ be the product above it, and $U$ any rational $m \times s$
matrix. If $\det(U^\top B)$ has different signs at two points, every path between them meets a point where $u^\top B = 0$ for a
unit vector $u$ in the range of $U$. There the loss is at least the *wall*
$$\|Y\|^2 - s \tau - \operatorname{tr} Z + \zeta, \qquad Z \succeq 0, \quad \tau \ge 0, \quad \tau I + Z \succeq S := Y P_X Y^\top,
\quad U^\top Z U \succeq \zeta\, U^\top U,$$
where $P_X$ projects onto the row space of $X$. So below the wall the two points are apart.

*Proof.* Let $P = W_K \cdots W_1 X$, of rank at most $s$, and $Q = I - u u^\top$. As $u^\top P = 0$, $P = Q P$, and $\|P - Y\|^2 =
\|Y (I - P_X)\|^2 + \|u^\top Y P_X\|^2 + \|Q Y P_X - P\|^2$, where the last term is at least the sum of all but the $s$ largest
eigenvalues of $Q S Q$ (Eckart and Young). The first two terms and the trace of $QSQ$ add up to $\|Y\|^2$, so that the loss is at
least $\|Y\|^2$ less the $s$ largest eigenvalues of $Q S Q \preceq \tau I + Q Z Q$. Their sum is at most (Ky Fan) $s \tau +
\operatorname{tr} Q Z Q = s \tau + \operatorname{tr} Z - u^\top Z u$, and $u^\top Z u \ge \zeta$. $\square$

With $\tau = \sigma_{s+1}^2$, $Z = \sum_{i \le s} (\sigma_i^2 - \tau) u_i u_i^\top$ and $U = (u_1, \dots, u_s)$, from the singular
values of $Y P_X$, the wall is $E^*_s + \sigma_s^2 - \sigma_{s+1}^2$ with $E^*_s = \|Y\|^2 - \sum_{i \le s} \sigma_i^2$. All conditions
are decided by rational $L D L^\top$, so that a rounded singular value decomposition serves as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq

from numerics.arithmetic.exact import Matrix, identity, rational
from numerics.evidence.certificate import Point
from numerics.evidence.errors import InputError
from numerics.evidence.verdict import Verdict, decided, every, fails, less_than
from numerics.sublevel.losses import NetworkLoss
from numerics.sublevel.paths.linear_paths import end_to_end


@dataclass(frozen=True)
class DisconnectionCertificate:
    r"""No path from `start` to `end` stays in $\{E \le \text{level}\}$: the letters are those of the head of this module.

    `layer` is the hidden layer, counted from 0 (its rows are the $s$ units). `loss` must be squared, of a linear network without
    biases; a ridge only makes the loss larger.
    """

    loss: NetworkLoss
    start: Point
    end: Point
    level: Any
    layer: int
    U: Matrix
    tau: Any
    Z: Matrix
    zeta: Any

    def __repr__(self) -> str:
        return f"DisconnectionCertificate(layer {self.layer}, level {self.level}, wall {self.wall()}, {self.loss!r})"

    @property
    def units(self) -> int:
        return self.start[self.layer].rows

    def wall(self) -> fmpq:
        """What the loss reaches on every path between the two points, if the conditions hold."""
        return self.loss.Y.squared_norm() - self.units * rational(self.tau) - self.Z.trace() + rational(self.zeta)

    def determinants(self) -> tuple[fmpq, fmpq]:
        r"""$\det(U^\top B)$ at both points."""
        return tuple((self.U.T @ upper(w, self.layer)).det() for w in (self.start, self.end))  # pyright: ignore[reportReturnType]

    def verify(self) -> Verdict:
        """Decided from the letters alone, in rational arithmetic."""
        loss, m = self.loss, self.loss.Y.rows
        if loss.activation != "identity" or loss.outer != "squared" or loss.biases:
            return fails(f"the loss must be squared, of a linear network without biases, found {loss!r}")
        for w in (self.start, self.end):
            if wrong := loss.problem(w):
                return fails(f"an end is no point of the loss: {wrong}")
        if [W.shape for W in self.start] != [W.shape for W in self.end]:
            return fails("the ends have different shapes")
        if not 0 <= self.layer < len(self.start) - 1:
            return fails(f"layer {self.layer} is no hidden layer")
        if self.U.shape != (m, self.units) or self.Z.shape != (m, m) or not self.Z.is_symmetric():
            return fails(f"U must be {m}x{self.units} and Z symmetric {m}x{m}")
        tau, zeta = rational(self.tau), rational(self.zeta)
        S = target_gram(loss)
        a, b = self.determinants()
        level = rational(self.level)
        return every(
            [
                decided(loss(self.start) <= level and loss(self.end) <= level, "both ends lie in the set"),
                decided(a * b < 0, f"the determinant goes from {a} to {b}"),
                decided(tau >= 0, "tau is not negative"),
                decided(self.Z.is_positive_semidefinite(), "Z is positive semidefinite"),
                decided((identity(m) * tau + self.Z - S).is_positive_semidefinite(), "tau I + Z is at least S"),
                decided(
                    (self.U.T @ (self.Z - identity(m) * zeta) @ self.U).is_positive_semidefinite(),
                    "Z is at least zeta on the range of U",
                ),
                less_than(level, self.wall(), "the level is below the wall"),
            ]
        )


def upper(point: Point, layer: int) -> Matrix:
    """The product of the layers above a hidden layer."""
    return end_to_end(point[layer + 1 :], identity(point[layer].rows))


def target_gram(loss: NetworkLoss) -> Matrix:
    r"""$S = Y P_X Y^\top$."""
    return loss.Y @ loss.X.T.projector() @ loss.Y.T


def separate(
    start: Point, end: Point, loss: NetworkLoss, layer: int, bits: int = 40
) -> DisconnectionCertificate | None:
    r"""A certificate that the two points are apart at the larger of their losses, from a rounded singular value decomposition.

    `None` when the determinants do not differ in sign, or the wall that this decomposition proves is not above that level.
    Raises `InputError` for points that do not fit and for a hidden layer that is wider than the output.
    """
    for name, w in (("start", start), ("end", end)):
        if wrong := loss.problem(w):
            raise InputError(f"`{name}` must be a point of the loss: {wrong}.")
    if not 0 <= layer < len(start) - 1 or start[layer].rows > loss.Y.rows:
        raise InputError(
            f"`layer` must be a hidden layer with at most {loss.Y.rows} units, as many as outputs, found layer {layer}."
        )
    s, m = start[layer].rows, loss.Y.rows
    S = target_gram(loss)
    values, vectors = np.linalg.eigh(S.to_numpy())
    values, vectors = values[::-1], vectors[:, ::-1]
    scale = 2.0**bits
    U = Matrix(np.round(vectors[:, :s] * scale) / scale)
    # A little above the float value, so that the matrix inequalities hold in spite of the rounding.
    slack = rational(float(max(values[0], 1.0))) * fmpq(m + 1, 2 ** (bits - 4))
    tau = rational(float(max(values[s], 0.0) if s < m else 0.0)) + slack
    weights = [rational(float(v)) - tau + 2 * slack for v in values[:s]]
    if any(w <= 0 for w in weights):
        return None
    diagonal = Matrix.from_entries(s, s, [weights[i] if i == j else 0 for i in range(s) for j in range(s)])
    Z = U @ diagonal @ U.T
    certificate = DisconnectionCertificate(
        loss, start, end, max(loss(start), loss(end)), layer, U, tau, Z, weights[-1] - 2 * slack
    )
    return certificate if certificate.verify().holds else None
