"""Options are read exactly, from numbers and from text."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from numerics.evidence.errors import InputError
from theorems.bounds import options


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (0.1, Fraction(1, 10)),
        ("1/3", Fraction(1, 3)),
        (" 1e-3 ", Fraction(1, 1000)),
        (2, Fraction(2)),
        ("1/0", None),
        (float("inf"), None),
        ("nan", None),
        (None, None),
        (True, None),
    ],
)
def test_a_number_is_the_decimal_that_it_prints_as(given: Any, found: Fraction | None) -> None:
    assert options.exact(given) == found


def test_what_is_not_given_is_the_default() -> None:
    assert options.number({"draws": None}, "draws", whole=True, default=7) == 7
    assert options.margin({}) is None


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (lambda: options.number({"steps": 1.5}, "steps", whole=True), "`steps` must be a whole number > 0, found 1.5."),
        (lambda: options.number({}, "beta"), "`beta` must be a number > 0, found None."),
        (lambda: options.margin({"gamma": 0}), "`gamma` must be a margin > 0, found 0: pass 1, say."),
        (
            lambda: options.probability("1"),
            "`delta` must be a probability strictly between 0 and 1, found '1': pass 0.01, say.",
        ),
        (lambda: options.share({"q": "1.1"}, "q"), "`q` must be a share between 0 and 1, found '1.1'."),
    ],
)
def test_bad_options_are_refused(read: Any, text: str) -> None:
    with pytest.raises(InputError) as error:
        read()
    assert str(error.value) == text
