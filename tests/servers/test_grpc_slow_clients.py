"""A client that does not read its stream over gRPC: its generation is cancelled, and it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from tests.eventually import eventually
from tests.grpc_client import Details, chat, connected, failure, in_flight, read, text

if TYPE_CHECKING:
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

WAIT = 20.0
WORDS = 2_000_000
"""23 MB: more than the sockets and windows on the way hold."""
PIECES = 1000
HANGS_AT = 200
"""After 20 MB the model waits to be cancelled: else it ends first on a machine that does much else."""


def long_answer(tag: str, words: int = WORDS, **told: Any) -> Any:
    return chat({"tag": tag, "words": words, "cut_bytes": 100_000, "delay_ms": 2} | told, max_tokens=PIECES)


async def test_a_client_that_stalls_loses_its_generation_and_is_told(
    serve: Serve, triton: RunningTriton
) -> None:
    bridge = await serve(triton=triton.address, stall_timeout=0.3)
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletionStream(
            long_answer("grpc stalls", hang_at=HANGS_AT), timeout=WAIT
        )
        await call.read()
        event = await triton.event("grpc stalls", "cancelled", within=WAIT)
        assert 0 < event["sent"] <= HANGS_AT
        await eventually(lambda: in_flight(bridge.metrics.text()) == 0)
        error = await failure(call)
    assert (error.code(), error.details()) == (grpc.StatusCode.DEADLINE_EXCEEDED, "the client does not read")
    info = Details.of(error).info
    assert info is not None
    assert info.reason == "TIMEOUT"


async def test_a_client_that_pauses_for_less_misses_nothing(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, stall_timeout=10, max_buffered_bytes=4096)
    words = 400_000
    async with connected(bridge.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletionStream(long_answer("grpc pauses", words), timeout=WAIT)
        first = await call.read()
        await triton.event("grpc pauses", "done", within=WAIT)
        chunks = [first, *await read(call)]
    assert text(chunks).split() == [f"word{n}" for n in range(words)]
