"""What leaves the event loop, and what is told when nobody got round to it."""

from __future__ import annotations

import asyncio
import threading

import pytest
from openai_bridge.v1.chat_pb2 import ChatMessage, ContentPart, CreateChatCompletionRequest

from bridge.errors import BridgeError, Reason
from bridge.handlers.off_loop import LARGE, in_turn, off_loop, opened
from bridge.protocol.pieces import SMALL
from bridge.protocol.tokenizer import LONG_TEXT

WAIT = 10.0


def later() -> float:
    return asyncio.get_running_loop().time() + WAIT


@pytest.mark.parametrize(
    ("size", "leaves"),
    [
        pytest.param(LONG_TEXT - 1, False, id="short"),
        pytest.param(LONG_TEXT, True, id="long"),
        pytest.param(LARGE, True, id="large"),
    ],
)
async def test_a_tokenizer_leaves_the_event_loop_for_long_texts(size: int, leaves: bool) -> None:
    assert (await off_loop(threading.get_ident, size, later()) != threading.get_ident()) is leaves


def messages(count: int, text: str) -> CreateChatCompletionRequest:
    said = ChatMessage(content=[ContentPart(text=text)])
    return CreateChatCompletionRequest(messages=[said] * count)


@pytest.mark.parametrize(
    ("request_", "leaves"),
    [
        pytest.param(messages(1, "x"), False, id="small"),
        pytest.param(messages(4, "x" * 50_000), False, id="long texts"),
        pytest.param(messages(2_000, "x" * 20), True, id="many messages"),
        pytest.param(messages(1, "x" * 2_000_000), True, id="a huge text"),
    ],
)
async def test_requests_of_many_pieces_leave_the_event_loop(
    request_: CreateChatCompletionRequest, leaves: bool
) -> None:
    thread = await opened(threading.get_ident, request_, None, later())
    assert (thread != threading.get_ident()) is leaves


async def test_who_waits_past_the_deadline_is_told_so_and_is_not_worked_for() -> None:
    done, worked = threading.Event(), []
    first = asyncio.create_task(in_turn(lambda: done.wait(WAIT), SMALL, later()))
    await asyncio.sleep(0)  # now it has the thread
    try:
        with pytest.raises(BridgeError) as caught:
            await in_turn(lambda: worked.append(1), SMALL, asyncio.get_running_loop().time() + 0.05)
    finally:
        done.set()
    assert await first
    assert await in_turn(lambda: "next", SMALL, later()) == "next"
    assert (caught.value.reason, worked) == (Reason.TIMEOUT, [])
