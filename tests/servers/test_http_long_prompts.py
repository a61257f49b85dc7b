"""A prompt is let go of when the answer begins: it may be much larger than all else of a stream."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from tests.large_messages import LargeMessages
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
    messages = LargeMessages(LONG)
    async with connected(bridge.http_port) as connection:
        before, _ = tracemalloc.get_traced_memory()
        await connection.send("POST", path, json=body)
        await connection.until(b"word0")
        kept = messages.kept()
        now, _ = tracemalloc.get_traced_memory()
    assert kept == []
    assert now - before < LONG
