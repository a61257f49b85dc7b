"""Numbers and constants as models write them outside of JSON, turned into JSON.

Whatever is none of these is a string: of an expression, a date or a bare word the text is passed on.
"""

from __future__ import annotations

import re
from math import inf, isfinite
from typing import Final

from bridge.protocol.tool_calls.json_text import escaped, quoted

CONSTANTS: Final = {
    "true": "true",
    "false": "false",
    "null": "null",
    "True": "true",
    "False": "false",
    "None": "null",
}
"""What JSON and Python call the same three values."""

NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
FRACTION: Final = {*".eE"}
LONGEST: Final = 100
"""Characters of a number of Python's that is rewritten: signs, underscores, hexadecimal digits."""


def literal(text: str) -> str:
    """Return a value, written without quotes, as JSON."""
    if not text or NUMBER.fullmatch(text):
        return text
    return CONSTANTS.get(text) or _python_number(text) or quoted(text)


def unfinished(text: str) -> str:
    """Return what can be said of a value that the end of the text cut off; of a constant, nothing."""
    if any(constant.startswith(text) for constant in CONSTANTS):
        return ""
    return text if text[0] in '{["-0123456789' else '"' + escaped(text)


def _python_number(text: str) -> str:
    """Return a number that JSON writes in another way, or nothing: `007` is none in Python."""
    if len(text) > LONGEST or text[0] not in "+-.0123456789":
        return ""
    try:
        return str(int(text, base=0))
    except ValueError:
        pass
    try:
        number = float(text) if FRACTION & {*text} else inf
    except ValueError:
        return ""
    return repr(number) if isfinite(number) else ""
