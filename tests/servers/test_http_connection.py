"""HTTP itself: versions, connections, headers and paths."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.openai_bodies import CHAT, DONE, chat, completion, directed, masked, said
from tests.raw_http import ask, connected

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton


async def test_http_1_0_gets_a_stream_that_ends_with_the_connection(bridge: Bridge) -> None:
    request = chat(directed(words=2), stream=True)
    whole = await ask(bridge.http_port, "POST", CHAT, json=request)
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, json=request, version="1.0")
        head = await connection.head()
        body = await connection.rest()
    assert head.status == 200
    assert not {"transfer-encoding", "content-length"} & set(head.headers)
    assert masked(body) == masked(whole.body)


async def test_http_1_0_gets_a_plain_answer_and_a_closed_connection(bridge: Bridge) -> None:
    async with connected(bridge.http_port) as connection:
        answer = await connection.ask("POST", CHAT, json=chat(), version="1.0")
        assert answer.json["object"] == "chat.completion"
        assert await connection.rest() == b""


async def test_a_stream_ends_the_connection_when_the_client_wants_it_closed(bridge: Bridge) -> None:
    async with connected(bridge.http_port) as connection:
        answer = await connection.ask("POST", CHAT, json=chat(stream=True), headers={"Connection": "close"})
        assert said(answer.body)
        assert await connection.rest() == b""


async def test_one_connection_serves_several_requests(bridge: Bridge) -> None:
    async with connected(bridge.http_port) as connection:
        streams = [await connection.ask("POST", CHAT, json=chat(stream=True)) for _ in range(2)]
        failure = await connection.ask("POST", CHAT, json=chat(stream=True, temperature=3))
        late = await connection.ask("POST", CHAT, json=chat(directed(words=2, fail_at=1), stream=True))
        missing = await connection.ask("GET", "/nowhere")
        plain = await connection.ask("POST", CHAT, json=chat())
        health = await connection.ask("GET", "/health")
    assert masked(streams[0].body) == masked(streams[1].body)
    assert failure.status == 400
    assert "error" in said(late.body)[-1]
    assert [missing.status, plain.status, health.status] == [404, 200, 200]
    answers = [*streams, failure, late, missing, plain, health]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 7


async def test_requests_sent_ahead_are_answered_in_order(bridge: Bridge) -> None:
    async with connected(bridge.http_port) as connection:
        for text in ("first", "second"):
            await connection.send("POST", CHAT, json=chat(directed(text=text)))
        answers = [await connection.answer() for _ in range(2)]
    contents = [answer.json["choices"][0]["message"]["content"] for answer in answers]
    assert contents == ["first", "second"]


async def test_a_client_may_wait_for_100_continue(bridge: Bridge) -> None:
    body = json.dumps(chat()).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Expect": "100-continue",
    }
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, headers=headers)
        assert await connection.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await connection.write(body)
        assert (await connection.answer()).status == 200


async def test_a_chunked_body_is_read(bridge: Bridge) -> None:
    body = json.dumps(chat()).encode()
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, headers=headers)
        for byte in body:
            await connection.write(b"1\r\n%c\r\n" % byte)
        await connection.write(b"0\r\n\r\n")
        assert (await connection.answer()).status == 200


async def test_a_body_that_does_not_arrive_is_a_timeout(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, request_timeout=0.1)
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", CHAT, body=b"{", headers={"Content-Length": "100"})
        answer = await connection.answer()
    assert (answer.status, answer.error["code"]) == (408, "timeout")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Content-Type": "", "CONTENT-TYPE": "APPLICATION/JSON"}, id="upper case"),
        pytest.param({"Content-Type": "", "content-type": "application/json"}, id="lower case"),
        pytest.param({"Content-Type": "application/json; charset=utf-8"}, id="with a parameter"),
    ],
)
async def test_the_case_of_headers_does_not_matter(bridge: Bridge, headers: dict[str, str]) -> None:
    headers |= {"X-REQUEST-ID": "Mine-1"}
    answer = await ask(bridge.http_port, "POST", CHAT, json=chat(), headers=headers)
    assert (answer.status, answer.headers["x-request-id"]) == (200, "Mine-1")


@pytest.mark.parametrize("path", ["/v1/models/org%2Fname", "/v1/models/org%2fname", "/v1/models/org/name"])
async def test_a_model_id_may_hold_slashes_plain_or_escaped(bridge: Bridge, path: str) -> None:
    answer = await ask(bridge.http_port, "GET", path)
    assert answer.status == 404
    assert answer.error["message"] == "The model 'org/name' does not exist"
    assert (answer.error["code"], answer.error["param"]) == ("model_not_found", "model")


async def test_an_escaped_name_of_a_model_is_found(bridge: Bridge) -> None:
    answer = await ask(bridge.http_port, "GET", "/v1/models/%64emo")
    assert answer.json["id"] == "demo"


@pytest.mark.parametrize(
    ("body_id", "header", "expected"),
    [
        pytest.param({"request_id": "from-body"}, "", "from-body", id="body"),
        pytest.param({"rid": "from-body"}, "", "from-body", id="body, by its other name"),
        pytest.param({"request_id": "from-body"}, "from-header", "from-header", id="the header wins"),
    ],
)
async def test_the_request_id_reaches_answer_and_model(
    bridge: Bridge, triton: RunningTriton, body_id: dict[str, str], header: str, expected: str
) -> None:
    tag = f"id {body_id} {header}"
    answer = await ask(
        bridge.http_port,
        "POST",
        CHAT,
        json=chat(directed(tag=tag), stream=True, **body_id),
        headers={"X-Request-Id": header},
    )
    assert answer.headers["x-request-id"] == expected
    assert answer.body.endswith(DONE)
    assert (await triton.event(tag, "request"))["id"].startswith(f"{expected}:")


async def test_choices_have_request_ids_of_their_own(bridge: Bridge, triton: RunningTriton) -> None:
    body = completion(directed(tag="fanned"), n=3)
    await ask(bridge.http_port, "POST", "/v1/completions", json=body, headers={"X-Request-Id": "fan"})
    ids = {event["id"] for event in triton.events("fanned") if event["event"] == "request"}
    assert len(ids) == 3
    assert all(identity.startswith("fan:") for identity in ids)
