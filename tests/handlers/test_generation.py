"""One request through its handler: the stream, its sum, and what a failure tells of the model."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest, Prompt

from bridge.config import Config
from bridge.errors import BridgeError, Reason
from bridge.handlers.base import Call
from bridge.handlers.completions import completions_handler
from bridge.observability.metrics import Metrics
from bridge.observability.record import RequestRecord
from bridge.wiring import make_backend, make_catalog
from tests.eventually import eventually
from tests.outlets import delivered
from tests.scripted_triton import config, data, empty, error, scripted_triton, sends

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.handlers.catalog import Catalog
    from tests.scripted_triton import Script, ScriptedTriton

WAIT = 5.0


@dataclass(frozen=True, slots=True)
class Setting:
    """A handler over a scripted Triton."""

    peer: ScriptedTriton
    catalog: Catalog
    handler: Any

    def call(self) -> Call:
        record = RequestRecord(Metrics(), door="grpc", endpoint="completions", request_id="r")
        deadline = asyncio.get_running_loop().time() + WAIT
        return Call(request_id="r", deadline=deadline, record=record)


@asynccontextmanager
async def running(script: Script, **settings: Any) -> AsyncIterator[Setting]:
    async with scripted_triton(script, config("m")) as peer:
        made = Config(triton=peer.address, **settings)
        backend = make_backend(made)
        catalog = make_catalog(made, backend)
        await catalog.refresh()
        peer.asked.clear()
        try:
            yield Setting(peer, catalog, completions_handler(catalog))
        finally:
            await backend.close()


def asks(*prompts: str, **fields: Any) -> CreateCompletionRequest:
    return CreateCompletionRequest(model="m", prompt=[Prompt(text=text) for text in prompts], **fields)


async def streamed(setting: Setting, request: CreateCompletionRequest) -> list[tuple[int, str, int]]:
    """Return (index, text, finish reason) of every message."""
    said = []
    async with delivered(setting.handler, request, setting.call()) as batches:
        async for batch in batches:
            said += [
                (choice.index, choice.text, choice.finish_reason)
                for message in batch
                for choice in message.choices
            ]
    return said


async def test_a_stream_is_what_the_model_says_then_its_end() -> None:
    async with running(sends(data("a"), data("b"), empty(final=True))) as setting:
        said = await streamed(setting, asks("p"))

    assert [(index, text) for index, text, _ in said] == [(0, "a"), (0, "b"), (0, "")]
    assert [bool(reason) for *_, reason in said] == [False, False, True]


@pytest.mark.parametrize("prompts", [1, 3])
async def test_the_whole_answer_is_the_sum_of_the_stream(prompts: int) -> None:
    request = asks(*"pqr"[:prompts])
    async with running(sends(data("a"), data("b"), empty(final=True))) as setting:
        said = await streamed(setting, request)
        answer = await setting.handler.complete(request, setting.call())

    for choice in answer.choices:
        assert choice.text == "".join(text for index, text, _ in said if index == choice.index) == "ab"
        assert choice.finish_reason == max(reason for index, _, reason in said if index == choice.index)


async def test_every_choice_is_a_call_of_its_own_with_an_id_of_its_own() -> None:
    async with running(sends(data("a", final=True))) as setting:
        await setting.handler.complete(asks("p", "q", n=2), setting.call())
        requests = [request for call in setting.peer.calls for request in call.requests]

    assert len(requests) == 4
    assert len({request.id for request in requests}) == 4
    assert all(request.id.startswith("r:") for request in requests)


async def test_a_finished_choice_ends_before_the_others() -> None:
    numbers = count(1)  # of the scripts that begin: calls may all have come before the first does

    async def script(context: Any) -> AsyncIterator[Any]:
        mine = next(numbers)
        yield data(f"{mine}")
        if mine == 2:
            await first_ended.wait()

    first_ended = asyncio.Event()
    async with (
        running(script) as setting,
        delivered(setting.handler, asks("p", "q"), setting.call()) as batches,
    ):
        async with asyncio.timeout(WAIT):
            ended = []
            async for batch in batches:
                for message in batch:
                    ended += [choice.index for choice in message.choices if choice.finish_reason]
                    if ended:
                        first_ended.set()

    assert sorted(ended) == [0, 1]


@pytest.mark.parametrize("prompts", [1, 3])
async def test_closing_early_cancels_every_call(prompts: int) -> None:
    async with running(sends(data("a"), hangs=True)) as setting:
        async with delivered(setting.handler, asks(*"pqr"[:prompts]), setting.call()) as batches:
            assert await anext(batches)
            await eventually(lambda: len(setting.peer.calls) == prompts)
        await eventually(lambda: all(call.cancelled.is_set() for call in setting.peer.calls))


async def test_a_failing_choice_cancels_the_others() -> None:
    numbers = count(1)

    async def script(context: Any) -> AsyncIterator[Any]:
        if next(numbers) == 3:
            yield error("boom")
            return
        yield data("a")
        await asyncio.Event().wait()

    async with running(script) as setting:
        with pytest.raises(BridgeError, match="boom"):
            await setting.handler.complete(asks("p", "q", "r"), setting.call())
        await eventually(lambda: sum(call.cancelled.is_set() for call in setting.peer.calls) == 2)


@pytest.mark.parametrize("prompts", [1, 2])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("expected number of inputs between 2", Reason.BACKEND_CONTRACT, id="other tensors"),
        pytest.param("Request for unknown model: 'm' is not found", Reason.MODEL_NOT_FOUND, id="gone"),
    ],
)
async def test_a_model_that_is_not_what_it_was_is_looked_at_again(
    text: str, reason: Reason, prompts: int
) -> None:
    async with running(sends(error(text))) as setting:
        before = setting.catalog.found["m"].signature
        setting.peer.models["m"] = config("m", "NEW_INPUT")
        with pytest.raises(BridgeError) as caught:
            await setting.handler.complete(asks(*"pq"[:prompts]), setting.call())
        after = setting.catalog.found["m"].signature

        assert caught.value.reason is reason
        assert setting.peer.asked == ["RepositoryIndex", "m"]
        assert "NEW_INPUT" in after.inputs
        assert "NEW_INPUT" not in before.inputs


@pytest.mark.parametrize("transport", ["native", "grpcio"])
@pytest.mark.parametrize("prompts", [1, 2])
async def test_a_model_that_ends_with_the_stop_string_is_not_cancelled(transport: str, prompts: int) -> None:
    answered = asyncio.Event()

    async def script(_: Any) -> AsyncIterator[Any]:
        yield data("a END")
        await answered.wait()
        yield empty(final=True)

    async with running(script, triton_transport=transport) as setting:
        request = asks(*"pq"[:prompts], stop=["END"])
        async with asyncio.timeout(WAIT):
            answer = await setting.handler.complete(request, setting.call())
        answered.set()
        await eventually(lambda: all(call.ended for call in setting.peer.calls))

    assert {choice.text for choice in answer.choices} == {"a "}
    assert not any(call.cancelled.is_set() for call in setting.peer.calls)


async def test_a_model_that_was_unloaded_is_not_found_from_the_first_request_on() -> None:
    async with running(sends(error("Request for unknown model: 'm' has no available versions"))) as setting:
        del setting.peer.models["m"]
        for _ in range(2):
            with pytest.raises(BridgeError) as caught:
                await setting.handler.complete(asks("p"), setting.call())
            assert caught.value.reason is Reason.MODEL_NOT_FOUND
        assert len(setting.peer.calls) == 1


async def test_a_failure_of_the_model_alone_does_not_ask_triton() -> None:
    async with running(sends(error("out of memory"))) as setting:
        with pytest.raises(BridgeError):
            await setting.handler.complete(asks("p"), setting.call())
        assert setting.peer.asked == []


async def test_a_bad_request_reaches_no_model() -> None:
    async with running(sends(data("a", final=True))) as setting:
        with pytest.raises(BridgeError) as caught:
            await setting.handler.complete(asks("p", n=0), setting.call())
        assert caught.value.param == "n"
        assert setting.peer.calls == []


async def test_closing_the_backend_fails_every_choice_of_a_request() -> None:
    async with running(sends(data("a"), hangs=True)) as setting:
        answering = asyncio.create_task(setting.handler.complete(asks("p", "q"), setting.call()))
        await eventually(lambda: len(setting.peer.calls) == 2)
        await setting.catalog.backend.close()
        with pytest.raises(BridgeError) as caught:
            async with asyncio.timeout(WAIT):
                await answering

    assert caught.value.reason is Reason.SHUTTING_DOWN
