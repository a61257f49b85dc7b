"""Granite's spellings."""

from __future__ import annotations

import pytest

from bridge.protocol.tool_calls.granite import GraniteParser
from tests.protocol.tool_calls.json_samples import call
from tests.protocol.tool_calls.reading import read_anyhow


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param("<|tool_call|>[", "]", id="3.0"),
        pytest.param("<|tool_call|> [", "]", id="3.0 with a space"),
        pytest.param("<tool_call>[", "]", id="3.1"),
        pytest.param("<tool_call>\n", "\n</tool_call>", id="4"),
    ],
)
def test_every_spelling_is_read(start: str, end: str) -> None:
    assert read_anyhow(GraniteParser, f'{start}{{"name": "f", "arguments": {{}}}}{end}') == call("f", "{}")
