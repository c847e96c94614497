"""Numbers that a caller gives, as a Python number or as the text of a command line, read exactly or refused."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from numerics.evidence.errors import InputError


def exact(given: Any) -> Fraction | None:
    """The decimal or fraction that `given` prints as, not the binary number next to it; `None` where it is none."""
    try:
        return Fraction(str(given))
    except (ValueError, ZeroDivisionError):
        return None


def number(
    options: Mapping[str, Any], name: str, *, whole: bool = False, zero: bool = False, default: Any = None
) -> Fraction:
    """The option `name`, or `default` where it is not given; raises `InputError` where it is no number > 0 (or `zero`)."""
    given = default if options.get(name) is None else options[name]
    found = exact(given)
    if found is None or found < 0 or (found == 0 and not zero) or (whole and found.denominator != 1):
        raise InputError(f"`{name}` must be a {'whole ' * whole}number {'>=' if zero else '>'} 0, found {given!r}.")
    return found


def margin(options: Mapping[str, Any]) -> Fraction | None:
    """The option `gamma`, and `None` where it is not given; raises `InputError` where it is no number > 0."""
    given = options.get("gamma")
    if given is None:
        return None
    gamma = exact(given)
    if gamma is None or gamma <= 0:
        raise InputError(f"`gamma` must be a margin > 0, found {given!r}: pass 1, say.")
    return gamma


def probability(delta: Any) -> Fraction:
    found = exact(delta)
    if found is None or not 0 < found < 1:
        raise InputError(f"`delta` must be a probability strictly between 0 and 1, found {delta!r}: pass 0.01, say.")
    return found


def share(options: Mapping[str, Any], name: str) -> Fraction:
    found = exact(options[name])
    if found is None or not 0 <= found <= 1:
        raise InputError(f"`{name}` must be a share between 0 and 1, found {options[name]!r}.")
    return found
