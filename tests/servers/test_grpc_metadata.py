"""Request ids in both directions, and what tells a client's retry policy when to try again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tests.grpc_client import WAIT, Details, chat, connected, failure, read
from tests.scripted_triton import refused_address

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

HEADER = "x-request-id"
PUSHBACK = "grpc-retry-pushback-ms"
MADE_BY_US = re.compile(r"req_[0-9a-f]{32}")


def of(metadata: Any, key: str) -> Any:
    """Return a key's only value, None if it was not sent."""
    values = [value for name, value in metadata or () if name == key]
    assert len(values) <= 1
    return values[0] if values else None


@pytest.mark.parametrize("rpc", ["unary", "stream"])
async def test_an_answer_carries_the_callers_id_before_and_after_it(bridge: Bridge, rpc: str) -> None:
    given = "trace-1.a:B_2"
    async with connected(bridge.grpc_port) as stubs:
        if rpc == "unary":
            call = stubs.chat.CreateChatCompletion(chat(), timeout=WAIT, metadata=((HEADER, given),))
            await call
        else:
            call = stubs.chat.CreateChatCompletionStream(chat(), timeout=WAIT, metadata=((HEADER, given),))
            await read(call)
        before, after = await call.initial_metadata(), await call.trailing_metadata()

    assert (of(before, HEADER), of(after, HEADER)) == (given, given)


async def test_an_error_carries_the_callers_id(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletion(chat(n=0), timeout=WAIT, metadata=((HEADER, "mine"),))
        error = await failure(call)

    assert of(error.trailing_metadata(), HEADER) == "mine"


@pytest.mark.parametrize(
    "harmful",
    [
        pytest.param("two words", id="space"),
        pytest.param('"quoted"', id="quotes"),
        pytest.param("a" * 129, id="too long"),
        pytest.param("", id="empty"),
    ],
)
async def test_an_id_that_could_break_a_log_line_is_replaced(bridge: Bridge, harmful: str) -> None:
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletion(chat(), timeout=WAIT, metadata=((HEADER, harmful),))
        await call
        sent = of(await call.initial_metadata(), HEADER)

    assert MADE_BY_US.fullmatch(sent)


async def test_requests_without_an_id_get_one_each(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        calls = [stubs.chat.CreateChatCompletion(chat(), timeout=WAIT) for _ in range(3)]
        ids = []
        for call in calls:
            await call
            ids.append(of(await call.initial_metadata(), HEADER))

    assert len(set(ids)) == len(ids)
    assert all(MADE_BY_US.fullmatch(identity) for identity in ids)


async def test_the_model_sees_the_request_id(bridge: Bridge, triton: RunningTriton) -> None:
    async with connected(bridge.grpc_port) as stubs:
        await stubs.chat.CreateChatCompletion(
            chat({"words": 1, "tag": "with-id"}), timeout=WAIT, metadata=((HEADER, "find-me"),)
        )
    event = await triton.event("with-id", "request")

    assert event["id"].startswith("find-me:")


async def test_what_would_fail_again_tells_the_client_not_to_retry(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        error = await failure(stubs.chat.CreateChatCompletion(chat({"fail_at": 0}), timeout=WAIT))

    details = Details.of(error)
    assert of(error.trailing_metadata(), PUSHBACK) == "-1"
    assert details.retry is None
    assert details.info is not None
    assert details.info.metadata["retry"] == "false"


async def test_an_unreachable_triton_tells_the_client_when_to_retry(serve: Serve) -> None:
    with refused_address() as nowhere:
        bridge = await serve(triton=nowhere)
        async with connected(bridge.grpc_port) as stubs:
            error = await failure(stubs.chat.CreateChatCompletion(chat(), timeout=WAIT))

    details = Details.of(error)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert details.retry is not None
    assert details.retry.retry_delay.seconds == 1
    assert of(error.trailing_metadata(), PUSHBACK) == "1000"


async def test_a_bad_request_says_nothing_of_a_retry(bridge: Bridge) -> None:
    async with connected(bridge.grpc_port) as stubs:
        error = await failure(stubs.chat.CreateChatCompletion(chat(n=0), timeout=WAIT))

    assert of(error.trailing_metadata(), PUSHBACK) is None
    assert Details.of(error).retry is None
