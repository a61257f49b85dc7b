"""What a worker does for a frontend that does the unexpected: each request gets its answer, or a refusal."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from bridge.protocol.dynamo.frames import frame
from tests.dynamo.joining import asks, in_folder, joined
from tests.dynamo.scripted_frontend import GREETING, ScriptedFrontend, scripted
from tests.eventually import eventually
from tests.openai_bodies import directed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.tritonserver import RunningTriton

SETTINGS: dict[str, Any] = {"max_request_bytes": 10_000, "stall_timeout": 0.3, "max_buffered_bytes": 4096}


@pytest.fixture(scope="module")
async def folder(triton: RunningTriton, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The folder of one worker for the tests of this module."""
    made = tmp_path_factory.mktemp("kv")
    async with joined(triton, in_folder(made), {"max_inflight": 2}, **SETTINGS):
        await eventually(lambda: len(list(made.glob("v1/*/*echo_vllm*"))) == 2)
        yield made


@pytest.fixture
async def frontend(folder: Path) -> AsyncIterator[ScriptedFrontend]:
    async with scripted(folder) as made:
        yield made


async def test_requests_in_a_row_are_answered_on_connections_of_their_own(frontend: ScriptedFrontend) -> None:
    first, second = (frontend.request(asks(directed(text=text))) for text in ("one", "two"))
    sent = first + second
    for at in range(0, len(sent), 100):
        frontend.send(sent[at : at + 100])
        await asyncio.sleep(0)
    assert [await frontend.acknowledged() for _ in range(2)] == [b"", b""]
    said = {}
    for _ in range(2):
        answer = await frontend.answers.get()
        chunks = await answer.chunks()
        texts = [step["delta"].get("content") for item in chunks for step in item["data"]["choices"]]
        said[answer.frames[0]["subject"]] = "".join(text for text in texts if text)
    assert said == {"s1": "one", "s2": "two"}


async def test_an_answer_begins_with_whose_it_is(frontend: ScriptedFrontend) -> None:
    answer = await frontend.ask(asks("x"))
    assert await answer.frame(0) == {"subject": "s1", **GREETING[0]}
    await answer.chunks()


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        pytest.param(b"{", "InvalidRequest", "valid JSON", id="no JSON"),
        pytest.param(b"\xff", "InvalidRequest", "valid JSON", id="no text"),
        pytest.param({}, "InvalidRequest", "prompt", id="an empty request"),
        pytest.param(asks("x", temperature=9), "InvalidRequest", "temperature", id="a wrong value"),
        pytest.param(b"x" * 10_001, "PayloadTooLarge", "10000 bytes", id="too large"),
    ],
)
async def test_a_fault_of_the_request_is_its_answer(
    frontend: ScriptedFrontend, body: Any, kind: str, words: str
) -> None:
    answer = await frontend.ask(body)
    (item,) = await answer.chunks()
    assert item["event"] == "error"
    assert item["error"]["error_type"] == kind
    assert words in item["error"]["public"]["message"]
    assert len(await (await frontend.ask(asks(directed(text="on")))).chunks()) >= 2


async def test_a_request_for_what_is_not_offered_is_refused(frontend: ScriptedFrontend) -> None:
    frontend.send(frontend.request(asks("x"), path="1/dynamo/openai-bridge-echo_vllm/generate"))
    assert (await frontend.acknowledged()).startswith(b"Server unavailable: ")
    await (await frontend.ask(asks("x"))).chunks()


async def test_a_request_of_another_version_is_refused(frontend: ScriptedFrontend) -> None:
    frontend.send(frontend.request(asks("x"), payload_codec="msgpack"))
    assert b"payload_codec is not json" in await frontend.acknowledged()
    await (await frontend.ask(asks("x"))).chunks()


async def test_a_full_worker_refuses_more(frontend: ScriptedFrontend, triton: RunningTriton) -> None:
    tags = ("dyn-full-0", "dyn-full-1")
    running = [await frontend.ask(asks(directed(tag=tag, words=3, hang_at=1))) for tag in tags]
    for tag in tags:
        await triton.event(tag, "request")
    frontend.send(frontend.request(asks("x")))
    assert (await frontend.acknowledged()).startswith(b"Server overloaded: ")
    for answer in running:
        answer.close()
    for tag in tags:
        await triton.event(tag, "cancelled")
    await _answers_again(frontend)


@pytest.mark.parametrize("word", ["stop", "kill"])
async def test_a_request_that_is_taken_back_cancels_the_model(
    frontend: ScriptedFrontend, triton: RunningTriton, word: str
) -> None:
    tag = f"dyn-{word}"
    answer = await frontend.ask(asks(directed(tag=tag, words=9, hang_at=2)))
    await answer.frame(3)
    answer.say(frame(json.dumps(word).encode()))
    taken_back = time.monotonic()
    assert (await triton.event(tag, "cancelled"))["time"] - taken_back < 2
    await answer.closed()


async def test_other_words_of_a_frontend_mean_nothing(frontend: ScriptedFrontend) -> None:
    answer = await frontend.ask(asks(directed(words=3, delay_ms=20)))
    answer.say(frame(b'"sentinel"') + frame(data=b"data"))
    assert "word2" in str(await answer.chunks())


async def test_a_frontend_that_babbles_is_left(frontend: ScriptedFrontend, triton: RunningTriton) -> None:
    answer = await frontend.ask(asks(directed(tag="dyn-babble", words=9, hang_at=1)))
    await answer.frame(2)
    answer.say(bytes([255]) * 24)
    await triton.event("dyn-babble", "cancelled")
    await answer.closed()


async def test_a_frontend_that_does_not_read_is_left(
    frontend: ScriptedFrontend, triton: RunningTriton
) -> None:
    answer = await frontend.ask(asks(directed(tag="dyn-stalled", words=100_000), max_tokens=100_000))
    await triton.event("dyn-stalled", "cancelled", within=20)
    await answer.closed()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        pytest.param("127.0.0.1:1", "ConnectionRefusedError", id="nobody listens"),
        pytest.param("a" * 300 + ":1", "UnicodeError", id="no name of a host"),
    ],
)
async def test_a_frontend_that_takes_no_answer_harms_nobody(
    frontend: ScriptedFrontend, address: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = {"address": address, "subject": "s", "context": "c"}
    connection = {"transport": "tcp_server", "info": json.dumps(nowhere)}
    frontend.send(frontend.request(asks("x"), connection_info=connection))
    assert await frontend.acknowledged() == b""
    await eventually(lambda: f"a frontend does not take its answer: {why}" in caplog.text)
    await _answers_again(frontend)


async def test_what_is_no_request_ends_the_connection_alone(frontend: ScriptedFrontend, folder: Path) -> None:
    frontend.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(40))
    assert await frontend.hung_up()
    async with scripted(folder) as another:
        await (await another.ask(asks("x"))).chunks()


async def test_the_id_and_the_trace_of_a_frontend_are_the_requests_own(
    frontend: ScriptedFrontend, triton: RunningTriton, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    with caplog.at_level("INFO", "bridge.access"):
        await (await frontend.ask(asks(directed(tag="dyn-id", text="x")), headers=headers)).chunks()
    assert (await triton.event("dyn-id", "request"))["id"].startswith("r1:")
    facts = [record.__dict__["facts"] for record in caplog.records if record.name == "bridge.access"]
    assert [(fact["request_id"], fact["trace_id"], fact["door"]) for fact in facts] == [
        ("r1", "a" * 32, "dynamo")
    ]


async def test_a_worker_that_stops_leaves_first_and_fails_what_is_left(
    triton: RunningTriton, tmp_path: Path
) -> None:
    async with joined(triton, in_folder(tmp_path), drain_timeout=0.2) as worker:
        await eventually(lambda: len(list(tmp_path.glob("v1/*/*echo_vllm*"))) == 2)
        async with scripted(tmp_path) as frontend:
            answer = await frontend.ask(asks(directed(words=9, hang_at=1)))
            await answer.frame(2)
            stopping = asyncio.create_task(worker.stop())
            await eventually(lambda: list(tmp_path.glob("v1/*/*")) == [])
            late = await frontend.ask(asks(directed(text="late")))
            assert "late" in str(await late.chunks())
            assert (await answer.chunks())[-1]["error"]["error_type"] == "Unavailable"
            await stopping


async def _answers_again(frontend: ScriptedFrontend) -> None:
    """Ask until there is room: an end is noticed a little later."""
    async with asyncio.timeout(10):
        while True:
            frontend.send(frontend.request(asks("x")))
            if await frontend.acknowledged() == b"":
                await (await frontend.answers.get()).chunks()
                return
            await asyncio.sleep(0.01)
