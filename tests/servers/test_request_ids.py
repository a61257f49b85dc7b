"""Every answer over HTTP has a request id, whoever refuses the request: it is what people report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.openai_bodies import CHAT
from tests.raw_http import connected

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

MADE_BY_US = re.compile(r"req_[0-9a-f]{32}")
GOOD = '{"model":"echo_vllm","messages":[{"role":"user","content":"a b"}]}'
STREAM = GOOD.replace('"model"', '"stream":true,"model"')


def post(body: str, *headers: str, path: str = CHAT) -> str:
    lines = (f"POST {path} HTTP/1.1", "Host: t", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join([*lines, "", body])


def get(path: str, *headers: str, method: str = "GET") -> str:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: t", *headers, "", ""])


JSON = "Content-Type: application/json"
REQUESTS = [
    pytest.param(post(GOOD, JSON), 200, id="an answer"),
    pytest.param(post(STREAM, JSON), 200, id="a stream"),
    pytest.param(get("/v1/models"), 200, id="models"),
    pytest.param(get("/metrics"), 200, id="metrics"),
    pytest.param(get("/v1/health/ready"), 200, id="health"),
    pytest.param(get("/openapi.json"), 200, id="the document"),
    pytest.param(get("/nothing"), 404, id="no such route"),
    pytest.param(get(CHAT), 405, id="no such method"),
    pytest.param(post("{", JSON), 400, id="no JSON"),
    pytest.param(post(GOOD), 400, id="no content type"),
    pytest.param(post(GOOD.replace("echo_vllm", "nobody"), JSON), 404, id="no such model"),
    pytest.param(post("x" * 70_000, JSON), 413, id="too large"),
    pytest.param(post(GOOD, JSON, "Expect: wonders"), 400, id="a wrong expectation"),
    pytest.param(post(GOOD, JSON, "Content-Encoding: gzip"), 400, id="a wrong encoding"),
    pytest.param(get("/v1/models", f"X: {'y' * 20_000}"), 400, id="a header too long"),
    pytest.param("no HTTP at all\r\n\r\n", 400, id="no HTTP"),
]


@pytest.fixture
async def bridge(triton: RunningTriton, serve: Serve) -> Bridge:
    return await serve(triton=triton.address, max_request_bytes=65_536)


@pytest.mark.parametrize(("request_text", "status"), REQUESTS)
async def test_an_answer_has_a_request_id(bridge: Bridge, request_text: str, status: int) -> None:
    async with connected(bridge.http_port) as connection:
        await connection.write(request_text.encode())
        head = await connection.head()
    assert head.status == status
    assert MADE_BY_US.fullmatch(head.headers["x-request-id"])


@pytest.mark.parametrize(
    ("request_text", "status"), [case for case in REQUESTS if case.id not in {"no HTTP", "a header too long"}]
)
async def test_an_answer_has_the_callers_id(bridge: Bridge, request_text: str, status: int) -> None:
    head, _, body = request_text.partition("\r\n\r\n")
    async with connected(bridge.http_port) as connection:
        await connection.write(f"{head}\r\nX-Request-Id: mine.1\r\n\r\n{body}".encode())
        answer = await connection.head()
    assert (answer.status, answer.headers["x-request-id"]) == (status, "mine.1")
