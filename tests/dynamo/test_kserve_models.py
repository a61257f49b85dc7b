"""Models of a Dynamo cluster through its KServe frontend: both doors, streamed or not, by both transports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from bridge.config import ModelConfig
from bridge.config.model import builtin
from bridge.config.upstreams import Upstream
from tests.doors import Way, each_way, refusal, tell
from tests.dynamo.standin import event, events
from tests.leaving import asked
from tests.openai_bodies import CHAT, chat, completion, directed, said
from tests.raw_http import ask

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.dynamo.environment import Cluster, Frontend
    from tests.tritonserver import RunningTriton

PROMPT: Final = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
"""What chatml makes of one message."""
HTTP_STREAM: Final = Way("http", streams=True)


@pytest.fixture(params=["native", "grpcio"])
async def bridge(request: pytest.FixtureRequest, standin: Frontend, serve: Serve) -> Bridge:
    """Serve the stand-in by each transport."""
    return await serve(
        triton=standin.address, triton_transport=request.param, models={"standin": ModelConfig()}
    )


def body(kind: str, **directive: Any) -> dict[str, Any]:
    make = chat if kind == "chat" else completion
    return make(directed(**directive), model="standin")


@each_way
@pytest.mark.parametrize("kind", ["chat", "completion"])
async def test_an_answer_is_told(bridge: Bridge, cluster: Cluster, way: Way, kind: str) -> None:
    tag = f"told {way} {kind} {bridge._config.triton_transport}"
    asked_for = directed("Grüße, one two", tag=tag)
    told = await tell(bridge, way, body(kind) | _prompt(kind, asked_for))
    (choice,) = told.choices
    prompt = PROMPT.format(asked_for) if kind == "chat" else asked_for
    assert (await event(cluster, tag, "request"))["prompt"] == prompt
    assert choice.text == prompt.replace(asked_for, "Grüße, one two ")
    assert choice.finish_reason == "stop"
    assert told.usage is None
    assert not way.streams or len(choice.deltas) > 2


def _prompt(kind: str, text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]} if kind == "chat" else {"prompt": text}


@each_way
@pytest.mark.parametrize(
    ("word", "reason"),
    [("length", "length"), ("content_filter", "FINISH_REASON_CONTENT_FILTER"), ("", "stop")],
)
async def test_the_end_is_told_as_dynamo_tells_it(bridge: Bridge, way: Way, word: str, reason: str) -> None:
    told = await tell(bridge, way, body("chat", text="one two", finish=word))
    expected = reason if way.door == "grpc" else reason.removeprefix("FINISH_REASON_").lower()
    assert (told.texts, told.choices[0].finish_reason) == (["one two"], expected)


@each_way
@pytest.mark.parametrize(
    "field", [{"max_tokens": 2}, {"max_completion_tokens": 2}, {"temperature": 0.5}, {"seed": 1}], ids=str
)
async def test_a_field_that_dynamo_would_drop_is_refused(
    bridge: Bridge, way: Way, field: dict[str, Any]
) -> None:
    (name,) = field
    refused = await refusal(bridge, way, body("chat", text="one two three") | field)
    assert (refused.status, refused.param) == (400, name)
    assert "passes on the prompt alone" in refused.message


@each_way
async def test_or_it_is_named_where_the_operator_lets_it_pass(
    standin: Frontend, serve: Serve, way: Way
) -> None:
    models = {"standin": ModelConfig(unsupported="ignore")}
    bridge = await serve(triton=standin.address, models=models)
    told = await tell(bridge, way, body("chat", text="one two three") | {"max_tokens": 1, "temperature": 0.5})
    assert told.texts == ["one two three"]
    assert set(told.ignored.replace(",", " ").split()) == {"max_tokens", "temperature"}


@each_way
async def test_the_bridge_does_what_needs_no_engine(bridge: Bridge, cluster: Cluster, way: Way) -> None:
    tag = f"stop {way} {bridge._config.triton_transport}"
    wanted = body("completion", tag=tag, words=500, delay_ms=5) | {"n": 2, "stop": ["word3"]}
    told = await tell(bridge, way, wanted)
    assert told.texts == ["word0 word1 word2 "] * 2
    assert [choice.finish_reason for choice in told.choices] == ["stop"] * 2
    await event(cluster, tag, "cancelled")
    assert len([found for found in events(cluster, tag) if found["event"] == "request"]) == 2


@each_way
async def test_leaving_stops_the_engine(bridge: Bridge, cluster: Cluster, way: Way) -> None:
    tag = f"leaves {way} {bridge._config.triton_transport}"
    async with asked(bridge, way, body("chat", tag=tag, words=500, delay_ms=5)):
        await event(cluster, tag, "request")
    assert (await event(cluster, tag, "cancelled"))["sent"] < 500


async def test_a_deadline_stops_the_engine(standin: Frontend, cluster: Cluster, serve: Serve) -> None:
    bridge = await serve(triton=standin.address, models={"standin": ModelConfig()}, first_token_timeout=0.2)
    refused = await refusal(bridge, HTTP_STREAM, body("chat", tag="late", hang_at=0))
    assert refused.status == 504
    await event(cluster, "late", "cancelled")


@each_way
@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        ("it broke", 500, "the model failed: Internal: RuntimeError: it broke"),
        ("InvalidArgument: too hot", 400, "the model failed: too hot"),
    ],
)
async def test_what_a_worker_raises_is_told(
    bridge: Bridge, way: Way, error: str, status: int, message: str
) -> None:
    refused = await refusal(bridge, way, body("chat", fail_at=0, error=error))
    assert (refused.status, refused.message) == (status, message)


async def test_what_a_worker_raises_later_ends_the_stream(bridge: Bridge) -> None:
    asked_for = body("chat", text="one two three", fail_at=2, error="it broke", delay_ms=20)
    answer = await ask(bridge.http_port, "POST", CHAT, json=asked_for | {"stream": True})
    events_told = said(answer.body)
    assert answer.status == 200
    assert "it broke" in events_told[-1]["error"]["message"]
    assert events_told[-2]["choices"][0]["delta"]["content"] == " two"


@each_way
async def test_an_unknown_model_is_unknown(bridge: Bridge, way: Way) -> None:
    assert (await refusal(bridge, way, chat(model="nobody"))).status == 404


async def test_a_token_that_begins_the_sequence_stays_for_dynamo_adds_none(
    standin: Frontend, serve: Serve
) -> None:
    models = {"standin": ModelConfig(template=builtin("mistral"))}
    bridge = await serve(triton=standin.address, models=models)
    told = await tell(bridge, HTTP_STREAM, chat("Hi", model="standin"))
    assert told.texts[0].startswith("<s>")


@each_way
async def test_a_tensor_model_gets_what_it_declares(tensors: Frontend, serve: Serve, way: Way) -> None:
    bridge = await serve(triton=tensors.address, models={"tensors": ModelConfig()})
    told = await tell(bridge, way, completion("hello", model="tensors", max_tokens=3))
    assert told.texts == ["5 word0 word1"]
    assert not way.streams or told.choices[0].deltas == ["5", " word0", " word1"]


async def test_a_frontend_may_stand_beside_a_triton(
    standin: Frontend, triton: RunningTriton, serve: Serve
) -> None:
    servers = tuple(Upstream(address=address) for address in (triton.address, standin.address))
    models = {"mine": ModelConfig(triton_model="standin", upstreams=(standin.address,))}
    bridge = await serve(triton=servers, models=models)
    for model in ("mine", "echo_vllm"):
        told = await tell(bridge, HTTP_STREAM, completion(directed(text="one two"), model=model))
        assert told.texts == ["one two"]
