r"""Sizes of networks that norm-based bounds use, as certified balls."""

from __future__ import annotations

import math
from fractions import Fraction

from flint import arb

from numerics.networks import Network
from numerics.networks.norms.groups import dual_group_norm, row_norm
from numerics.networks.norms.paths import greatest_row, operator_frobenius
from theorems.bounds.norms import constants


def frobenius_size(network: Network) -> arb:
    r"""$\|A_L\|_{2,\infty} \prod_{i<L} \|A_i\|_F$ times the Lipschitz constants of the activations, for a chain."""
    *hidden, last = network.linear_layers
    result = constants(network) * greatest_row(last, 2)
    for place in hidden:
        result *= operator_frobenius(place)
    return result


def l1_size(network: Network) -> arb:
    r"""$\prod_i \|A_i\|_{1,\infty}$, the greatest l1 norms of rows, times the Lipschitz constants of the activations."""
    result = constants(network)
    for place in network.linear_layers:
        result *= greatest_row(place, 1)
    return result


def group_size(network: Network) -> arb:
    r"""$\|A_L\|_{2,\infty} \prod_{i<L} \sqrt{h_i}\,\|A_i\|_{2,\infty}$ times the Lipschitz constants of the activations."""
    *hidden, last = network.linear_layers
    result = constants(network) * greatest_row(last, 2)
    for place in hidden:
        result *= greatest_row(place, 2) * arb(math.prod(place.output_shape)).sqrt()
    return result


def dual_group_size(network: Network, p: Fraction) -> arb:
    r"""$\|A_L\|_{p,\infty} \prod_{i<L} \|A_i\|_{p,p^*}$ times the Lipschitz constants of the activations."""
    *hidden, last = network.linear_layers
    result = constants(network) * row_norm(last, p)
    for place in hidden:
        result *= dual_group_norm(place, p)
    return result
