"""Requests that are more than one plain generation: what reaches the model, when it ends, what is told."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest, Prompt

from bridge.config import Config, ModelConfig
from bridge.errors import BridgeError, Reason
from bridge.handlers.base import Call
from bridge.handlers.completions import completions_handler
from bridge.observability.metrics import Metrics
from bridge.observability.record import RequestRecord
from bridge.wiring import make_backend, make_catalog
from tests.eventually import eventually
from tests.outlets import delivered
from tests.scripted_triton import config, data, empty, error, scripted_triton, sends
from tests.tokenizers import small

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.scripted_triton import Script, ScriptedTriton

WAIT = 5.0
OVERFLOW = "Prompt is longer than the maximum model length of 10: 20"


@asynccontextmanager
async def running(script: Script, **settings: Any) -> AsyncIterator[tuple[ScriptedTriton, Any]]:
    """Return a peer with the model `m`, and the handler of a bridge where it has these settings."""
    async with scripted_triton(script, config("m")) as peer:
        made = Config(triton=peer.address, models={"m": ModelConfig(**settings)})
        backend = make_backend(made)
        catalog = make_catalog(made, backend)
        await catalog.refresh()
        try:
            yield peer, completions_handler(catalog)
        finally:
            await backend.close()


def new_call(metrics: Metrics | None = None) -> Call:
    record = RequestRecord(metrics or Metrics(), door="grpc", endpoint="completions", request_id="r")
    return Call(request_id="r", deadline=asyncio.get_running_loop().time() + WAIT, record=record)


def asks(*prompts: str, **fields: Any) -> CreateCompletionRequest:
    return CreateCompletionRequest(model="m", prompt=[Prompt(text=text) for text in prompts], **fields)


def counted(metrics: Metrics, kind: str) -> float | None:
    return metrics._registry.get_sample_value("openai_bridge_tokens_total", {"model": "m", "kind": kind})


@pytest.mark.parametrize("prompts", ["p", "pq"])
async def test_a_stop_string_ends_the_answer_and_cancels_the_model(prompts: str) -> None:
    async with running(sends(data("a EN"), data("D b"), hangs=True)) as (peer, handler):
        async with asyncio.timeout(WAIT):
            answer = await handler.complete(asks(*prompts, stop=["END"]), new_call())
        await eventually(lambda: all(call.cancelled.is_set() for call in peer.calls))

    assert [choice.text for choice in answer.choices] == ["a "] * len(prompts)
    assert [choice.stop_reason.text for choice in answer.choices] == ["END"] * len(prompts)
    assert len(peer.calls) == len(prompts)


async def test_a_choice_that_has_stopped_leaves_the_others_alone() -> None:
    numbers = count(1)  # of the scripts that begin: calls may all have come before the first does

    async def script(_: Any) -> AsyncIterator[Any]:
        first = next(numbers) == 1
        yield data("a END" if first else "b")
        if first:
            await asyncio.Event().wait()
        yield empty(final=True)

    async with running(script) as (_, handler):
        async with asyncio.timeout(WAIT):
            answer = await handler.complete(asks("p", "q", stop=["END"]), new_call())

    assert sorted(choice.text for choice in answer.choices) == ["a ", "b"]


async def test_what_is_let_pass_is_told_before_the_first_message_and_counted() -> None:
    metrics = Metrics()
    async with running(sends(data("a", final=True)), unsupported="ignore") as (_, handler):
        call = new_call(metrics)
        async with delivered(handler, asks("p", top_k=3, seed=5), call) as batches:
            await anext(batches)
            told = list(call.ignored)

    assert sorted(told) == ["seed", "top_k"]
    found = metrics._registry.get_sample_value("openai_bridge_ignored_fields_total", {"field": "top_k"})
    assert found == 1


async def test_what_is_not_let_pass_reaches_no_model() -> None:
    async with running(sends(data("a", final=True))) as (peer, handler):
        with pytest.raises(BridgeError) as caught:
            await handler.complete(asks("p", top_k=3), new_call())

    assert (caught.value.reason, caught.value.param) == (Reason.UNSUPPORTED_PARAMETER, "top_k")
    assert peer.calls == []


async def test_prompts_alone_ask_no_model_and_count_their_tokens(tmp_path: Path) -> None:
    metrics = Metrics()
    directory = small.write(tmp_path / "tok", small.byte_level())
    settings = {"tokenizer": directory, "as_parameters": ("max_tokens",)}
    async with running(sends(data("a", final=True)), **settings) as (peer, handler):
        call = new_call(metrics)
        answer = await handler.complete(asks("the dog", max_tokens=0, echo=True), call)
        call.record.end()

    assert [choice.text for choice in answer.choices] == ["the dog"]
    assert peer.calls == []
    assert counted(metrics, "prompt") == answer.usage.prompt_tokens > 0


async def test_tokens_are_counted_by_the_tokenizer_where_the_model_counts_none(tmp_path: Path) -> None:
    metrics = Metrics()
    directory = small.write(tmp_path / "tok", small.byte_level())
    async with running(sends(data("the "), data("fox", final=True)), tokenizer=directory) as (_, handler):
        call = new_call(metrics)
        answer = await handler.complete(asks("the dog", n=2), call)
        call.record.end()

    assert answer.usage.completion_tokens > 0
    assert counted(metrics, "completion") == answer.usage.completion_tokens
    assert counted(metrics, "prompt") == answer.usage.prompt_tokens


async def test_a_prompt_that_the_engine_finds_too_long_is_named_as_the_client_knows_it() -> None:
    async with running(sends(error(OVERFLOW))) as (_, handler):
        with pytest.raises(BridgeError) as caught:
            await handler.complete(asks("p"), new_call())

    assert (caught.value.reason, caught.value.param) == (Reason.CONTEXT_LENGTH_EXCEEDED, "prompt")


async def test_the_operators_parameters_reach_triton() -> None:
    settings = {"parameters": {"tier": "gold"}, "defaults": {"seed": 3}, "as_parameters": ("seed",)}
    async with running(sends(data("a", final=True)), **settings) as (peer, handler):
        await handler.complete(asks("p", n=2), new_call())
        requests = [request for call in peer.calls for request in call.requests]

    assert [request.parameters["tier"].string_param for request in requests] == ["gold"] * 2
    assert sorted(request.parameters["seed"].int64_param for request in requests) == [3, 4]
