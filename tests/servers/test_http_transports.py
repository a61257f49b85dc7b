"""The short way of a token and the long one end in the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.openai_bodies import CHAT, COMPLETIONS, chat, completion, directed, masked
from tests.raw_http import ask

if TYPE_CHECKING:
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

PLAIN = directed("Hi", words=60)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param(CHAT, chat(PLAIN, max_tokens=60), id="plain text, recognised without parsing"),
        pytest.param(
            CHAT, chat(PLAIN, max_tokens=30, stream_options={"include_usage": True}), id="usage, cut"
        ),
        pytest.param(
            CHAT,
            chat(
                PLAIN, max_tokens=60, stream_options={"continuous_usage_stats": True, "include_usage": True}
            ),
            id="usage with every token",
        ),
        pytest.param(CHAT, chat(PLAIN, max_tokens=60, stream_interval=7), id="several tokens a message"),
        pytest.param(
            CHAT, chat("What is lambda?", model="demo", seed=3, logprobs=True, top_logprobs=2), id="logprobs"
        ),
        pytest.param(CHAT, chat(PLAIN, max_tokens=60, n=2), id="two choices"),
        pytest.param(
            CHAT,
            chat(directed("Hi", words=60), model="plain_decoupled", stop=["word40"]),
            id="a stop string that the bridge cuts",
        ),
        pytest.param(
            CHAT,
            chat(directed("Hi", text="héé ✓ 漢字 🙂 " * 20, cut_bytes=3), max_tokens=500),
            id="split characters",
        ),
        pytest.param(
            COMPLETIONS,
            completion("The for statement", model="demo", seed=1, max_tokens=40),
            id="completions",
        ),
        pytest.param(COMPLETIONS, completion(PLAIN, max_tokens=60, echo=True), id="echo"),
    ],
)
async def test_both_transports_say_the_same_bytes(
    serve: Serve, triton: RunningTriton, path: str, body: dict[str, Any]
) -> None:
    said = []
    for transport in ("native", "grpcio"):
        bridge = await serve(triton=triton.address, triton_transport=transport)
        answer = await ask(bridge.http_port, "POST", path, json={**body, "stream": True})
        assert answer.status == 200
        said.append(sorted_by_choice(masked(answer.body)))
    assert said[0] == said[1]
    assert b"data: [DONE]" in said[0]


def sorted_by_choice(body: bytes) -> list[bytes]:
    """Return the events, those of each choice in their order: choices may interleave in any way."""
    events = [event for event in body.split(b"\n\n") if event]
    return (
        sorted(events, key=lambda event: b'"choices":[{"index":1' in event)
        if b'"index":1' in body
        else events
    )
