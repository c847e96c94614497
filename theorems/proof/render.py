"""Expressions, relations and derivations as plain text and as LaTeX. Untrusted: it only prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from theorems.proof.words import Atom, Expr, Signed, Word

if TYPE_CHECKING:
    from theorems.proof.derivation import Derivation


def _units_first(word: Word) -> Word:
    """Rotate a closed word so that a passage through dimension one, if there is one, comes first."""
    for i, (x, t) in enumerate(word):
        if (x.cols if t else x.rows) == "1":
            return word[i:] + word[:i]
    return word


def _runs(word: Word) -> list[tuple[Signed, int]]:
    runs: list[tuple[Signed, int]] = []
    for s in word:
        if runs and runs[-1][0] == s:
            runs[-1] = (s, runs[-1][1] + 1)
        else:
            runs.append((s, 1))
    return runs


def plain(expr: Expr) -> str:
    """The expression on one line, as close to its Python form as text allows."""

    def signed(s: Signed) -> str:
        return s[0].name + ("'" if s[1] else "")

    def word(w: Word) -> str:
        return " ".join(signed(s) + (f"^{k}" if k > 1 else "") for s, k in _runs(w))

    def atom(a: Atom) -> str:
        if isinstance(a, str):
            return a
        w = _units_first(a)
        return word(w) if _starts_at_one(w) else f"tr({word(w)})"

    return _sum(expr, word, atom, str, " ")


def latex(expr: Expr) -> str:
    """The expression in LaTeX (math mode)."""

    def word(w: Word) -> str:
        out = []
        for (x, t), k in _runs(w):
            power = ("\\top" if t else "") if k == 1 else (f"(\\top)\\,{k}" if t else str(k))
            out.append(latex_name(x.name) + (f"^{{{power}}}" if power else ""))
        return " ".join(out)

    def atom(a: Atom) -> str:
        if isinstance(a, str):
            return latex_name(a)
        w = _units_first(a)
        if _starts_at_one(w):
            return word(w) if len(w) == 1 else f"({word(w)})"
        half = len(w) // 2
        if len(w) % 2 == 0 and tuple((x, not t and not x.symmetric) for x, t in reversed(w[half:])) == w[:half]:
            return f"\\|{word(w[half:])}\\|_F^2"
        return f"\\operatorname{{tr}}({word(w)})"

    return _sum(expr, word, atom, _latex_number, "\\,")


def latex_made(expr: Expr) -> str:
    """The expression in LaTeX the way it was written, not in normal form."""
    return _made(expr, _LATEX)[0]


def plain_made(expr: Expr) -> str:
    """The expression on one line the way it was written."""
    return _made(expr, _PLAIN)[0]


@dataclass(frozen=True)
class _Style:
    leaf: Callable[[Expr], str]
    name: Callable[[str], str]
    transpose: str
    norm: str
    trace: str
    inner: str
    power: str
    derivative: str
    number: Callable[[Fraction], str]
    identity: Callable[[str], str]
    parentheses: tuple[str, str]


# How tightly the outermost operation binds: sums, products, powers and transposes, single symbols.
_SUM, _PRODUCT, _POWER, _SYMBOL = range(4)


def _made(e: Expr, style: _Style) -> tuple[str, int]:
    op, *args = e.made or ("normal form",)

    def part(x: Expr, least: int) -> str:
        text, binds = _made(x, style)
        return text if binds >= least else f"{style.parentheses[0]}{text}{style.parentheses[1]}"

    if op == "letter":
        return style.name(args[0].name), _SYMBOL
    if op == "number":
        return style.number(args[0]), _SYMBOL if args[0] >= 0 and args[0].denominator == 1 else _SUM
    if op == "identity":
        return (style.identity(args[0]) if args[0] != "1" else "1"), _SYMBOL
    if op == "zeros":
        return "0", _SYMBOL
    if op == "+":
        right_op = (args[1].made or ("",))[0]
        if right_op == "-":
            return f"{part(args[0], _SUM)} - {part(args[1].made[1], _PRODUCT)}", _SUM
        return f"{part(args[0], _SUM)} + {part(args[1], _SUM)}", _SUM
    if op == "-":
        return f"-{part(args[0], _PRODUCT)}", _SUM
    if op in ("*", "@"):
        return f"{part(args[0], _PRODUCT)} {part(args[1], _PRODUCT)}", _PRODUCT
    if op == "^":
        return style.power.format(part(args[0], _SYMBOL), args[1]), _POWER
    if op == "T":
        return part(args[0], _SYMBOL) + style.transpose, _POWER
    if op == "trace":
        if (args[0].made or ("",))[0] == "identity":
            return style.name(args[0].rows), _SYMBOL
        return style.trace.format(_made(args[0], style)[0]), _SYMBOL
    if op == "norm":
        return style.norm.format(_made(args[0], style)[0]), _SYMBOL
    if op == "inner":
        return style.inner.format(_made(args[0], style)[0], _made(args[1], style)[0]), _SYMBOL
    if op == "derivative":
        at = ", ".join(f"{style.name(x.name)} -> {_made(d, style)[0]}" for x, d in args[1].items())
        if style is _LATEX:
            at = at.replace("->", "\\to")
        return style.derivative.format(_made(args[0], style)[0], at), _PRODUCT
    return style.leaf(e), _SUM if len(e.terms) != 1 else _PRODUCT


def _starts_at_one(word: Word) -> bool:
    x, t = word[0]
    return (x.cols if t else x.rows) == "1"


def _sum(expr, word, atom, coefficient, times) -> str:
    parts = []
    for (atoms, w), c in expr.terms.items():
        body: list[str] = []
        seen: dict[str, int] = {}
        for a in atoms:
            text = atom(a)
            seen[text] = seen.get(text, 0) + 1
        body += [t if k == 1 else f"{t}^{{{k}}}" for t, k in seen.items()]
        if w:
            body.append(word(w))
        elif not expr.is_scalar:
            body.append("I")
        if abs(c) != 1 or not body:
            body.insert(0, coefficient(abs(c)))
        parts.append(("-" if c < 0 else "+", times.join(body)))
    if not parts:
        return "0"
    first = ("-" if parts[0][0] == "-" else "") + parts[0][1]
    return first + "".join(f" {sign} {text}" for sign, text in parts[1:])


_GREEK = {
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "eta",
    "theta",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "pi",
    "rho",
    "sigma",
    "tau",
    "phi",
    "chi",
    "psi",
    "omega",
    "Gamma",
    "Delta",
    "Theta",
    "Lambda",
    "Xi",
    "Pi",
    "Sigma",
    "Phi",
    "Psi",
    "Omega",
}


def latex_name(name: str) -> str:
    """A letter's name in LaTeX: `W[j+1]` becomes `W_{j+1}`, `sigma_1` becomes `\\sigma_{1}`."""
    name = re.sub(r"\[([^\]]*)\]", r"_{\1}", name)
    match = re.fullmatch(r"([A-Za-z]+)(.*)", name, re.S)
    if match and match[1] in _GREEK:
        name = "\\" + match[1] + match[2]
    return re.sub(r"_(\w\w+)", r"_{\1}", name)


def _latex_number(c: Fraction) -> str:
    return str(c) if c.denominator == 1 else f"\\tfrac{{{c.numerator}}}{{{c.denominator}}}"


_PLAIN = _Style(
    leaf=plain,
    name=str,
    transpose="'",
    norm="|{}|^2",
    trace="tr({})",
    inner="<{}, {}>",
    power="{}^{}",
    derivative="D({})[{}]",
    number=str,
    identity=lambda n: f"I_{n}",
    parentheses=("(", ")"),
)
_LATEX = _Style(
    leaf=latex,
    name=latex_name,
    transpose="^{\\top}",
    norm="\\left\\|{}\\right\\|_F^2",
    trace="\\operatorname{{tr}}\\left({}\\right)",
    inner="\\left\\langle {},\\ {}\\right\\rangle",
    power="{}^{{{}}}",
    derivative="\\mathrm{{D}}\\left({}\\right)\\left[{}\\right]",
    number=_latex_number,
    identity=lambda n: f"I_{{{n}}}",
    parentheses=("\\left(", "\\right)"),
)


def latex_derivation(derivation: Derivation) -> str:
    """The steps of a derivation as one `align*` block: what holds, and why."""
    lines = []
    for fact in derivation.facts:
        reason = fact.reason.replace("_", "\\_").replace("&", "\\&").replace("%", "\\%").replace("#", "\\#")
        lines.append(f"  ({fact.number})\\quad & {fact.latex()} && \\text{{{reason}}}")
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"
