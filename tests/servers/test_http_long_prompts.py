"""A prompt is let go of when the answer begins: it may be much larger than all else of a stream."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.message import Message

from tests.openai_bodies import CHAT, COMPLETIONS, chat, completion, directed
from tests.raw_http import connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

LONG = 300_000
"""Characters."""
TOLD = directed(words=2, hang_at=1) + " x" * (LONG // 2)


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param(CHAT, chat(TOLD, stream=True), id="chat"),
        pytest.param(COMPLETIONS, completion(TOLD, stream=True), id="completion"),
    ],
)
@pytest.mark.usefixtures("traced")
async def test_no_copy_of_a_prompt_is_kept_while_its_answer_runs(
    serve: Serve, triton: RunningTriton, path: str, body: dict[str, Any]
) -> None:
    bridge = await serve(triton=triton.address, triton_transport="native")  # a call of grpc.aio keeps its own
    others = large_messages()  # of tests that failed
    async with connected(bridge.http_port) as connection:
        before, _ = tracemalloc.get_traced_memory()
        await connection.send("POST", path, json=body)
        await connection.until(b"word0")
        gc.collect()
        now, _ = tracemalloc.get_traced_memory()
        kept = [one for one in large_messages() if all(one is not other for other in others)]
    assert [type(one).__name__ for one in kept] == []
    assert now - before < LONG


def large_messages() -> list[Message]:
    return [one for one in gc.get_objects() if isinstance(one, Message) and one.ByteSize() > LONG]
