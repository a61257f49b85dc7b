"""Text written as JSON, piece by piece."""

from __future__ import annotations

import orjson


def quoted(text: str) -> str:
    """Return `text` as a JSON string."""
    return orjson.dumps(text).decode()


def escaped(text: str) -> str:
    """Return `text` as it stands between the quotes of a JSON string; pieces of it simply add up."""
    return quoted(text)[1:-1]
