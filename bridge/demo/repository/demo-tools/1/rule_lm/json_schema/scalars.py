"""Made-up texts, numbers, truth values and null, plausible ones first.

Rule: candidates only; one that is not valid does no harm. There are enough for lists without repetitions.
"""

from __future__ import annotations

import math
import string
from fractions import Fraction
from functools import reduce
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Final

from rule_lm.hints import PEOPLE, PLACES
from rule_lm.json_schema.formats import samples
from rule_lm.message import compared
from rule_lm.patterns import containing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rule_lm.place import Place

    Schemas = list[dict[str, Any]]

CITIES: Final = ("Paris", "Berlin", "Tokyo", "Nairobi", "Lima")
NAMES: Final = ("Ada", "Grace", "Alan", "Edsger", "Barbara")
MOST: Final = 1000
"""Candidates of one kind."""
NEAREST: Final = 9
"""Whole numbers that are tried before others."""


def strings(schemas: Schemas, place: Place) -> Iterator[str]:
    """Yield texts of the form that is demanded, or else by the name of the place."""
    least = max((schema.get("minLength", 0) for schema in schemas), default=0)
    most = min((schema["maxLength"] for schema in schemas if "maxLength" in schema), default=None)
    if most is not None and most < least:
        return
    for schema in schemas:
        yield from samples(schema.get("format", ""))
    for schema in schemas:
        if "pattern" in schema:
            yield from islice(containing(schema["pattern"], least, most), MOST)
    for text in (*_plausible(place), *string.ascii_letters, *string.digits, ""):
        yield text.ljust(least, "x") if most is None else text[:most].strip().ljust(least, "x")


def numbers(schemas: Schemas, _: Place) -> Iterator[float]:
    """Yield numbers within the bounds, from 1 or the nearest to it upwards, then downwards."""
    for value in _spread(schemas, whole=False):
        yield value.numerator if value.denominator == 1 else float(value)


def integers(schemas: Schemas, _: Place) -> Iterator[int]:
    """Yield whole numbers likewise."""
    for value in _spread(schemas, whole=True):
        if value.denominator == 1:
            yield value.numerator


def booleans(_: Schemas, __: Place) -> Iterator[bool]:
    """Yield both; what was not mentioned is not so."""
    yield from (False, True)


def nulls(_: Schemas, __: Place) -> Iterator[None]:
    """Yield the only one."""
    yield None


MAKERS: Final[dict[str, Callable[[Schemas, Place], Iterator[Any]]]] = {
    "string": strings,
    "integer": integers,
    "number": numbers,
    "boolean": booleans,
    "null": nulls,
}
"""Type -> what makes up its values."""


def _plausible(place: Place) -> Iterator[str]:
    words = set(compared(place.name))
    yield from CITIES if words & PLACES else NAMES if words & PEOPLE else ()
    text = " ".join(["example", *compared(place.name)])
    yield from (text if number == 1 else f"{text} {number}" for number in range(1, 21))


def _spread(schemas: Schemas, *, whole: bool) -> Iterator[Fraction]:
    """Yield multiples of all steps, from 1 or the bound nearest to it; without a step what is between too."""
    low = max(_bounds(schemas, "minimum", "exclusiveMinimum"), default=None)
    high = min(_bounds(schemas, "maximum", "exclusiveMaximum"), default=None)
    start = Fraction(1) if low is None else max(Fraction(1), low)
    start = start if high is None else min(start, high)
    steps = [Fraction(str(schema["multipleOf"])) for schema in schemas if "multipleOf" in schema]
    if whole or steps:
        yield from islice(_multiples(reduce(_common, steps, Fraction(1) if whole else steps[0]), start), MOST)
        return
    yield from islice(_multiples(Fraction(1), start), NEAREST)
    yield from (bound for bound in (low, high) if bound is not None)
    low = low if low is not None else start - 1
    high = high if high is not None else low + 2
    yield from ((low * (parts - n) + high * n) / parts for parts in (2, 5, MOST) for n in range(1, parts))


def _bounds(schemas: Schemas, *keywords: str) -> list[Fraction]:
    return [Fraction(str(schema[keyword])) for keyword in keywords for schema in schemas if keyword in schema]


def _multiples(step: Fraction, start: Fraction) -> Iterator[Fraction]:
    """Yield the multiples of a step by their distance from a start."""
    nearest = math.floor(start / step)
    yield nearest * step
    for distance in count(1):
        yield from ((nearest + distance) * step, (nearest - distance) * step)


def _common(one: Fraction, other: Fraction) -> Fraction:
    """Return the least common multiple."""
    return Fraction(math.lcm(one.numerator, other.numerator), math.gcd(one.denominator, other.denominator))
