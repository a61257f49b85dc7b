"""Triton told to exit: it knows no model any more while it ends what runs, and is not there yet again."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import grpc

from tests.faults.asking import serves
from tests.faults.clients import HttpClient, client
from tests.faults.fleet import http_body
from tests.grpc_client import WAIT, Details, chat, connected, failure, words
from tests.openai_bodies import CHAT
from tests.raw_http import ask

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.faults.fleet import Fleet
    from tests.raw_http import Answer

LONG = {"words": 60, "delay_ms": 10}
SHORT = http_body({"words": 3})


async def test_the_only_triton_that_exits_is_away_and_not_without_the_model(
    three: Fleet, serve: Serve
) -> None:
    fleet = await three.running(1)
    bridge = await serve(triton=fleet.tritons[0].address)
    async with client(HttpClient, bridge.http_port) as running, connected(bridge.grpc_port) as stubs:
        await running.ask(LONG)
        await running.hears("word3 ")
        os.kill(fleet.tritons[0].server.pid, signal.SIGTERM)
        refused = [await first_refusal(bridge), await ask(bridge.http_port, "POST", CHAT, json=SHORT)]
        error = await failure(stubs.chat.CreateChatCompletion(chat({"words": 3}), timeout=WAIT))
        whole = await running.end()

    assert (whole.text, whole.end) == (words(60), "[DONE]"), "what runs ends by itself"
    assert {answer.status for answer in refused} == {503}, "after 404 a client would not try again"
    assert all("retry-after" in answer.headers for answer in refused)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert Details.of(error).retry is not None
    fleet.kill(0)
    await fleet.restart(0)
    await serves([bridge])


async def test_one_that_exits_beside_one_that_was_killed_is_away_too(three: Fleet, serve: Serve) -> None:
    fleet = await three.running(2)
    bridge = await serve(triton=fleet.upstreams())
    await serves([bridge])
    fleet.kill(0)
    async with client(HttpClient, bridge.http_port) as running:
        await running.ask(LONG)
        await running.hears("word3 ")
        os.kill(fleet.tritons[1].server.pid, signal.SIGTERM)
        refused = [await first_refusal(bridge), await ask(bridge.http_port, "POST", CHAT, json=SHORT)]
        await running.end()

    assert {answer.status for answer in refused} == {503}
    fleet.kill(1)


async def first_refusal(bridge: Bridge) -> Answer:
    """Ask until Triton has noticed its signal."""
    while True:
        answer = await ask(bridge.http_port, "POST", CHAT, json=SHORT)
        if answer.status != 200:
            return answer
