"""What a client is told when a server no longer knows a model: is the model gone, or the server?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.openai_bodies import CHAT, COMPLETIONS, chat, completion
from tests.raw_http import ask
from tests.scripted_triton import data, error, scripted_triton, sends

if TYPE_CHECKING:
    from tests.conftest import Serve

UNKNOWN = "Request for unknown model: 'm' has no available versions"
NEVER = 3600.0


@pytest.mark.parametrize("begun", [False, True], ids=["at once", "after a word"])
async def test_a_server_that_exits_is_away(serve: Serve, begun: bool) -> None:
    async with scripted_triton(sends(*[data("one ")] * begun, error(UNKNOWN))) as peer:
        bridge = await serve(triton=peer.address, poll_interval=NEVER)
        peer.down = True
        answer = await ask(bridge.http_port, "POST", CHAT, json=chat("hi", model="m", stream=begun))
        if begun:
            assert b'"code":"service_unavailable"' in answer.body
        else:
            assert (answer.status, answer.headers["retry-after"]) == (503, "2")
            assert answer.error["message"] == "the server of the model is not ready"


async def test_a_model_that_was_unloaded_is_not_found(serve: Serve) -> None:
    async with scripted_triton(sends(error(UNKNOWN))) as peer:
        bridge = await serve(triton=peer.address, poll_interval=NEVER)
        peer.models.clear()
        answer = await ask(bridge.http_port, "POST", COMPLETIONS, json=completion("hi", model="m"))
        assert (answer.status, answer.error["code"]) == (404, "model_not_found")


async def test_what_a_sound_server_does_not_know_is_not_found(serve: Serve) -> None:
    async with scripted_triton(sends(error("LoRA a is not supported, we currently support []"))) as peer:
        bridge = await serve(triton=peer.address, poll_interval=NEVER)
        answer = await ask(bridge.http_port, "POST", COMPLETIONS, json=completion("hi", model="m"))
        assert (answer.status, answer.error["code"]) == (404, "model_not_found")
