"""Sampling fields at the model: what each family receives, what it refuses, what an operator lets pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import ModelConfig
from tests.doors import WAYS, Way, each_way, refusal, tell
from tests.families import received
from tests.openai_bodies import chat, completion, directed

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton


@pytest.fixture
async def bridge(serve: Serve, families: RunningTriton) -> Bridge:
    """Serve a model of every family without any configuration."""
    return await serve(triton=families.address)


FORWARDED = [
    pytest.param(
        "echo_vllm",
        "echo_vllm",
        {
            "temperature": 0.5,
            "top_p": 0.75,
            "presence_penalty": 0.5,
            "frequency_penalty": -0.5,
            "seed": -7,
            "stop": ["<end>", "<over>"],
            "top_k": 5,
            "min_p": 0.25,
            "repetition_penalty": 1.5,
            "min_tokens": 2,
            "ignore_eos": True,
            "stop_token_ids": [7, 8],
            "bad_words": ["worse"],
            "allowed_token_ids": [9],
            "skip_special_tokens": False,
            "spaces_between_special_tokens": False,
        },
        {},
        id="vllm",
    ),
    pytest.param(
        "ensemble",
        "tensorrt_llm",
        {
            "temperature": 0.5,
            "top_p": 0.75,
            "presence_penalty": 0.5,
            "frequency_penalty": -0.5,
            "seed": -7,
            "top_k": 5,
            "repetition_penalty": 1.5,
            "min_tokens": 2,
        },
        {"top_p": "runtime_top_p", "top_k": "runtime_top_k"},
        id="ensemble",
    ),
    pytest.param(
        "tensorrt_llm_bls",
        "tensorrt_llm_bls",
        {
            "temperature": 0.5,
            "top_p": 0.75,
            "presence_penalty": 0.5,
            "frequency_penalty": -0.5,
            "seed": 2**63 - 1,
            "stop": ["<end>", "<over>"],
            "bad_words": ["worse", "worst"],
            "top_k": 5,
            "repetition_penalty": 1.5,
            "min_tokens": 2,
        },
        {"stop": "stop_words"},
        id="BLS",
    ),
    pytest.param(
        "llmapi",
        "llmapi",
        {
            "temperature": 0.5,
            "top_p": 0.75,
            "presence_penalty": 0.5,
            "frequency_penalty": -0.5,
            "seed": -7,
            "stop": ["<end>", "<over>"],
            "top_k": 5,
        },
        {
            name: f"sampling_param_{name}"
            for name in (
                *("temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty", "seed", "stop"),
            )
        },
        id="llmapi",
    ),
    pytest.param(
        "batched",
        "batched",
        {"temperature": 0.5, "stop": ["<end>", "<over>"]},
        {"stop": "stop_words"},
        id="text",
    ),
]


@pytest.mark.parametrize(("model", "recorder", "fields", "names"), FORWARDED)
@pytest.mark.parametrize("endpoint", [chat, completion])
async def test_sampling_fields_reach_the_model(
    bridge: Bridge,
    families: RunningTriton,
    model: str,
    recorder: str,
    fields: dict[str, Any],
    names: dict[str, str],
    endpoint: Any,
) -> None:
    for way in WAYS:
        tag = f"forwarded {model} {endpoint.__name__} {way}"
        await tell(bridge, way, endpoint(directed(tag=tag, words=1), model=model, max_tokens=9, **fields))
        (event,) = received(families, tag, recorder)
        assert {name: event["inputs"][names.get(name, name)] for name in fields} == {
            name: sent(recorder, name, value) for name, value in fields.items()
        }


def sent(recorder: str, name: str, value: Any) -> list[Any]:
    """Return the flat elements of a field as the model sees them."""
    if name == "seed" and recorder != "echo_vllm":
        return [value % 2**64]
    return value if isinstance(value, list) and recorder != "echo_vllm" else [value]


REFUSED = [
    ("echo_vllm", "cache_salt", "tenant"),
    ("echo_vllm", "priority", 1),
    ("echo_vllm", "triton_parameters", {"tenant": "a"}),
    ("ensemble", "logit_bias", {"7": 1.5}),
    ("ensemble", "min_p", 0.25),
    ("ensemble", "ignore_eos", True),
    ("ensemble", "stop_token_ids", [7]),
    ("tensorrt_llm_bls", "skip_special_tokens", False),
    ("llmapi", "min_tokens", 2),
    ("llmapi", "repetition_penalty", 1.5),
    ("mock_llm", "temperature", 0.5),
    ("mock_llm", "seed", 1),
    ("plain", "top_p", 0.5),
    ("batched", "top_k", 5),
]


@pytest.mark.parametrize(
    ("model", "field", "value"), [pytest.param(*case, id=f"{case[1]} of {case[0]}") for case in REFUSED]
)
async def test_a_field_that_a_model_cannot_carry_is_refused_by_name(
    bridge: Bridge, model: str, field: str, value: Any
) -> None:
    for way in WAYS:
        for endpoint in (chat, completion):
            error = await refusal(bridge, way, endpoint(model=model, **{field: value}))
            assert error.status == 400
            assert error.param == ("triton_parameters.tenant" if field == "triton_parameters" else field)
            assert f"'{model}'" in error.message
            assert f"'{error.param}'" in error.message


@pytest.mark.parametrize("model", ["ensemble", "llmapi", "plain"])
async def test_log_probabilities_are_refused_by_a_model_that_has_none(bridge: Bridge, model: str) -> None:
    for way in WAYS:
        for body in (chat(model=model, logprobs=True), completion(model=model, logprobs=1)):
            error = await refusal(bridge, way, body)
            assert (error.status, error.param) == (400, "logprobs")
            assert f"'{model}'" in error.message


async def test_what_asks_for_nothing_is_never_refused(bridge: Bridge) -> None:
    nothing = {
        "top_p": 1.0,
        "top_k": -1,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "min_tokens": 0,
        "ignore_eos": False,
        "skip_special_tokens": True,
        "priority": 0,
        "n": 1,
    }
    for way in WAYS:
        answer = await tell(bridge, way, chat(directed(text="fine"), model="mock_llm", **nothing))
        assert (answer.texts, answer.ignored) == (["fine"], "")


@each_way
async def test_the_operator_may_let_fields_pass_that_have_no_effect(
    serve: Serve, families: RunningTriton, way: Way
) -> None:
    lenient = await serve(triton=families.address, models={"mock_llm": ModelConfig(unsupported="ignore")})
    body = chat(directed(text="fine"), model="mock_llm", top_k=5, seed=3, logit_bias={"7": 1.0})
    answer = await tell(lenient, way, body)
    assert answer.texts == ["fine"]
    assert sorted(answer.ignored.split(", ")) == ["logit_bias", "seed", "top_k"]
    metrics = lenient.metrics.text().decode()
    assert 'openai_bridge_ignored_fields_total{field="top_k"} 1.0' in metrics
    strict = await refusal(lenient, way, chat(model="plain", top_k=5))
    assert strict.param == "top_k"
