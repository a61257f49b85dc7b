"""How deep the JSON text of a client may be nested: readers further on, ours and the engines', recurse."""

from __future__ import annotations

import re
from typing import Final

MAX_DEPTH: Final = 200
"""Objects and arrays within one another. Python's own reader ends at 1000, less what is on its stack."""

_MARKS: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def is_too_deep(text: str) -> bool:
    """Return whether JSON text is nested deeper than `MAX_DEPTH`."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for found in _MARKS.finditer(text):
        mark = found[0]
        depth += (mark in "[{") - (mark in "]}")
        if depth > MAX_DEPTH:
            return True
    return False
