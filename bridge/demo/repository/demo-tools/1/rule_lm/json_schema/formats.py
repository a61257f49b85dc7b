"""The values of `format` that are looked after: what has one, and a text that has it.

Rule: one row per format. A name without a row demands nothing, as JSON Schema has it.
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
URI: Final = r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+"
UUID: Final = r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"
OFFSET: Final = r"(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
DURATION: Final = r"P(?=\d|T\d)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)"


def has_format(name: str, text: str) -> bool:
    """Whether a text has the format of this name; true of a format that is not known."""
    if name not in FORMATS:
        return True
    with suppress(ValueError):
        return bool(FORMATS[name][0](text))
    return False


def samples(name: str) -> tuple[str, ...]:
    """Return texts that have the format of this name, none if it is not known."""
    return FORMATS[name][1] if name in FORMATS else ()


def _compiled(text: str) -> bool:
    try:
        return bool(re.compile(text))
    except re.error:
        return False


def _like(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern).fullmatch


def _parsed(pattern: str, parse: Callable[[str], object]) -> Callable[[str], object]:
    """Return a check of the form, then of what the parts may be."""
    return lambda text: re.fullmatch(pattern, text, re.ASCII) is not None and parse(text) is not None


FORMATS: Final[dict[str, tuple[Callable[[str], object], tuple[str, ...]]]] = {
    "date": (_parsed(r"\d{4}-\d\d-\d\d", date.fromisoformat), ("2025-01-01", "2025-06-15")),
    "date-time": (
        _parsed(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d{OFFSET}", datetime.fromisoformat),
        ("2025-01-01T12:00:00Z", "2025-06-15T08:30:00Z"),
    ),
    "time": (_parsed(rf"\d\d:\d\d:\d\d{OFFSET}", time.fromisoformat), ("12:00:00Z", "08:30:00Z")),
    "duration": (_like(DURATION), ("PT1H", "P1D")),
    "email": (_like(rf"[A-Za-z0-9._%+-]+@{LABEL}(?:\.{LABEL})+"), ("ada@example.com", "bob@example.com")),
    "hostname": (_like(rf"{LABEL}(?:\.{LABEL})*"), ("example.com", "www.example.com")),
    "ipv4": (_parsed(r"[\d.]+", ipaddress.IPv4Address), ("192.0.2.1", "192.0.2.2")),
    "ipv6": (_parsed(r"[\dA-Fa-f:.]+", ipaddress.IPv6Address), ("2001:db8::1", "2001:db8::2")),
    "uri": (_like(URI), ("https://example.com/", "https://example.com/a")),
    "url": (_like(URI), ("https://example.com/", "https://example.com/a")),
    "uri-reference": (_like(r"[^\s<>\"{}|\\^`]*"), ("/example", "https://example.com/")),
    "uuid": (_like(UUID), tuple(f"00000000-0000-4000-8000-00000000000{digit}" for digit in range(1, 10))),
    "regex": (_compiled, ("[a-z]+", "[0-9]+")),
    "json-pointer": (_like(r"(?:/(?:[^/~]|~[01])*)*"), ("/example", "/example/0")),
}
"""Name -> the check, which returns something true or raises ValueError; texts that pass it."""
