"""Expressions, relations and derivations as plain text and as LaTeX. Untrusted: it only prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from theorems.proof.kernel.language import Content, Indexed, Statement
from theorems.proof.kernel.words import ONES, PRINTERS, Atom, Expr, Letter, Signed, Word, letter


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


def plain(expr: Expr, name: Callable[[Letter], str] = str, dim: Callable[[str], str] = str) -> str:
    """The expression on one line, as close to its Python form as text allows."""

    def signed(s: Signed) -> str:
        return name(s[0]) + ("'" if s[1] else "")

    def word(w: Word) -> str:
        return " ".join(signed(s) + (f"^{k}" if k > 1 else "") for s, k in _runs(w))

    def atom(a: Atom) -> str:
        if isinstance(a, str):
            return dim(a)
        w = _units_first(a)
        return word(w) if _starts_at_one(w) else f"tr({word(w)})"

    return _sum(expr, word, atom, str, " ", lambda base, k: f"{base}^{k}")


def latex(
    expr: Expr,
    name: Callable[[Letter], str] = lambda x: latex_name(x.name),
    dim: Callable[[str], str] = str,
) -> str:
    """The expression in LaTeX (math mode)."""

    def word(w: Word) -> str:
        out = []
        for (x, t), k in _runs(w):
            text = _raised(name(x), "\\top") if t else name(x)
            out.append(text if k == 1 else _raised(f"({text})" if t else text, str(k)))
        return " ".join(out)

    def atom(a: Atom) -> str:
        if isinstance(a, str):
            return latex_name(dim(a))
        w = _units_first(a)
        if _starts_at_one(w):
            return word(w) if len(w) == 1 else f"({word(w)})"
        half = len(w) // 2
        if len(w) % 2 == 0 and tuple((x, not t and not x.symmetric) for x, t in reversed(w[half:])) == w[:half]:
            shown = min(w[half:], w[:half], key=lambda part: sum(t for _, t in part))  # |M| = |M^T|
            return f"\\|{word(shown)}\\|_F^2"
        return f"\\operatorname{{tr}}({word(w)})"

    return _sum(expr, word, atom, _latex_number, "\\,", _raised)


def latex_made(expr: Expr) -> str:
    """The expression in LaTeX the way it was written, not in normal form."""
    return _made(expr, _LATEX)[0]


def plain_made(expr: Expr) -> str:
    """The expression on one line the way it was written."""
    return _made(expr, _PLAIN)[0]


def plain_sides(expr: Expr) -> tuple[str, str]:
    """The two sides of `expr` against zero: `a - b` reads as (a, b)."""
    return _sides(expr, _PLAIN)


def latex_sides(expr: Expr) -> tuple[str, str]:
    return _sides(expr, _LATEX)


def _sides(e: Expr, style: _Style, where: _Where | None = None) -> tuple[str, str]:
    op, *args = e.made or ("normal form",)
    if op == "substituted":
        return _sides(args[0], style, _Where(args[1], args[2], where))
    if op == "+" and (args[1].made or ("",))[0] == "-":
        return _made(args[0], style, where)[0], _made(args[1].made[1], style, where)[0]
    return _made(e, style, where)[0], "0"


@dataclass(frozen=True)
class _Style:
    leaf: Callable[[Expr, Callable[[Letter], str], Callable[[str], str]], str]
    name: Callable[[str], str]
    transpose: Callable[[str], str]
    norm: str
    trace: str
    inner: str
    power: Callable[[str, str], str]
    derivative: str
    number: Callable[[Fraction], str]
    identity: Callable[[str], str]
    parentheses: tuple[str, str]


# How tightly the outermost operation binds: sums, products, powers and transposes, single symbols.
_SUM, _PRODUCT, _POWER, _SYMBOL = range(4)


@dataclass(frozen=True)
class _Where:
    """Inside a substituted expression: what letters and dimensions were replaced by, and inside what that stands."""

    values: Mapping[Letter, Expr]
    dims: Mapping[str, str]
    outer: _Where | None

    def letter(self, x: Letter) -> tuple[Letter | Expr, _Where | None]:
        """What stands for a letter, and where that is to be read."""
        if x in self.values:
            return self.values[x], self.outer
        x = Letter(x.name, self.dims.get(x.rows, x.rows), self.dims.get(x.cols, x.cols), x.symmetric)
        return (x, None) if self.outer is None else self.outer.letter(x)

    def dim(self, d: str) -> str:
        d = self.dims.get(d, d)
        return d if self.outer is None else self.outer.dim(d)


def _made(e: Expr, style: _Style, where: _Where | None = None) -> tuple[str, int]:
    """The text and how tightly it binds."""
    op, *args = e.made or ("normal form",)

    def dim(d: str) -> str:
        return d if where is None else where.dim(d)

    def letter_(x: Letter) -> tuple[str, int]:
        found, there = (x, None) if where is None else where.letter(x)
        return (style.name(found.name), _SYMBOL) if isinstance(found, Letter) else _made(found, style, there)

    def part(x: Expr, least: int) -> str:
        text, binds = _made(x, style, where)
        return text if binds >= least else f"{style.parentheses[0]}{text}{style.parentheses[1]}"

    written = (args[0].made or ("normal form",))[0] if op == "substituted" else ""
    if op == "substituted" and (where is not None or written not in ("derivative", "gradient", "normal form")):
        return _made(args[0], style, _Where(args[1], args[2], where))
    if op == "letter":
        return letter_(args[0])
    if op == "number":
        return style.number(args[0]), _SYMBOL if args[0] >= 0 and args[0].denominator == 1 else _SUM
    if op == "identity":
        return (style.identity(dim(args[0])) if dim(args[0]) != "1" else "1"), _SYMBOL
    if op == "zeros":
        return "0", _SYMBOL
    if op == "+":
        right_op = (args[1].made or ("",))[0]
        if right_op == "-" and args[1].made is not None:
            return f"{part(args[0], _SUM)} - {part(args[1].made[1], _PRODUCT)}", _SUM
        return f"{part(args[0], _SUM)} + {part(args[1], _SUM)}", _SUM
    if op == "-":
        return f"-{part(args[0], _PRODUCT)}", _SUM
    if op == "*" and (args[1].made or ("",))[0] == "number":
        args = args[::-1]
    if op in ("*", "@"):
        return f"{part(args[0], _PRODUCT)} {part(args[1], _PRODUCT)}", _PRODUCT
    if op == "^":
        return style.power(part(args[0], _SYMBOL), str(args[1])), _POWER
    if op == "T":
        return style.transpose(part(args[0], _SYMBOL)), _POWER
    if op == "trace":
        if (args[0].made or ("",))[0] == "identity":
            return style.name(dim(args[0].rows)), _SYMBOL
        return style.trace.format(_made(args[0], style, where)[0]), _SYMBOL
    if op == "norm":
        return style.norm.format(_made(args[0], style, where)[0]), _SYMBOL
    if op == "inner":
        return style.inner.format(_made(args[0], style, where)[0], _made(args[1], style, where)[0]), _SYMBOL
    if op == "derivative" and where is None:  # elsewhere its letters were replaced: the normal form says what it is
        at = ", ".join(f"{style.name(x.name)} -> {_made(d, style, where)[0]}" for x, d in args[1].items())
        if style is _LATEX:
            at = at.replace("->", "\\to")
        return style.derivative.format(_made(args[0], style, where)[0], at), _PRODUCT

    def name(x: Letter) -> str:
        text, binds = letter_(x)
        return text if binds == _SYMBOL else f"{style.parentheses[0]}{text}{style.parentheses[1]}"

    if len(e.letters()) == 1 and e == letter(x := next(iter(e.letters()))):
        return letter_(x)
    # A normal form of one term is a product, unless it starts with a minus: `A - 2 B` is not `A (-2 B)`.
    return style.leaf(e, name, dim), _PRODUCT if len(e.terms) == 1 and min(e.terms.values()) > 0 else _SUM


def _raised(base: str, power: str) -> str:
    """A base with an exponent; a base that has one already goes into braces."""
    return (f"{{{base}}}" if "^" in base else base) + f"^{{{power}}}"


def _starts_at_one(word: Word) -> bool:
    x, t = word[0]
    return (x.cols if t else x.rows) == "1"


def _sum(expr, word, atom, coefficient, times, raised) -> str:
    parts = []
    for (atoms, w), c in expr.terms.items():
        body: list[str] = []
        seen: dict[str, int] = {}
        for a in atoms:
            text = atom(a)
            seen[text] = seen.get(text, 0) + 1
        body += [t if k == 1 else raised(t, str(k)) for t, k in seen.items()]
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
    """A letter's name in LaTeX: `W[j+1]` becomes `W_{j+1}`, `sigma_1` becomes `\\sigma_{1}`, `W_1[j]` `W_{1,j}`."""
    if name == ONES:
        return "\\mathbf{1}"
    match = re.fullmatch(r"([A-Za-z]+)((?:_\w+|\[[^\]]*\])*)(.*)", name, re.S)
    if match is None:
        return name
    head = "\\" + match[1] if match[1] in _GREEK else match[1]
    below = ",".join(part for pair in re.findall(r"_([^\W_]+)|\[([^\]]*)\]", match[2]) for part in pair if part)
    raised = re.fullmatch(r"\^(\{[^{}]*\}|.)('+)", match[3])  # TeX refuses a prime behind a superscript
    above = "^{" + raised[1].strip("{}") + "\\prime" * len(raised[2]) + "}" if raised else match[3]
    return head + (f"_{{{below}}}" if below else "") + above


def _latex_number(c: Fraction) -> str:
    return str(c) if c.denominator == 1 else f"\\tfrac{{{c.numerator}}}{{{c.denominator}}}"


_PLAIN = _Style(
    leaf=plain,
    name=str,
    transpose=lambda base: base + "'",
    norm="|{}|^2",
    trace="tr({})",
    inner="<{}, {}>",
    power=lambda base, k: f"{base}^{k}",
    derivative="D({})[{}]",
    number=str,
    identity=lambda n: f"I_{n}",
    parentheses=("(", ")"),
)
_LATEX = _Style(
    leaf=latex,
    name=latex_name,
    transpose=lambda base: _raised(base, "\\top"),
    norm="\\left\\|{}\\right\\|_F^2",
    trace="\\operatorname{{tr}}\\left({}\\right)",
    inner="\\left\\langle {},\\ {}\\right\\rangle",
    power=_raised,
    derivative="\\mathrm{{D}}\\left({}\\right)\\left[{}\\right]",
    number=_latex_number,
    identity=lambda n: f"I_{{{n}}}",
    parentheses=("\\left(", "\\right)"),
)
# For running text: TeX breaks a line between parentheses of one size only.
_BREAKING = replace(
    _LATEX,
    norm="\\|{}\\|_F^2",
    trace="\\operatorname{{tr}}({})",
    inner="\\langle {}, {} \\rangle",
    derivative="\\mathrm{{D}}({})[{}]",
    parentheses=("(", ")"),
)


_SPECIAL = {
    "\\": "\\textbackslash{}",
    "^": "\\textasciicircum{}",
    "~": "\\textasciitilde{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    **{c: "\\" + c for c in "_&%#{}$"},
}


def latex_text(text: str) -> str:
    """Plain text for LaTeX's text mode: every special character is escaped."""
    return "".join(_SPECIAL.get(c, c) for c in text)


# Relations, statements, indexed relations.

SIGNS = {"=0": "=", ">=0": "\\ge", ">0": ">", "!=0": "\\ne"}  # in LaTeX


def plain_content(content: Content) -> str:
    """What a fact says, on one line."""
    if isinstance(content, Indexed):
        return f"for all {content.low} <= {content.symbol} <= {content.high}: {content.relation}"
    if isinstance(content, Statement):
        parts = [f"for all dimensions {', '.join(content.dims)}"] if content.dims else []
        if content.letters:
            parts.append("for all " + ", ".join(f"{x.name}: {x.rows} x {x.cols}" for x in content.letters))
        if content.premises:
            parts.append("if " + " and ".join(map(str, content.premises)))
        if content.new:
            parts.append("there are " + ", ".join(f"{x.name}: {x.rows} x {x.cols}" for x in content.new) + " with")
        parts.append(" and ".join(map(str, content.conclusions)))
        return " ".join(parts)
    if content.predicate:
        args = ", ".join(map(repr, content.arguments))
        text = f"{content.predicate}({args})" if args else content.predicate
        return text if content.kind == "predicate" else f"not {text}"
    left, right = plain_sides(content.expr)
    return f"{left} {content.kind.removesuffix('0')} {right}"


def latex_content(content: Content) -> str:
    """What a fact says, in LaTeX (math mode)."""
    if isinstance(content, Indexed):
        return f"\\forall\\, {content.low} \\le {content.symbol} \\le {content.high}:\\ {content.relation.latex()}"
    if isinstance(content, Statement):
        numbers = ",\\ ".join(map(latex_name, content.dims))
        parts = [f"\\forall\\, {numbers} \\ge 1:"] if content.dims else []
        if content.letters:
            parts.append("\\forall\\, " + _typed(content.letters) + ":")
        if content.premises:
            parts.append(" \\land ".join(r.latex() for r in content.premises) + " \\implies")
        if content.new:
            parts.append("\\exists\\, " + _typed(content.new) + ":")
        parts.append(" \\land ".join(r.latex() for r in content.conclusions))
        return "\\ ".join(parts)
    if content.predicate:
        args = ",\\ ".join(latex_made(e) for e in content.arguments)
        name = f"\\text{{{latex_text(content.predicate)}}}" + (f"({args})" if args else "")
        return name if content.kind == "predicate" else f"\\lnot\\,{name}"
    left, right = latex_sides(content.expr)
    return f"{left} {SIGNS[content.kind]} {right}"


def latex_prose(content: Content) -> str:
    """What a fact says, in LaTeX's text mode: a sentence with short formulas in it, so that long ones break."""
    if isinstance(content, Indexed):
        return f"for all ${content.low} \\le {content.symbol} \\le {content.high}$: {latex_prose(content.relation)}"
    if isinstance(content, Statement):

        def typed(xs: tuple[Letter, ...]) -> str:
            return ", ".join(f"${_typed((x,))}$" for x in xs)

        def all_of(parts: tuple[Any, ...]) -> str:
            return " and ".join(map(latex_prose, parts))

        parts = [f"for all dimensions ${', '.join(map(latex_name, content.dims))}$:"] if content.dims else []
        if content.letters:
            parts.append(f"for all {typed(content.letters)}:")
        if content.premises:
            parts.append(f"if {all_of(content.premises)} then")
        if content.new:
            parts.append(f"there are {typed(content.new)} with")
        return " ".join([*parts, all_of(content.conclusions)])
    if content.predicate:
        args = ", ".join(_made(e, _BREAKING)[0] for e in content.arguments)
        name = latex_text(content.predicate) + (f" $({args})$" if args else "")
        return name if content.kind == "predicate" else f"not: {name}"
    left, right = _sides(content.expr, _BREAKING)
    return f"${left} {SIGNS[content.kind]} {right}$"


def _typed(xs: tuple[Letter, ...]) -> str:
    return ",\\ ".join(
        latex_name(x.name) + f" \\in \\mathbb{{R}}^{{{latex_name(x.rows)} \\times {latex_name(x.cols)}}}" for x in xs
    )


PRINTERS["plain"] = lambda x: plain(x) if isinstance(x, Expr) else plain_content(x)
PRINTERS["latex"] = lambda x: latex_made(x) if isinstance(x, Expr) else latex_content(x)
