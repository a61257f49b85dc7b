"""No text of a request or an answer, and no key, is in the log, the metrics or the spans."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from openai_bridge.v1 import chat_pb2

from bridge.access.key_file import changed
from bridge.access.keys import Key, digest
from bridge.observability.log import JsonFormatter, TextFormatter
from tests import grpc_client
from tests.eventually import eventually
from tests.observability.recorded_spans import Recorded
from tests.openai_bodies import CHAT, COMPLETIONS
from tests.raw_http import ask, connected

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

MARK = "xyzzy7f3a"
"""Stands in every text that a client sends; the stand-in model says it too."""
SECRET = f"sk-ob-{MARK}"
BEARER = {
    "Authorization": f"Bearer {SECRET}",
    "tracestate": f"k={MARK}",
    "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
}


def prompt(**directive: Any) -> str:
    return f"{MARK} a b @@{json.dumps(directive)}"


def chat(text: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return a request with the mark in each text field."""
    tool = {
        "name": f"f_{MARK}",
        "description": MARK,
        "parameters": {"type": "object", "properties": {MARK: {"type": "string", "description": MARK}}},
    }
    call = {
        "id": f"call_{MARK}",
        "type": "function",
        "function": {"name": f"f_{MARK}", "arguments": f'"{MARK}"'},
    }
    return {
        "model": "echo_vllm",
        "messages": [
            {"role": "system", "content": MARK, "name": MARK},
            {"role": "assistant", "content": MARK, "tool_calls": [call]},
            {"role": "tool", "content": MARK, "tool_call_id": f"call_{MARK}"},
            {"role": "user", "content": prompt() if text is None else text, "name": MARK},
        ],
        "tools": [{"type": "function", "function": tool}],
        "stop": [f"{MARK} stop"],
        "user": MARK,
        "safety_identifier": MARK,
        "prompt_cache_key": MARK,
        "metadata": {"k": MARK},
        "unknown": {"text": MARK},
        **fields,
    }


def completion(**fields: Any) -> dict[str, Any]:
    return {"model": "echo_vllm", "prompt": prompt(), "user": MARK, "stop": f"{MARK} stop", **fields}


SERVED = [
    pytest.param(CHAT, chat(), 200, id="chat"),
    pytest.param(CHAT, chat(stream=True), 200, id="a stream"),
    pytest.param(CHAT, chat(n=3), 200, id="three choices"),
    pytest.param(COMPLETIONS, completion(), 200, id="completion"),
    pytest.param("/v1/embeddings", {"model": "embed_text", "input": MARK, "user": MARK}, 200, id="embedding"),
    pytest.param(CHAT, chat(prompt(fail_at=0, error=f"no {MARK}")), 500, id="the model fails"),
    pytest.param(CHAT, chat(prompt(words=3, fail_at=2, error=MARK), stream=True), 200, id="it fails later"),
    pytest.param(CHAT, chat(prompt(hang_at=0)), 504, id="it hangs"),
    pytest.param(CHAT, chat(model=MARK), 404, id="an unknown model"),
    pytest.param(CHAT, chat(temperature=MARK), 400, id="a wrong type"),
    pytest.param(CHAT, chat(reasoning_effort=MARK), 400, id="a wrong value"),
    pytest.param(CHAT, chat(messages=[{"role": MARK, "content": MARK}]), 400, id="a wrong role"),
    pytest.param(
        CHAT,
        chat(
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {"enum": [MARK], "type": MARK}},
            }
        ),
        400,
        id="a schema",
    ),
    pytest.param(
        CHAT,
        chat(
            messages=[
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": f"https://{MARK}.invalid/{MARK}"}}
                    ],
                }
            ]
        ),
        400,
        id="an image",
    ),
    pytest.param("/v1/models/" + MARK, None, 404, id="the name of a model"),
    pytest.param(f"/{MARK}", {"text": MARK}, 404, id="no such path"),
]


class Watched:
    """A bridge, and all that it tells of what it does."""

    def __init__(self, bridge: Bridge, recorded: Recorded, caplog: pytest.LogCaptureFixture) -> None:
        self.bridge = bridge
        self._recorded = recorded
        self._caplog = caplog

    async def check(self) -> None:
        """Wait for the end of all requests; look for the mark in everything."""
        await eventually(lambda: not grpc_client.in_flight(self.bridge.metrics.text()))
        lines = [
            form.format(line) for form in (TextFormatter(), JsonFormatter()) for line in self._caplog.records
        ]
        told = [
            *lines,
            self.bridge.metrics.text().decode(),
            *(span.to_json() for span in self._recorded.spans),
        ]
        assert [text for text in told if MARK in text] == []


@pytest.fixture
async def watched(
    triton: RunningTriton, serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Watched:
    caplog.set_level(logging.DEBUG)
    keys = tmp_path / "keys.toml"
    with changed(keys) as held:
        held["team"] = Key(name="team", sha256=digest(SECRET))
    recorded = Recorded()
    bridge = await serve(
        triton=triton.address,
        key_file=keys,
        tracing=recorded.tracing,
        first_token_timeout=1.0,
        image_hosts=("a",),
    )
    return Watched(bridge, recorded, caplog)


@pytest.mark.parametrize(("path", "body", "status"), SERVED)
async def test_a_request_over_http(watched: Watched, path: str, body: Any, status: int) -> None:
    method = "POST" if body else "GET"
    answer = await ask(watched.bridge.http_port, method, path, json=body, headers=BEARER)
    assert answer.status == status, answer.body
    await watched.check()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(f'{{"model": {MARK}', {}, id="no JSON"),
        pytest.param(f'{{"{MARK}": 1, "{MARK}": 1}}', {}, id="a field twice"),
        pytest.param(MARK, {"Content-Encoding": MARK}, id="an unknown encoding"),
        pytest.param("{}", {"Content-Type": MARK}, id="an unknown type"),
        pytest.param("{}", {"Authorization": f"Bearer other-{MARK}"}, id="a wrong key"),
        pytest.param("{}", {"Authorization": MARK}, id="no key"),
        pytest.param("{}", {"traceparent": MARK, "tracestate": MARK}, id="no trace"),
        pytest.param("{}", {"X-Request-Id": f"{MARK} two words"}, id="an id that is none"),
    ],
)
async def test_what_is_no_request(watched: Watched, body: str, headers: dict[str, str]) -> None:
    answer = await ask(watched.bridge.http_port, "POST", CHAT, body=body.encode(), headers=BEARER | headers)
    assert 400 <= answer.status < 500
    await watched.check()


async def test_a_client_that_leaves(watched: Watched) -> None:
    async with connected(watched.bridge.http_port) as connection:
        body = chat(prompt(text=f"{MARK} b", hang_at=1), stream=True, stop=None)
        await connection.send("POST", CHAT, json=body, headers=BEARER)
        await connection.until(MARK.encode())
    await watched.check()


@pytest.mark.parametrize("directive", [{}, {"fail_at": 0, "error": MARK}, {"hang_at": 0}])
async def test_a_request_over_grpc(watched: Watched, directive: dict[str, Any]) -> None:
    message = chat_pb2.ChatMessage(
        role=chat_pb2.ROLE_USER, name=MARK, content=[chat_pb2.ContentPart(text=prompt(**directive))]
    )
    request = chat_pb2.CreateChatCompletionRequest(
        model="echo_vllm", messages=[message], user=MARK, metadata={"k": MARK}, stop=[f"{MARK} stop"]
    )
    metadata = [(name.lower(), value) for name, value in BEARER.items()]
    async with grpc_client.connected(watched.bridge.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletion(request, timeout=grpc_client.WAIT, metadata=metadata)
        code = await call.code()
    assert (code is grpc.StatusCode.OK) is (directive == {})
    await watched.check()


async def test_the_mark_would_be_found(watched: Watched) -> None:
    logging.getLogger("bridge.x").info("prompt", extra={"facts": {"prompt": MARK}})
    with pytest.raises(AssertionError):
        await watched.check()
