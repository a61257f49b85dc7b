"""Reads the arguments of one Python call, in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.protocol.tool_calls.pythonic import PythonicParser
from tests.protocol.tool_calls.reading import calls, cut_at, merged, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.protocol.tool_calls.reading import Call


def read_arguments(written: str, places: Sequence[int] = ()) -> Call:
    """Return the call that `[store(written)]` is, read in pieces that are split at `places`."""
    text = f"[store({written})]"
    [call] = calls(read(PythonicParser, cut_at(text, [min(at, len(text)) for at in places])))
    return call


def json_of(value: str) -> str:
    """Return the JSON that a Python value is turned into, the same for every split in two."""
    text = f"[store(text={value}, count=1)]"
    said = {
        merged(read(PythonicParser, pieces))[1].text  # type: ignore[union-attr]
        for pieces in ([text[:at], text[at:]] for at in range(len(text) + 1))
    }
    [arguments] = said
    prefix, suffix = '{"text": ', ', "count": 1}'
    assert arguments.startswith(prefix)
    assert arguments.endswith(suffix), arguments
    return arguments[len(prefix) : -len(suffix)]
