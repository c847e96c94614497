"""Premises that sister pages share: the same words, the pages' own witnesses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from theorems.claim import Premise

Decides = Callable[[Any], bool]
Show = Callable[[Any], str]


def independent(*, without: Callable[[], Any], show: Show, holds: Decides = lambda t: not t.copies) -> Premise:
    """Independent examples; without them the sample is one draw, repeated."""
    return Premise(
        "independent",
        "The examples are drawn independently from one distribution.",
        holds=holds,
        without=without,
        show=show,
    )


def probability() -> Premise:
    r"""$\delta$ is a probability."""
    return Premise(
        "probability",
        r"$0 < \delta < 1$.",
        holds=lambda t: 0 < t.delta < 1,
        kind="typing",
        why="delta is the probability that the bound fails",
    )


def range_of_loss(*, without: Callable[[], Any], show: Show) -> Premise:
    """Losses of bounded range, for runs with noise."""
    return Premise(
        "range of the loss",
        r"The values $\ell(\cdot, z)$ lie in an interval of length $M$.",
        holds=lambda t: 0 <= t.height <= t.M,
        without=without,
        show=show,
    )


def noise(index: str, *, without: Callable[[], Any], show: Show) -> Premise:
    r"""The noise of a step of Langevin dynamics; `index` is the letter that counts the steps."""
    return Premise(
        "noise",
        rf"The noise of step ${index}$ has the variance $2\eta_{index}/\beta$ in every direction.",
        holds=lambda t: t.noise == 1,
        without=without,
        show=show,
    )


def smooth(*, holds: Decides, without: Callable[[], Any], show: Show) -> Premise:
    r"""Losses whose gradients are $\beta$-Lipschitz."""
    return Premise("smooth", r"$\nabla f(\cdot; z)$ is $\beta$-Lipschitz.", holds=holds, without=without, show=show)


def lipschitz(*, holds: Decides, without: Callable[[], Any], show: Show) -> Premise:
    r"""Losses that are $L$-Lipschitz."""
    return Premise("Lipschitz", r"$f(\cdot; z)$ is $L$-Lipschitz.", holds=holds, without=without, show=show)


def linear(*, holds: Decides, without: Callable[[], Any], show: Show) -> Premise:
    """Networks without activations."""
    return Premise(
        "linear", "No activation function stands between the layers.", holds=holds, without=without, show=show
    )
