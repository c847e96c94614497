"""A bounds report as a table, JSON, LaTeX, BibTeX, and a figure of the margins."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numerics.evidence.verdict import Rigour

if TYPE_CHECKING:
    from flint import arb

    from numerics.networks import Network
    from numerics.networks.data import Samples
    from theorems.bounds.bound import BoundValue
    from theorems.commands.bounds_report import BoundsReport, Row

# Words for the symbols that dominate most bounds; for others the first words of what the bound says they mean.
_WHAT = {"risk": "training risk", "R": "complexity", "C": "union bound", "delta": "confidence"}


def show(x: arb) -> str:
    """Six digits, or the whole ball where they are not certain."""
    return x.str(6, radius=False) if float(x.rad()) < 1e-4 * (1 + abs(float(x))) else str(x)


def rounded_up(x: arb, most: float = math.inf) -> str:
    """The upper end of a ball, or `most` where that is less, with 6 digits, rounded up."""
    from decimal import ROUND_CEILING, Context

    from numerics.arithmetic.enclosure import outward

    return str(Context(prec=6, rounding=ROUND_CEILING).create_decimal_from_float(min(outward(x)[1], most)))


def dominant(row: Row) -> str:
    """The greatest term of a bound in words, by the most telling symbol in it."""
    assert row.value is not None
    symbols = set(re.findall(r"[A-Za-z_]\w*", row.value.dominated_by))
    words = next((text for symbol, text in _WHAT.items() if symbol in symbols), None)
    if words is None:
        meanings = [m for s, m in row.bound.symbols.items() if s in symbols and s not in ("n", "gamma")]
        words = (meanings or list(row.bound.symbols.values()))[0].partition(",")[0]
    return words if len(words) <= 40 else words[:37] + "..."


def at_most(row: Row) -> str:
    """The bound, cut at what its quantity can be at most, with 6 digits rounded up."""
    assert row.value is not None
    return rounded_up(row.value.capped, 1.0 if row.bound.trivial == "1" else math.inf)


def verdict(value: BoundValue) -> str:
    """Whether the value says anything, with what the formula gives where it does not, and whether draws went into it."""
    formula = {True: "vacuous", None: "perhaps vacuous", False: ""}[value.vacuous]
    said = [f"{formula}: {rounded_up(value.value)}"] if formula else []
    return ", ".join([*said, *(["statistical"] if value.rigour is Rigour.STATISTICAL else [])])


def _groups(report: BoundsReport) -> Iterator[tuple[str, bool, list[Row]]]:
    """The rows with a value by what they bound, and whether that holds with probability 1 - delta (or in expectation)."""
    found: dict[tuple[str, bool], list[Row]] = {}
    for row in report.rows:
        if row.value is not None:
            found.setdefault((row.value.quantity, "delta" in row.bound.symbols), []).append(row)
    for (quantity, high), rows in found.items():
        yield quantity, high, rows


def table(report: BoundsReport) -> str:
    """The report as plain text: ingredients, then one row for each bound."""
    lines = [
        report.network,
        f"  {report.samples} training examples, |X|_F = {show(report.data_norm)}, "
        f"training error {show(report.training_error)} (a tie counts as an error)",
        "  margins: " + ", ".join(f"{q} % {m:.4g}" for q, m in report.margins),
    ]
    for layer in report.layers:
        lines.append(
            f"  {layer.text}: spectral norm {show(layer.spectral)}, rows (2,1) {show(layer.rows)}, "
            f"Frobenius {show(layer.frobenius)}"
            + ("" if layer.deviation is None else f", (2,1) from its reference {show(layer.deviation)}")
        )
    known = "does not exist: an activation jumps" if report.lipschitz is None else show(report.lipschitz)
    lines.append(f"  Lipschitz product {known}")
    if report.complexity is not None:
        lines[-1] += f", spectral complexity {show(report.complexity)}"
    if report.complexity_from_references is not None:
        lines[-1] += f", from the references {show(report.complexity_from_references)}"
    for quantity, high, rows in _groups(report):
        when = f"with probability at least 1 - {report.delta}" if high else "in expectation over the training"
        gamma = f"; gamma is {report.gamma}" if any("gamma" in row.bound.options for row in rows) else ""
        lines += ["", f"{quantity}, {when}{gamma}:", ""]
        cells = [("bound", "at most", "", "mostly", "page", "citation")]
        for row in rows:
            value = row.value
            assert value is not None
            cells.append((value.name, at_most(row), verdict(value), dominant(row), value.page, value.citation))
        lines += _aligned(cells)
    left_out = [row for row in report.rows if row.value is None]
    if any(row.broken for row in left_out):
        lines += ["", "Bounds that do not apply:", ""]
        lines += [f"  {row.bound.name}: {'; '.join(row.broken)}." for row in left_out if row.broken]
    if any(not row.broken for row in left_out):
        lines += ["", "Bounds that need to know more (--test, --training or --set NAME=VALUE):", ""]
        lacking = [row for row in left_out if not row.broken]
        lines += _aligned([(row.bound.name, ", ".join(row.lacking)) for row in lacking])
        meanings = dict.fromkeys((name, row.bound.options[name]) for row in lacking for name in row.lacking)
        lines += ["", *_aligned(sorted(meanings))]
    return "\n".join(line.rstrip() for line in lines)


def _aligned(cells: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    kept = [i for i, width in enumerate(widths) if width]
    return ["  " + "  ".join(row[i].ljust(widths[i]) for i in kept) for row in cells]


def _ends(x: Any) -> Any:
    """A ball as its two ends in double precision, rounded outward; an exact number as text."""
    from flint import arb

    from numerics.arithmetic.enclosure import outward

    if isinstance(x, arb):
        low, high = outward(x)
        return {"lower": low, "upper": high}
    return x if isinstance(x, int) or x is None else str(x)


def as_json(report: BoundsReport) -> dict[str, Any]:
    """The report for machines: every enclosure as `lower` and `upper`, floats rounded outward."""
    return {
        "network": report.network,
        "shapes": [list(shape) for shape in report.shapes],
        "layers": [
            {
                "layer": layer.text,
                "spectral_norm": _ends(layer.spectral),
                "norm_21_rows": _ends(layer.rows),
                "frobenius_norm": _ends(layer.frobenius),
                "norm_21_rows_from_reference": _ends(layer.deviation),
            }
            for layer in report.layers
        ],
        "lipschitz_product": _ends(report.lipschitz),
        "spectral_complexity": _ends(report.complexity),
        "spectral_complexity_from_references": _ends(report.complexity_from_references),
        "samples": report.samples,
        "data_norm": _ends(report.data_norm),
        "training_error": _ends(report.training_error),
        "margin_percentiles": {str(q): m for q, m in report.margins},
        "delta": report.delta,
        "bounds": [_row_as_json(row) for row in report.rows],
    }


def _row_as_json(row: Row) -> dict[str, Any]:
    bound = row.bound
    entry: dict[str, Any] = {
        "name": bound.name,
        "title": bound.title,
        "quantity": bound.quantity,
        "in_expectation": "delta" not in bound.symbols,
        "page": bound.page,
        "citation": bound.citation,
        "applies": not row.broken,
    }
    if row.value is None:
        return entry | {"broken": list(row.broken), "missing": list(row.missing)}
    return entry | {
        "value": _ends(row.value.value),
        "capped": _ends(row.value.capped),
        "vacuous": row.value.vacuous,
        "rigour": str(row.value.rigour),
        "mostly": dominant(row),
        "ingredients": {symbol: _ends(v) for symbol, _, v in row.value.ingredients},
    }


def _json_text(report: BoundsReport) -> str:
    import json

    return json.dumps(as_json(report), indent=2)


def latex(report: BoundsReport) -> str:
    r"""Two `tabular`s (they need booktabs): the layers, and a row for each bound with its `\cite`."""
    from theorems.commands.latex import line

    lines = [
        f"% {report.network}: {report.samples} training examples",
        "\\begin{tabular}{lrrr}",
        "\\toprule",
        "layer & $\\|A\\|_\\sigma$ & $\\|A^\\top\\|_{2,1}$ & $\\|A\\|_F$ \\\\",
        "\\midrule",
    ]
    for layer in report.layers:
        norms = (show(x) for x in (layer.spectral, layer.rows, layer.frobenius))
        lines.append(" & ".join([line(layer.text), *(_number(x) for x in norms)]) + " \\\\")
    lines += ["\\bottomrule", "\\end{tabular}", ""]
    for quantity, high, rows in _groups(report):
        when = f"with probability at least $1 - {report.delta}$" if high else "in expectation over the training"
        lines += [f"% {quantity}, {when}", "\\begin{tabular}{lrll}", "\\toprule"]
        lines += [f"{line(quantity)} & at most & mostly & source \\\\", "\\midrule"]
        for row in rows:
            value = row.value
            assert value is not None
            key, _, locator = value.citation.partition(", ")
            marks = f" ({verdict(value)})" if verdict(value) else ""
            cited = f"\\cite[{locator}]{{{key}}}" if locator else f"\\cite{{{key}}}"
            lines.append(f"{line(value.name)}{marks} & {_number(at_most(row))} & {line(dominant(row))} & {cited} \\\\")
        lines += ["\\bottomrule", "\\end{tabular}", ""]
    return "\n".join(lines).rstrip()


def _number(text: str) -> str:
    """A decimal for LaTeX: `1.2E+5` becomes a power of ten."""
    digits, _, exponent = text.upper().partition("E")
    if not re.fullmatch(r"[-+]?[\d.]+", digits):
        return f"${text}$"
    return f"${digits} \\cdot 10^{{{int(exponent)}}}$" if exponent else f"${digits}$"


def bibtex(report: BoundsReport) -> str:
    """The BibTeX entries of all bounds that have a value: sources, then pages."""
    from theorems.catalogue import claim
    from theorems.commands import cite
    from theorems.examination.bibliography import bibliography

    values = [row.value for row in report.rows if row.value is not None]
    entries = [bibliography()[value.citation.partition(",")[0]] for value in values]
    for page in dict.fromkeys(value.page for value in values):
        entries += cite.entries(claim(page))
    return "\n\n".join(dict.fromkeys(entries))


WRITERS: Mapping[str, Callable[[BoundsReport], str]] = {
    "table": table,
    "json": _json_text,
    "latex": latex,
    "bibtex": bibtex,
}


def plot(network: Network, data: Samples, path: str | Path) -> None:
    """Write a figure: the distribution of normalised margins, and the share of margins below gamma for every gamma."""
    from matplotlib.figure import Figure

    from numerics.networks import certified_margins, margin_risk_curve, margins, normalized_margins, plot_margins
    from theorems.commands.figures import write

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    if network.is_chain and not network.jump_failures():
        plot_margins(left, normalized_margins(network, data))
        left.set_xlabel(r"margin / ($R\,\|X\|_F / n$)")
    else:  # no spectral complexity
        plot_margins(left, margins(network, data))
    margin_risk_curve(certified_margins(network, data)).plot(right)
    write(figure, path)
