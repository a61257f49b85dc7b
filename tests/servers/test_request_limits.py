"""Limits on what a request holds: a 400 that names the field, at both doors, before any model is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import Limits
from tests.doors import Way, each_way, refusal, tell
from tests.openai_bodies import CHAT, chat, completion, directed
from tests.raw_http import ask

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

HI = {"role": "user", "content": "hi"}
LIMITS = Limits(max_messages=2, max_prompt_characters=200, max_n=2, max_stops=2, max_tools=1)


@pytest.fixture
async def bridge(serve: Serve, triton: RunningTriton) -> Bridge:
    return await serve(triton=triton.address, limits=LIMITS)


@each_way
@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param(chat(messages=[HI] * 3), "messages", id="messages"),
        pytest.param(chat("x" * 201), "messages", id="characters of a chat"),
        pytest.param(chat(n=3), "n", id="choices of a chat"),
        pytest.param(chat(stop=["a", "b", "c"]), "stop", id="stop strings of a chat"),
        pytest.param(completion("x" * 201), "prompt", id="characters of a prompt"),
        pytest.param(completion(["x", "x" * 201]), "prompt[1]", id="characters of the second prompt"),
        pytest.param(completion(n=3), "n", id="choices of a completion"),
        pytest.param(completion(stop=["a", "b", "c"]), "stop", id="stop strings of a completion"),
    ],
)
async def test_a_request_that_holds_too_much_names_the_field(
    bridge: Bridge, way: Way, body: dict[str, Any], param: str
) -> None:
    refused = await refusal(bridge, way, body)
    assert (refused.status, refused.param) == (400, param)


async def test_tools_are_counted(bridge: Bridge) -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    answer = await ask(bridge.http_port, "POST", CHAT, json=chat(tools=[tool, tool]))
    assert (answer.status, answer.error["param"]) == (400, "tools")
    assert "more than the limit of 1" in answer.error["message"]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        pytest.param(
            "/v1/embeddings", {"model": "m", "input": ["x", "x" * 201]}, "input[1]", id="embeddings"
        ),
        pytest.param("/tokenize", {"model": "m", "prompt": "x" * 201}, "prompt", id="tokenize a prompt"),
        pytest.param("/tokenize", {"model": "m", "messages": [HI] * 3}, "messages", id="tokenize messages"),
    ],
)
async def test_other_endpoints_have_the_same_limits(
    bridge: Bridge, path: str, body: dict[str, Any], param: str
) -> None:
    answer = await ask(bridge.http_port, "POST", path, json=body)
    assert (answer.status, answer.error["param"]) == (400, param)


@each_way
async def test_a_request_at_the_limits_is_served(bridge: Bridge, way: Way) -> None:
    told = directed(text="ok")
    body = completion(told + "x" * (200 - len(told)), n=2, stop=["a", "b"], max_tokens=1)
    assert (await tell(bridge, way, body)).texts


@pytest.mark.parametrize(
    ("depth", "param"),
    [
        pytest.param(1100, None, id="more than a body may have"),
        pytest.param(300, "tools[0].function.parameters", id="more than free JSON in it may have"),
    ],
)
async def test_json_that_is_nested_too_deeply_is_refused(
    bridge: Bridge, depth: int, param: str | None
) -> None:
    nested = '{"a":' * depth + "1" + "}" * depth
    tool = f'{{"type":"function","function":{{"name":"f","parameters":{nested}}}}}'
    body = f'{{"model":"demo","messages":[{{"role":"user","content":"x"}}],"tools":[{tool}]}}'
    answer = await ask(bridge.http_port, "POST", CHAT, body=body.encode())
    assert (answer.status, answer.error["param"]) == (400, param)
    assert "JSON" in answer.error["message"] or "nested too deeply" in answer.error["message"]
