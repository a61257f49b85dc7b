"""JSON strings in pieces."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bridge.protocol.tool_calls.json_text import escaped, quoted


@given(pieces=st.lists(st.text(), max_size=5))
def test_pieces_of_a_string_add_up_to_it(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert json.loads(f'"{"".join(map(escaped, pieces))}"') == text
    assert json.loads(quoted(text)) == text
