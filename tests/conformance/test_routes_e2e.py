"""Names in requests and what they mean: a configuration file with routes, over models of the real Triton."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1 import models_pb2

from tests.configured import serve_file
from tests.doors import WAYS, Way, each_way, refusal, tell
from tests.eventually import eventually
from tests.grpc_client import WAIT, connected, in_flight
from tests.openai_bodies import chat, completion, directed
from tests.raw_http import ask

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

FILE = """
default_model = "short"
serve_unconfigured = false

[models.short]
triton_model = "echo_vllm"
max_tokens = 2
defaults = { temperature = 0.25 }

[models."org/long"]
triton_model = "echo_vllm"
version = "1"
chat_template = "llama3"
strip_bos = false
max_tokens = 7
owned_by = "us"
loras = ["law", "art"]
defaults = { temperature = 0.75, top_k = 4, stop = ["<end>"] }

[models.lawyer]
triton_model = "echo_vllm"
lora = "law"

[models.brief]
triton_model = "batched"
defaults = { stop = ["word3"] }

[models.newest]
triton_model = "inhouse"
tensors = { prompt = "INPUT0", answer = "OUTPUT0", max_tokens = "LENGTH", temperature = "HEAT" }

[models.oldest]
triton_model = "inhouse"
version = "1"
adapter = "text"
tensors = { prompt = "INPUT0", answer = "OUTPUT0" }
as_parameters = ["max_tokens", "temperature", "ignore_eos", "seed"]
parameters = { tier = "gold", depth = 3 }
allowed_parameters = ["tenant", "retries", "fast"]
"""


@pytest.fixture
async def bridge(serve: Serve, families: RunningTriton, tmp_path: Path) -> Bridge:
    return await serve_file(serve, tmp_path, families.address, FILE)


async def received(families: RunningTriton, tag: str) -> dict[str, Any]:
    """Return the inputs of the one request with a tag, with the keys of its sampling parameters."""
    await families.event(tag, "request")
    (event,) = [event for event in families.events(tag) if event["event"] == "request"]
    inputs = {name: value[0] for name, value in event["inputs"].items()}
    parameters = json.loads(event["parameters"] or "{}")
    return {**inputs, **json.loads(inputs.get("sampling_parameters", "{}")), "parameters": parameters}


async def test_only_configured_names_are_listed(bridge: Bridge) -> None:
    names = ["brief", "lawyer", "newest", "oldest", "org/long", "org/long:art", "org/long:law", "short"]
    answer = await ask(bridge.http_port, "GET", "/v1/models")
    assert [model["id"] for model in answer.json["data"]] == names
    async with connected(bridge.grpc_port) as stubs:
        listed = await stubs.models.ListModels(models_pb2.ListModelsRequest(), timeout=WAIT)
    assert [model.id for model in listed.data] == names
    assert [model.owned_by for model in listed.data][4:7] == ["us"] * 3


async def test_an_adapter_names_its_model(bridge: Bridge) -> None:
    answer = await ask(bridge.http_port, "GET", "/v1/models")
    parents = {model["id"]: model.get("parent") for model in answer.json["data"]}
    assert parents == {
        "brief": None,
        "lawyer": "echo_vllm",
        "newest": None,
        "oldest": None,
        "org/long": None,
        "org/long:art": "org/long",
        "org/long:law": "org/long",
        "short": None,
    }
    one = await ask(bridge.http_port, "GET", "/v1/models/org%2Flong:law")
    assert one.json["parent"] == "org/long"


@each_way
async def test_several_names_of_one_model_have_their_own_template_and_defaults(
    bridge: Bridge, families: RunningTriton, way: Way
) -> None:
    found = {}
    for name in ("short", "org/long"):
        tag = f"defaults {name} {way}"
        answer = await tell(bridge, way, chat(directed(tag=tag, words=9), model=name))
        found[name] = await received(families, tag)
        assert answer.model == name
        assert answer.choices[0].finish_reason == "length"
        assert len(answer.texts[0].split()) == found[name]["max_tokens"]
    short, long = found["short"], found["org/long"]
    assert (short["max_tokens"], short["temperature"], "top_k" in short) == (2, 0.25, False)
    assert (long["max_tokens"], long["temperature"], long["top_k"], long["stop"]) == (7, 0.75, 4, ["<end>"])
    assert short["text_input"].startswith("<|im_start|>user\n")
    assert long["text_input"].startswith("<|begin_of_text|><|start_header_id|>user<|end_header_id|>")


@each_way
async def test_a_default_stop_string_is_cut_for_a_model_that_leaves_it_in(bridge: Bridge, way: Way) -> None:
    answer = await tell(bridge, way, chat(directed(words=9), model="brief"))
    assert answer.texts == ["word0 word1 word2 "]
    assert answer.choices[0].stop_reason == "word3"
    own = await tell(bridge, way, chat(directed(words=9), model="brief", stop="word1"))
    assert own.texts == ["word0 "]


@each_way
async def test_a_request_wins_over_the_defaults(bridge: Bridge, families: RunningTriton, way: Way) -> None:
    tag = f"wins {way}"
    own = {"temperature": 0.0, "max_tokens": 3, "stop": ["mine"]}
    await tell(bridge, way, completion(directed(tag=tag, words=9), model="org/long", **own))
    found = await received(families, tag)
    assert {name: found[name] for name in (*own, "top_k")} == own | {"top_k": 4}


@each_way
async def test_a_request_that_names_no_model_gets_the_default(
    bridge: Bridge, families: RunningTriton, way: Way
) -> None:
    tag = f"default {way}"
    body = chat(directed(tag=tag, words=4))
    del body["model"]
    answer = await tell(bridge, way, body)
    assert (answer.model, answer.texts) == ("short", ["word0 word1 "])
    assert (await received(families, tag))["temperature"] == 0.25


@pytest.mark.parametrize("name", ["echo_vllm", "plain", "inhouse", "org/long:none", "short:law", "org/long:"])
async def test_other_names_are_not_found(bridge: Bridge, name: str) -> None:
    for way in WAYS:
        error = await refusal(bridge, way, chat(model=name))
        assert error.status == 404
        assert repr(name) in error.message
    assert (await ask(bridge.http_port, "GET", f"/v1/models/{name}")).status == 404


@pytest.mark.parametrize(
    ("name", "adapter"),
    [("org/long:law", "law"), ("org/long:art", "art"), ("lawyer", "law"), ("org/long", None)],
)
async def test_an_adapter_is_asked_for_by_its_own_name(
    bridge: Bridge, families: RunningTriton, name: str, adapter: str | None
) -> None:
    for way in WAYS:
        tag = f"adapter {name} {way}"
        answer = await tell(bridge, way, chat(directed(tag=tag, words=1), model=name))
        assert answer.model == name
        assert (await received(families, tag)).get("lora_name") == adapter


@each_way
async def test_tensors_may_have_any_names(bridge: Bridge, families: RunningTriton, way: Way) -> None:
    tag = f"names {way}"
    body = completion(directed(tag=tag, words=5), model="newest", max_tokens=2, temperature=0.5)
    answer = await tell(bridge, way, body)
    assert answer.texts == ["v2 word0 word1 "]
    found = await received(families, tag)
    assert (found["LENGTH"], found["HEAT"], found["parameters"]) == (2, 0.5, {})
    refused = await refusal(bridge, way, body | {"ignore_eos": True})
    assert refused.param == "ignore_eos"
    assert "'newest'" in refused.message


@each_way
async def test_a_version_and_fields_as_parameters(bridge: Bridge, families: RunningTriton, way: Way) -> None:
    tag = f"parameters {way}"
    given = {"temperature": 0.5, "ignore_eos": True, "seed": 2**40}
    answer = await tell(bridge, way, completion(directed(tag=tag, words=2), model="oldest", **given))
    assert answer.texts == ["v1 word0 word1 "]
    found = await received(families, tag)
    assert {name for name in found if name.isupper()} == {"INPUT0"}
    assert found["parameters"] == {"tier": "gold", "depth": 3, "max_tokens": 16, **given}


@each_way
async def test_clients_set_the_parameters_that_they_may(
    bridge: Bridge, families: RunningTriton, way: Way
) -> None:
    tag = f"allowed {way}"
    body = completion(directed(tag=tag, words=1), model="oldest")
    given = {"tenant": "a", "retries": 4, "fast": True}
    await tell(bridge, way, body | {"triton_parameters": given})
    parameters = (await received(families, tag))["parameters"]
    assert parameters == {"tier": "gold", "depth": 3, "max_tokens": 16, **given}
    refused = await refusal(bridge, way, body | {"triton_parameters": {"tier": "lead"}})
    assert (refused.status, refused.param) == (400, "triton_parameters.tier")
    assert "'oldest'" in refused.message


async def test_an_urgent_request_overtakes(bridge: Bridge, families: RunningTriton) -> None:
    """The model answers one request at a time: the other two wait in its queue meanwhile."""

    def asked(name: str, **fields: Any) -> asyncio.Task[Any]:
        prompt = directed(tag=f"queue {name}", words=1, first_delay_ms=400 if name == "first" else 0)
        body = completion(prompt, model="newest", **fields)
        return asyncio.create_task(tell(bridge, WAYS[0], body))

    tasks = [asked("first")]
    await families.event("queue first", "request")
    tasks.append(asked("patient", priority=3))
    await eventually(lambda: in_flight(bridge.metrics.text()) == 2)
    tasks.append(asked("urgent", priority=1))
    await asyncio.gather(*tasks)
    times = {
        name: (await families.event(f"queue {name}", "request"))["time"] for name in ("patient", "urgent")
    }
    assert times["urgent"] < times["patient"]


async def test_a_priority_is_refused_where_it_would_have_no_effect(bridge: Bridge) -> None:
    for way in WAYS:
        refused = await refusal(bridge, way, chat(model="short", priority=1))
        assert (refused.status, refused.param) == (400, "priority")
        negative = await refusal(bridge, way, completion(model="newest", priority=-1))
        assert (negative.status, negative.param) == (400, "priority")
