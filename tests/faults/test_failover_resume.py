"""`resume = true`: a server is lost in mid-stream, and the client sees one unbroken answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import Balancing, ModelConfig
from tests.faults.fleet import MODEL, Streamed, count, streamed, tag
from tests.grpc_client import WAIT, chat, connected, in_flight, read, text, words

if TYPE_CHECKING:
    from tests.conftest import Serve
    from tests.faults.fleet import Fleet

RESUMING = {MODEL: ModelConfig(resume=True)}
WORDS = {"words": 200, "delay_ms": 5}
GREEDY = {"temperature": 0}


async def broken(fleet: Fleet, bridge: Any, mine: str, streams: int, **fields: Any) -> list[Streamed]:
    """Return what streams saw of which one server was killed when all had begun."""
    begun = [asyncio.Event() for _ in range(streams)]
    directive = {"tag": mine, **WORDS}
    running = [asyncio.create_task(streamed(bridge, directive, one, **fields)) for one in begun]
    await asyncio.gather(*(one.wait() for one in begun))
    fleet.kill(0)
    return await asyncio.gather(*running)


async def test_no_word_is_lost_or_doubled(fleet: Fleet, serve: Serve) -> None:
    bridge = await serve(triton=fleet.upstreams(), models=RESUMING)
    undisturbed = await streamed(bridge, {"tag": tag(), **WORDS}, **GREEDY)
    assert undisturbed.text == words(200)

    mine = tag()
    ends = await broken(fleet, bridge, mine, 8, **GREEDY)
    assert ends == [undisturbed] * 8, "text, finish reason and usage, as if nothing had happened"
    assert sorted(fleet.served(mine)) == [0] * 4 + [1] * 8
    assert count(bridge, "resumes_total") == 4
    rests = [
        event["inputs"]
        for event in fleet.tritons[1].events(mine)
        if event["event"] == "request" and "word0" in event["inputs"]["text_input"][0]
    ]
    assert len(rests) == 4
    for inputs in rests:
        said = inputs["text_input"][0].rpartition("assistant\n")[2].count("word")
        assert f'"max_tokens":{1000 - said}' in inputs["sampling_parameters"][0].replace(" ", "")
    assert count(bridge, "upstream_requests_in_flight") == 0


async def test_the_limit_of_tokens_holds_for_the_whole(fleet: Fleet, serve: Serve) -> None:
    bridge = await serve(triton=fleet.upstreams(), models=RESUMING)
    ends = await broken(fleet, bridge, tag(), 4, **GREEDY, max_tokens=90)
    assert {end.text for end in ends} == {words(90)}
    assert {tuple(end.finishes) for end in ends} == {("length",)}
    assert {end.usage["completion_tokens"] for end in ends if end.usage} == {90}


@pytest.mark.parametrize("transport", ["native", "grpcio"])
async def test_over_grpc_too(fleet: Fleet, serve: Serve, transport: str) -> None:
    bridge = await serve(triton=fleet.upstreams(), models=RESUMING, triton_transport=transport)
    async with connected(bridge.grpc_port) as stubs:
        request = chat(WORDS, temperature=0, max_tokens=1000)
        calls = [stubs.chat.CreateChatCompletionStream(request, timeout=WAIT) for _ in range(4)]
        heads = [[await call.read(), await call.read()] for call in calls]
        fleet.kill(0)
        ends = await asyncio.gather(*(read(call, head) for call, head in zip(calls, heads, strict=True)))
    assert [text(end) for end in ends] == [words(200)] * 4
    assert in_flight(bridge.metrics.text()) == 0


async def test_what_another_server_would_say_differently_is_an_error(fleet: Fleet, serve: Serve) -> None:
    bridge = await serve(triton=fleet.upstreams(), models=RESUMING)
    ends = await broken(fleet, bridge, tag(), 2, temperature=0.5)
    assert sorted(end.error is not None for end in ends) == [False, True]
    assert all(words(200).startswith(end.text) for end in ends)


async def test_a_server_that_hangs_is_left_in_mid_stream(fleet: Fleet, serve: Serve) -> None:
    rules = Balancing(poll_timeout=0.3)
    bridge = await serve(triton=fleet.upstreams(), models=RESUMING, token_timeout=0.4, balancing=rules)
    begun = [asyncio.Event() for _ in range(4)]
    running = [asyncio.create_task(streamed(bridge, WORDS, one, **GREEDY)) for one in begun]
    await asyncio.gather(*(one.wait() for one in begun))
    with fleet.stopped(0):
        ends = await asyncio.gather(*running)
    assert {end.text for end in ends} == {words(200)}
