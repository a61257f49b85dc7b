"""What is larger than a message of NATS may be is refused, by name of the limit; nobody else notices."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from nats.aio.client import Client

from bridge.protocol import kserve
from bridge.protocol.icp_subjects import DESCRIBE, Subjects
from tests.doors import refusal, tell
from tests.nats_server import nats_server
from tests.operators.asking import STREAM, chat
from tests.raw_http import ask
from tests.scripted_triton import config, scripted_triton, sends

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.app import Bridge
    from tests.operators.stage import Stage

LIMIT = 64 * 1024


@pytest.fixture
async def bridge(stage: Stage, tmp_path: Path) -> AsyncIterator[Bridge]:
    """Serve over a NATS with small messages, whose other streams must not notice."""
    (tmp_path / "small").mkdir()
    with nats_server(tmp_path / "small", settings=f"max_payload: {LIMIT}") as stage.nats:
        await stage.worker()
        bridge = await stage.front_end()
        beside = asyncio.create_task(tell(bridge, STREAM, chat(tag="beside", words=3, delay_ms=30)))
        await stage.tritons[0].event("beside", "request")
        yield bridge
        assert (await beside).texts == ["word0 word1 word2 "]
        await bridge.stop()
        await stage.stack.aclose()


async def test_a_request_larger_than_a_message_is_a_413(bridge: Bridge) -> None:
    large = chat() | {"messages": [{"role": "user", "content": "a" * LIMIT}]}
    answer = await ask(bridge.http_port, "POST", "/v1/chat/completions", json=large)
    assert (answer.status, str(LIMIT) in answer.error["message"]) == (413, True)


async def test_a_response_larger_than_a_message_is_an_error(bridge: Bridge) -> None:
    # It hangs: a Triton that is cancelled while it sends much has been seen to crash.
    refused = await refusal(bridge, STREAM, chat(words=20_000, cut_bytes=LIMIT + 1, hang_at=1))
    assert (refused.status, str(LIMIT) in refused.message) == (500, True)


async def test_many_responses_that_are_large_together_are_several_messages(bridge: Bridge) -> None:
    (text,) = (await tell(bridge, STREAM, chat(words=40_000, cut_bytes=LIMIT // 3))).texts
    assert text.split()[-1] == "word39999"


async def test_a_long_complaint_of_a_model_is_cut(bridge: Bridge) -> None:
    refused = await refusal(bridge, STREAM, chat(fail_at=0, error="x" * (LIMIT // 2)))
    assert "xxx" in refused.message


async def test_a_configuration_larger_than_a_message_is_an_error(stage: Stage, tmp_path: Path) -> None:
    large = config("m")
    large.parameters["template"].string_value = "x" * LIMIT
    question = kserve.ModelConfigRequest(name="m").SerializeToString()
    (tmp_path / "small").mkdir()
    with nats_server(tmp_path / "small", settings=f"max_payload: {LIMIT}") as stage.nats:
        async with scripted_triton(sends(), large) as peer:
            worker = await stage.worker(triton=peer.address)
            client = Client()
            await client.connect(stage.nats.url)
            describe = Subjects("icp").control(worker.component_id, DESCRIBE)
            answer = await client.request(describe, question, timeout=10)
            await client.close()
            await stage.stack.aclose()
    assert answer.headers is not None
    assert str(LIMIT) in answer.headers["Nats-Service-Error"]
