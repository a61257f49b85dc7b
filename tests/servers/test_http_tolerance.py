"""What is tolerated: unknown fields, unless the operator refuses them, and a request without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.openai_bodies import CHAT, chat, said
from tests.raw_http import ask

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_unknown_fields_are_tolerated_and_named(bridge: Bridge, stream: bool) -> None:
    body = chat(stream=stream, temprature=1, **{"evil\r\nname": 1}, user="someone")
    body["messages"][0] |= {"mood": "fine"}
    answer = await ask(bridge.http_port, "POST", CHAT, json=body)
    assert answer.status == 200
    names = answer.headers["openai-bridge-ignored"].split(", ")
    assert sorted(names) == ["evil__name", "messages[].mood", "temprature"]


async def test_unknown_fields_are_refused_where_the_operator_says_so(
    serve: Serve, triton: RunningTriton
) -> None:
    bridge = await serve(triton=triton.address, unknown_fields="reject")
    answer = await ask(bridge.http_port, "POST", CHAT, json=chat(temprature=1))
    error = answer.error
    assert (answer.status, error["code"], error["param"]) == (400, "unknown_parameter", "temprature")
    known = await ask(bridge.http_port, "POST", CHAT, json=chat(user="someone", store=True))
    assert (known.status, "openai-bridge-ignored" in known.headers) == (200, False)


async def test_a_default_model_answers_requests_that_name_none(serve: Serve, triton: RunningTriton) -> None:
    bridge = await serve(triton=triton.address, default_model="echo_vllm")
    body = {key: value for key, value in chat(stream=True).items() if key != "model"}
    events = said((await ask(bridge.http_port, "POST", CHAT, json=body)).body)
    assert {event["model"] for event in events} == {"echo_vllm"}
