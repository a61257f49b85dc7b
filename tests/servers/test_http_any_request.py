"""Whatever fields are combined over HTTP, the answer is what the document says, whole or streamed: no 5xx."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import strategies as st

from bridge.protocol import openapi
from tests.drawn import drawn
from tests.openai_bodies import CHAT, COMPLETIONS
from tests.openapi_document import unsaid
from tests.protocol.openapi import bodies
from tests.raw_http import ask

if TYPE_CHECKING:
    from bridge.app import Bridge

AT_ONCE = 8
EMBEDDINGS = "/v1/embeddings"
HI = {"model": "echo_vllm", "messages": [{"role": "user", "content": "one two"}]}
ENDPOINTS = [
    pytest.param(CHAT, HI, bodies.CHAT, id="chat"),
    pytest.param(COMPLETIONS, {"model": "echo_vllm", "prompt": "a b"}, bodies.COMPLETION, id="completion"),
    pytest.param(EMBEDDINGS, {"model": "embed_text", "input": "a"}, bodies.EMBEDDING, id="embedding"),
]
VALUES = st.sampled_from(
    [None, True, False, 0, 1, -1, 0.5, 1e9, "", "a", "text", [], {}, ["a"], [1], {"a": 1}]
)


def combined(plain: dict[str, Any], whole: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return plain bodies with some fields of a whole one, of which some have another value."""
    field = st.sampled_from(sorted(whole)).flatmap(
        lambda name: st.tuples(st.just(name), st.just(whole[name]) | VALUES)
    )
    return st.lists(field, max_size=4).map(lambda fields: {**plain, **dict(fields)})


@pytest.mark.parametrize(("path", "plain", "whole"), ENDPOINTS)
async def test_any_combination_of_fields_is_answered_as_documented(
    bridge: Bridge, path: str, plain: dict[str, Any], whole: dict[str, Any]
) -> None:
    document = openapi.document(version="0")
    statuses: Counter[int] = Counter()
    waiting = iter(drawn(combined(plain, whole), 250))

    async def work() -> None:
        for body in waiting:
            answer = await ask(bridge.http_port, "POST", path, json=body)
            assert unsaid(document, "POST", path, answer) == [], body
            assert answer.status != 200 or b'{"error":' not in answer.body, body
            statuses[answer.status] += 1

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    assert set(statuses) <= {200, 400, 404}
    assert min(statuses[200], statuses[400]) > 20
