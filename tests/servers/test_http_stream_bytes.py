"""The bytes of a stream: events, headers, the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.openai_bodies import CHAT, COMPLETIONS, DONE, chat, completion, directed, masked, said, text_of
from tests.raw_http import ask, connected

if TYPE_CHECKING:
    from bridge.app import Bridge

GOLDEN = Path(__file__).parent.parent / "golden" / "sse"
USAGE = {"include_usage": True}
TOLD = directed(pieces=["Hé", "llo\n", '"wörld" \U0001f642', "\u2028"], input_tokens=9)


@pytest.mark.parametrize(
    ("path", "body", "golden"),
    [
        pytest.param(CHAT, chat(TOLD), "chat", id="chat"),
        pytest.param(CHAT, chat(TOLD, stream_options=USAGE), "chat_usage", id="chat with usage"),
        pytest.param(
            CHAT, chat(TOLD, logprobs=True, top_logprobs=2), "chat_logprobs", id="chat with log probabilities"
        ),
        pytest.param(CHAT, chat(TOLD, max_tokens=2), "chat_cut", id="chat that is cut"),
        pytest.param(COMPLETIONS, completion(TOLD), "completion", id="completion"),
        pytest.param(
            COMPLETIONS,
            completion(TOLD, stream_options=USAGE, logprobs=1),
            "completion_usage_logprobs",
            id="completion with usage and log probabilities",
        ),
        pytest.param(
            CHAT, chat(directed(pieces=["a", "b"], fail_at=1)), "chat_error", id="a failure after a token"
        ),
    ],
)
async def test_the_bytes_of_a_stream_are_these(
    bridge: Bridge, path: str, body: dict[str, Any], golden: str
) -> None:
    answer = await ask(bridge.http_port, "POST", path, json=body | {"stream": True})
    assert masked(answer.body) == (GOLDEN / f"{golden}.txt").read_bytes()


async def test_the_headers_of_a_stream_keep_proxies_from_holding_it_back(bridge: Bridge) -> None:
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate, br"}
    answer = await ask(bridge.http_port, "POST", CHAT, json=chat(stream=True), headers=headers)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["transfer-encoding"] == "chunked"
    assert not {"content-length", "content-encoding", "openai-bridge-ignored"} & set(answer.headers)


async def test_done_goes_with_the_finish_right_before_the_end(bridge: Bridge) -> None:
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, json=chat(stream=True), headers={"Connection": "close"})
        await connection.head()
        body = await connection.rest()
    assert body.endswith(b"\n\n" + DONE + b"\r\n0\r\n\r\n")
    assert body.count(b"[DONE]") == 1


async def test_role_and_first_token_come_in_one_chunk(bridge: Bridge) -> None:
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, json=chat(directed(words=2, hang_at=1), stream=True))
        await connection.head()
        first = await anext(connection.chunks())
    assert len(said(first + DONE)) == 2
    assert b'"role":"assistant"' in first
    assert b'"content":"word0 "' in first


async def test_every_token_is_written_when_it_comes(bridge: Bridge) -> None:
    """A token that waited for the next one would never arrive here."""
    prompt = directed(words=30, hang_at=20)
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", COMPLETIONS, json=completion(prompt, stream=True, max_tokens=30))
        await connection.head()
        received = await connection.until(b'"text":"word19 "')
    assert received.count(b"data: ") == 20


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
async def test_a_plain_answer_is_json_of_known_length(bridge: Bridge, path: str) -> None:
    body = chat() if path == CHAT else completion()
    answer = await ask(bridge.http_port, "POST", path, json=body, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["x-request-id"].startswith("req_")
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("cut_bytes", range(1, 8))
async def test_characters_cut_between_responses_arrive_whole(bridge: Bridge, cut_bytes: int) -> None:
    text = " ".join(f"é{number}日\U0001f642" for number in range(500))
    body = chat(directed(text=text, cut_bytes=cut_bytes), max_tokens=50_000)
    streamed = await ask(bridge.http_port, "POST", CHAT, json=body | {"stream": True})
    assert text_of(said(streamed.body)) == text
    assert b"\\u" not in streamed.body
    plain = await ask(bridge.http_port, "POST", CHAT, json=body)
    assert plain.json["choices"][0]["message"]["content"] == text
    assert "\ufffd" not in plain.body.decode()


async def test_obfuscation_pads_every_chunk_only_on_demand(bridge: Bridge) -> None:
    body = chat(stream=True, stream_options={"include_obfuscation": True})
    events = said((await ask(bridge.http_port, "POST", CHAT, json=body)).body)
    assert all(event["obfuscation"] for event in events)
    events = said((await ask(bridge.http_port, "POST", CHAT, json=chat(stream=True))).body)
    assert not any("obfuscation" in event for event in events)


async def test_usage_so_far_stands_on_every_chunk_on_demand(bridge: Bridge) -> None:
    body = chat(TOLD, stream=True, stream_options={"include_usage": True, "continuous_usage_stats": True})
    events = said((await ask(bridge.http_port, "POST", CHAT, json=body)).body)
    usages = [event["usage"] for event in events if event["usage"] is not None]
    assert [usage["completion_tokens"] for usage in usages[-3:]] == [4, 4, 4]
    assert {usage["prompt_tokens"] for usage in usages} == {9}
