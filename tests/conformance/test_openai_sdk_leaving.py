"""Closing a stream of the openai SDK early stops the model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.openai_bodies import chat, completion, directed
from tests.openai_sdk import Flavour, both_flavours, sdk

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.tritonserver import RunningTriton


@pytest.mark.parametrize(
    ("method", "body"),
    [
        pytest.param("chat.completions.create", chat, id="chat"),
        pytest.param("completions.create", completion, id="completions"),
    ],
)
@both_flavours
async def test_closing_a_stream_early_cancels_the_model(
    bridge: Bridge, triton: RunningTriton, flavour: Flavour, method: str, body: Any
) -> None:
    tag = f"sdk-{flavour.__name__}-{method}"
    request = body(directed(tag=tag, words=500, delay_ms=10), max_tokens=500)
    async with sdk(bridge, flavour) as client:
        await client.first(method, **request)
        closed_at = time.monotonic()
        event = await triton.event(tag, "cancelled")
    assert event["time"] - closed_at < 1.0
    assert 0 < event["sent"] < 500
