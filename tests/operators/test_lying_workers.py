"""What a front end makes of workers and networks that lose, delay and garble messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.protocol import icp
from tests.eventually import eventually
from tests.operators.scripted_worker import ID, numbered, scripted_worker
from tests.raw_http import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.nats_server import NatsServer
    from tests.operators.scripted_worker import ScriptedWorker
    from tests.raw_http import Answer


async def asked(nats: NatsServer, serve: Serve, worker: ScriptedWorker) -> Answer:
    bridge: Bridge = await serve(upstream=nats.url)
    await eventually(lambda: "m" in bridge._handlers.catalog.found)
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
    return await ask(bridge.http_port, "POST", "/v1/chat/completions", json=body)


def accepting(*rest: bytes) -> Callable[[icp.Opening], list[bytes]]:
    return lambda opening: [icp.acceptance(opening, ID), *rest]


def last(seq: int) -> bytes:
    return icp.pack_responses(seq, [icp.final("x")], batched=True)[0]


@pytest.mark.parametrize(
    ("messages", "said", "error"),
    [
        pytest.param([numbered(0, "a", "b"), last(2)], b"a", b"", id="all is there"),
        pytest.param([numbered(0, "a"), numbered(2, "c"), last(3)], b"a", b"were lost", id="a gap"),
        pytest.param([numbered(0, "a"), numbered(0, "a"), last(1)], b"a", b"were lost", id="a repetition"),
        pytest.param([numbered(0, "a"), b"\xff\xff"], b"a", b"cannot be read", id="garbage"),
        pytest.param([numbered(0, "a")], b"a", b"were lost", id="a lost tail"),
    ],
)
async def test_a_stream_is_whole_or_ends_with_an_error(
    nats: NatsServer, serve: Serve, messages: list[bytes], said: bytes, error: bytes
) -> None:
    async with scripted_worker(nats.url, accepting(*messages)) as worker:
        answer = await asked(nats, serve, worker)
        assert answer.status == 200
        assert b'"content":"' + said in answer.body
        assert (b'"error"' in answer.body) == bool(error)
        assert error in answer.body
        if error:
            await eventually(lambda: "cancel" in worker.told)


async def test_a_request_that_is_not_accepted_in_time_is_a_503_and_cancelled_later(
    nats: NatsServer, serve: Serve
) -> None:
    openings: list[icp.Opening] = []

    def silent(opening: icp.Opening) -> list[bytes]:
        openings.append(opening)
        return []

    async with scripted_worker(nats.url, silent) as worker:
        answer = await asked(nats, serve, worker)
        assert (answer.status, worker.told) == (503, [])
        await worker.client.publish(openings[0].inbox, icp.acceptance(openings[0], ID))
        await eventually(lambda: worker.told == ["cancel"])
