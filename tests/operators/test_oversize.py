"""What is larger than a message of NATS may be is refused, by name of the limit; nobody else notices."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.doors import refusal, tell
from tests.nats_server import nats_server
from tests.operators.asking import STREAM, chat
from tests.raw_http import ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.app import Bridge
    from tests.operators.stage import Stage

LIMIT = 64 * 1024


@pytest.fixture
async def bridge(stage: Stage, tmp_path: Path) -> AsyncIterator[Bridge]:
    """Serve over a NATS with small messages, whose other streams must not notice."""
    (tmp_path / "small").mkdir()
    with nats_server(tmp_path / "small", settings=f"max_payload: {LIMIT}") as stage.nats:
        await stage.worker()
        bridge = await stage.front_end()
        beside = asyncio.create_task(tell(bridge, STREAM, chat(tag="beside", words=3, delay_ms=30)))
        await stage.tritons[0].event("beside", "request")
        yield bridge
        assert (await beside).texts == ["word0 word1 word2 "]
        await bridge.stop()
        await stage.stack.aclose()


async def test_a_request_larger_than_a_message_is_a_413(bridge: Bridge) -> None:
    large = chat() | {"messages": [{"role": "user", "content": "a" * LIMIT}]}
    answer = await ask(bridge.http_port, "POST", "/v1/chat/completions", json=large)
    assert (answer.status, str(LIMIT) in answer.error["message"]) == (413, True)


async def test_a_response_larger_than_a_message_is_an_error(bridge: Bridge) -> None:
    # It hangs: a Triton that is cancelled while it sends much has been seen to crash.
    refused = await refusal(bridge, STREAM, chat(words=20_000, cut_bytes=LIMIT + 1, hang_at=1))
    assert (refused.status, str(LIMIT) in refused.message) == (500, True)


async def test_many_responses_that_are_large_together_are_several_messages(bridge: Bridge) -> None:
    (text,) = (await tell(bridge, STREAM, chat(words=40_000, cut_bytes=LIMIT // 3))).texts
    assert text.split()[-1] == "word39999"


async def test_a_long_complaint_of_a_model_is_cut(bridge: Bridge) -> None:
    refused = await refusal(bridge, STREAM, chat(fail_at=0, error="x" * (LIMIT // 2)))
    assert "xxx" in refused.message
