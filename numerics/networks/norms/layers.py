r"""Norms of weights as certified balls: spectral, Frobenius and (2,1) norms, Lipschitz product, spectral complexity.

Conventions: $\|B\|_{p,q}$ takes $p$-norms of the *columns* and the $q$-norm of the result, so that
$\|A^\top\|_{2,1} = \sum_i \|A_{i,:}\|_2$ runs over the *rows* of a weight, its output units. That is the norm in the
spectral complexity of Bartlett, Foster and Telgarsky (2017); the other orientation makes their covering lemma false.
$A = (1,\dots,1)$ of size 1 x 9 has $\|A^\top\|_{2,1} = 3$ and $\|A\|_{2,1} = 9$.

The $A_i$ of a network are the *operators* of its linear layers between flattened values: a convolution counts with all
its positions (`numerics.networks.norms.operators`), not with its kernel.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import arb, fmpq

from numerics.arithmetic.enclosure import Floats
from numerics.arithmetic.enclosure import frobenius_norm as frobenius_norm
from numerics.arithmetic.enclosure import norm_1_inf_columns as norm_1_inf_columns
from numerics.arithmetic.enclosure import norm_1_inf_rows as norm_1_inf_rows
from numerics.arithmetic.enclosure import norm_21_columns as norm_21_columns
from numerics.arithmetic.enclosure import norm_21_rows as norm_21_rows
from numerics.arithmetic.spectral import RELATIVE_WIDTH
from numerics.arithmetic.spectral import spectral_norm as spectral_norm
from numerics.evidence.errors import InputError
from numerics.networks.data import Samples, sample_count
from numerics.networks.layers import Linear
from numerics.networks.margins import data_norm, margins
from numerics.networks.memory import remembered
from numerics.networks.network import Network
from numerics.networks.norms.lipschitz import layer_lipschitz, lipschitz_bound
from numerics.networks.norms.operators import operator_norm, operator_norm_21_rows
from numerics.networks.references import Reference, reference_weights


def _groups(network: Network) -> list[arb]:
    groups = [arb(1)]
    for i, (layer, reads) in enumerate(zip(network.layers, network.wiring, strict=True)):
        if reads != (i,):
            raise InputError(
                f"The network must be a chain for this formula, found layer {i + 1}, `{layer}`, which reads "
                f"{' and '.join(map(str, reads))}: `lipschitz_product` and path norms cover residual networks."
            )
        if isinstance(layer, Linear):
            groups.append(arb(1))
        else:
            groups[-1] *= layer_lipschitz(layer, network.shapes[reads[0]])
    return groups


def activation_constants(network: Network) -> tuple[arb, ...]:
    r"""$(\rho_0, \dots, \rho_L)$: Lipschitz constants of what stands before, between and after the linear layers of a
    chain: activations, scalings, pooling (its true constant, above 1 for overlapping windows), batch normalisation.

    Raises `InputError` for a network that is not a chain.
    """
    return tuple(_groups(network))


@remembered(at_each_precision=True)
def spectral_norms(network: Network, relative_width: float = RELATIVE_WIDTH) -> tuple[arb, ...]:
    r"""$(\|A_1\|_\sigma, \dots, \|A_L\|_\sigma)$, the norms of the linear layers as operators, in their order."""
    return tuple(operator_norm(place.layer, place.input_shape, relative_width) for place in network.linear_layers)


def _product(factors: Sequence[arb]) -> arb:
    result = arb(1)
    for factor in factors:
        result *= factor
    return result


def _power(x: arb, exponent: fmpq) -> arb:
    """The power of a number that is known not to be negative; the ball may reach below zero."""
    low, high = (end ** arb(exponent) if end > 0 else arb(0) for end in (x.lower(), x.upper()))
    return low if x.is_exact() else low.union(high)


def lipschitz_product(network: Network, relative_width: float = RELATIVE_WIDTH) -> arb:
    r"""$\rho_0\prod_i \rho_i\|A_i\|_\sigma$, a bound of the Lipschitz constant (Euclidean norms, biases or not).

    Over a network with sums the constants of the summands are added: see `lipschitz_bound`.
    """
    places = network.linear_layers
    norms = spectral_norms(network, relative_width)
    return lipschitz_bound(network, {place.number: norm for place, norm in zip(places, norms, strict=True)})


@remembered(at_each_precision=True)
def deviations_21(network: Network, references: Sequence[Reference] | None = None) -> tuple[arb, ...]:
    r"""$(\|A_1^\top - M_1^\top\|_{2,1}, \dots, \|A_L^\top - M_L^\top\|_{2,1})$, of the operators; zero references by
    default. Raises as `reference_weights`."""
    places = network.linear_layers
    matrices = [None] * len(places) if references is None else reference_weights(network, references)
    return tuple(
        operator_norm_21_rows(place.layer, place.input_shape, M) for place, M in zip(places, matrices, strict=True)
    )


def spectral_complexity(
    network: Network, references: Sequence[Reference] | None = None, relative_width: float = RELATIVE_WIDTH
) -> arb:
    r"""The spectral complexity of Bartlett, Foster and Telgarsky (2017, equation 1.2), with reference matrices $M_i$:

    $$R = \Big(\prod_{i=1}^L \rho_i \|A_i\|_\sigma\Big)
          \Big(\sum_{i=1}^L \frac{\|A_i^\top - M_i^\top\|_{2,1}^{2/3}}{\|A_i\|_\sigma^{2/3}}\Big)^{3/2}.$$

    `references` are as in `reference_weights`, zero by default; they must be fixed before the data is seen, such as the
    initialisation. What stands before the first linear layer multiplies $R$ by its constant. $A_i$ and $M_i$ are the
    operators of dense and convolution layers.

    It is computed without the quotient, as
    $$R = \Big(\sum_i \big(\rho_0\rho_1 \cdots \rho_L\, \|A_i^\top - M_i^\top\|_{2,1}
          {\textstyle\prod_{j\ne i}} \|A_j\|_\sigma
          \big)^{2/3}\Big)^{3/2},$$
    which is the same for nonzero weights and extends it continuously to zero ones; the covering argument uses the
    quantities in this form, so that the theorem stays true there. Two zero layers give 0, and so does one zero layer
    with zero references.

    Raises `InputError` when `references` do not fit, or the network is not a chain. Source: arXiv 1706.08498,
    Theorem 1.1.
    """
    constants = activation_constants(network)
    deviations = deviations_21(network, references)
    norms = spectral_norms(network, relative_width)
    total = arb(0)
    for i, deviation in enumerate(deviations):
        term = deviation * _product([s for j, s in enumerate(norms) if j != i])
        total += _power(term, fmpq(2, 3))
    return _product(constants) * _power(total, fmpq(3, 2))


def normalized_margins(
    network: Network,
    data: Samples,
    references: Sequence[Reference] | None = None,
    *,
    complexity: arb | None = None,
) -> Floats:
    r"""$M(F(x_i), y_i) \,/\, (R\,\|X\|_F / n)$ in float64, (n,), with $R$ the spectral complexity.

    For figures (`plot_margins`). For references zero it does not change when single layers are rescaled. `complexity`
    is $R$ where it is known already; it must be given for networks that are not chains. Raises as `margins`, and
    `InputError` when $R\|X\|_F$ is not positive, because a weight or the data is zero.
    """
    R = spectral_complexity(network, references) if complexity is None else complexity
    scale = R * data_norm(data) / sample_count(data)
    if not scale > 0:
        raise InputError(f"Margins are normalised by R |X| / n, which must be positive, found {scale}.")
    return margins(network, data) / float(scale)
