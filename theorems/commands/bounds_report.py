r"""The ingredients of a network and its data, and every bound of the package on them: what `theorems bounds` prints.

Each number is a certified enclosure. A bound whose conditions the network breaks is listed with the reason, one that
needs to know more (a test set, how the network was trained) says what, and one that is at least what its quantity can
be at most, 1 for a probability, is called vacuous.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numerics.evidence.errors import InputError
from theorems.bounds import all_bounds

if TYPE_CHECKING:
    from flint import arb

    from numerics.networks import Network
    from numerics.networks.data import Samples
    from theorems.bounds.bound import Bound, BoundValue

QUANTILES = (0, 5, 25, 50, 75, 95, 100)
FORMATS = ("table", "json", "latex", "bibtex")
_KNOWN = ("delta", "gamma", "references", "test_data")  # have options of their own on the command line


@dataclass(frozen=True)
class Row:
    """One bound: its value, or the reasons why it does not apply, or what it needs to know."""

    bound: Bound
    value: BoundValue | None
    broken: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """A sentence for every option that was not given and is needed."""
        return self.bound.sentences(self.lacking)


@dataclass(frozen=True)
class LayerReport:
    """Norms of one linear layer as an operator; `deviation` is the (2,1) norm of its distance from the reference."""

    text: str
    spectral: arb
    rows: arb
    frobenius: arb
    deviation: arb | None


@dataclass(frozen=True)
class BoundsReport:
    """Ingredients and bounds of one network on its training data; `None` for what a residual or a sign network does not have."""

    network: str
    shapes: tuple[tuple[int, ...], ...]
    layers: tuple[LayerReport, ...]
    lipschitz: arb | None
    complexity: arb | None
    complexity_from_references: arb | None
    samples: int
    data_norm: arb
    training_error: arb
    margins: tuple[tuple[int, float], ...]
    delta: str
    gamma: str
    rows: tuple[Row, ...]


def bounds_report(
    network: Network,
    data: Samples,
    *,
    delta: Any = "0.01",
    gamma: Any = None,
    references: Sequence[Any] | None = None,
    test_data: Samples | None = None,
    options: Mapping[str, Any] | None = None,
    absorb: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> BoundsReport:
    r"""Measure `network` on its training `data` and compute every bound, each valid with probability $1 - \delta$.

    `references` are weights fixed before the data was seen, such as the initialisation (default: zero). `gamma` is the
    margin of the bounds that need one in advance (default 1); bounds that hold for every margin choose their own when it
    is left out. `test_data` are examples that training did not see. `options` go to the bounds that know them
    (`Bound.options`), such as the description of the training. With `absorb`, biases become weights of a constant
    feature first. `progress` hears what is being measured.

    Raises `InputError` for data that does not fit the network, for `delta`, `gamma`, `references` or an option out of
    range, and for an option that no bound knows.
    """
    import numpy as np

    from numerics.networks import (
        certified_margins,
        data_norm,
        empirical_margin_risk,
        lipschitz_product,
        operator_frobenius_norm,
        operator_norm_21_rows,
        spectral_norms,
    )
    from numerics.networks.data import sample_count
    from numerics.networks.norms.layers import deviations_21

    options = dict(options or {})
    bounds = all_bounds()
    _check_options(options, bounds)
    if absorb:
        network, references, data, test_data = absorbed(network, references, data, test_data)
    progress("margins")
    lower, upper = certified_margins(network, data)
    places = network.linear_layers
    progress(f"norms of {len(places)} layers")
    deviations = None if references is None else deviations_21(network, references)
    layers = tuple(
        LayerReport(
            f"layer {place.number}, {place.layer}",
            s,
            operator_norm_21_rows(place.layer, place.input_shape),
            operator_frobenius_norm(place.layer, place.input_shape),
            None if deviations is None else deviations[i],
        )
        for i, (place, s) in enumerate(zip(places, spectral_norms(network), strict=True))
    )
    rows = []
    for bound in bounds:
        progress(bound.name)
        given = {"gamma": gamma, "references": references, "test_data": test_data, **options}
        chosen = {k: v for k, v in given.items() if k in bound.options and v is not None}
        broken, lacking = bound.conditions(network), bound.lacking(chosen)
        if broken or lacking:
            rows.append(Row(bound, None, broken, lacking))
        else:
            needs_delta = {"delta": delta} if "delta" in bound.symbols else {}
            rows.append(Row(bound, bound.on(network, data, **needs_delta, **chosen)))
    progress("")
    middle = (lower + upper) / 2
    return BoundsReport(
        network=repr(network),
        shapes=network.shapes,
        layers=layers,
        lipschitz=None if network.jump_failures() else lipschitz_product(network),
        complexity=_complexity(network, None),
        complexity_from_references=None if references is None else _complexity(network, references),
        samples=sample_count(data),
        data_norm=data_norm(data),
        training_error=empirical_margin_risk((lower, upper)),
        margins=tuple((q, float(np.percentile(middle, q))) for q in QUANTILES),
        delta=str(delta),
        gamma="1 where it must be fixed in advance" if gamma is None else str(gamma),
        rows=tuple(rows),
    )


def _complexity(network: Network, references: Sequence[Any] | None) -> arb | None:
    from numerics.networks import spectral_complexity

    return spectral_complexity(network, references) if network.is_chain and not network.jump_failures() else None


def absorbed(network: Network, references: Any, data: Any, test_data: Any) -> Any:
    """The same with biases as weights of a constant feature, which the data get."""
    from numerics.networks import absorb_biases

    changed, weights = absorb_biases(network, references)
    count = changed.inputs - network.inputs

    def more(samples: Any) -> Any:
        if isinstance(samples, Sequence):
            return [part.with_constant(count) for part in samples]
        return samples.with_constant(count)

    return changed, weights, more(data), None if test_data is None else more(test_data)


def _check_options(options: Mapping[str, Any], bounds: Sequence[Bound]) -> None:
    import difflib

    known = sorted({name for bound in bounds for name in bound.options} - set(_KNOWN))
    for name in options:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean `{close[0]}`?" if close else f"known: {', '.join(known)}."
            raise InputError(f"No bound has the option `{name}`: {hint}")
