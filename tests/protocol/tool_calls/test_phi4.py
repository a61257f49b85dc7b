"""Phi-4's spellings."""

from __future__ import annotations

import pytest

from bridge.protocol.events import Text
from bridge.protocol.tool_calls.phi4 import Phi4Parser
from tests.protocol.tool_calls.json_samples import call
from tests.protocol.tool_calls.reading import read_anyhow


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param("functools[", "]", id="functools"),
        pytest.param("<|tool_call|>[", "]<|/tool_call|>", id="tool_call"),
        pytest.param("<|tool_calls|>[", "]<|/tool_calls|>", id="tool_calls"),
        pytest.param("<|tool_call|>", "<|/tool_call|>", id="no list"),
    ],
)
def test_every_spelling_is_read(start: str, end: str) -> None:
    assert read_anyhow(Phi4Parser, f'{start}{{"name": "f", "arguments": {{}}}}{end}') == call("f", "{}")


def test_functools_is_a_word_of_prose_too() -> None:
    for text in ("import functools", "functools.partial(f)", 'functools[0] == {"name": "f"}', "functools"):
        assert read_anyhow(Phi4Parser, text) == (Text(text),)
