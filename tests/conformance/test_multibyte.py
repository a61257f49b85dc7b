"""A long answer of many scripts, cut anywhere on its way, arrives as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.doors import WAYS, Way, tell
from tests.openai_bodies import chat, directed

if TYPE_CHECKING:
    from bridge.app import Bridge

WORDS = " ".join(f"wörd{n}-漢字-🙂" for n in range(500))


@pytest.mark.parametrize("cut", [3, 7])
@pytest.mark.parametrize("way", WAYS, ids=str)
async def test_500_words_cut_within_characters_arrive_intact(bridge: Bridge, way: Way, cut: int) -> None:
    prompt = directed("Hi", text=WORDS, cut_bytes=cut)
    told = await tell(bridge, way, chat(prompt, max_tokens=len(WORDS.encode())))
    assert told.texts == [WORDS]
