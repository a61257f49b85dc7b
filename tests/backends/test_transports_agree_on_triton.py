"""Both transports bring the same responses of a real Triton, and cancel the same way."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from bridge.backends.triton import TritonBackend
from bridge.backends.triton_native import NativeTritonBackend
from bridge.errors import BridgeError, Reason
from tests.demo.kserve_stream import request
from tests.two_transports import EITHER, WAIT, Outcome, alike, outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.protocol import kserve
    from tests.tritonserver import RunningTriton

SHORT = 0.3
"""A limit in seconds that a test waits for."""

LONG = "x" * 3_000_000
"""More than any flow-control window holds at first."""


def whole(response: kserve.ModelInferResponse) -> str:
    """Return all of a response, comparable."""
    return response.SerializeToString(deterministic=True).hex()


def directed(**directive: Any) -> str:
    return f"one two three @@{json.dumps(directive)}"


def vllm(prompt: str, **sampling: Any) -> Any:
    return request("echo_vllm", prompt, sampling, stream=True, return_finish_reason=True)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        pytest.param(vllm("one two three"), None, id="a short answer"),
        pytest.param(vllm(directed(words=500), max_tokens=500), None, id="500 responses at once"),
        pytest.param(
            vllm(directed(text="日本🙂" * 99, cut_bytes=5), max_tokens=9999), None, id="cut in characters"
        ),
        pytest.param(vllm(directed(final="separate")), None, id="the final flag by itself"),
        pytest.param(vllm(LONG), None, id="a long prompt and a long answer"),
        pytest.param(request("plain", "one two"), None, id="a model that is not decoupled"),
        pytest.param(request("silent", "one"), Reason.RESPONSE_TRUNCATED, id="no data at all"),
        pytest.param(request("nobody", "one"), Reason.MODEL_NOT_FOUND, id="an unknown model"),
        pytest.param(request("plain", "one", x=True), Reason.BACKEND_CONTRACT, id="an undeclared input"),
        pytest.param(vllm("one", no_such_key=1), Reason.INVALID_VALUE, id="a refused sampling parameter"),
        pytest.param(vllm(directed(fail_at=0, error="no")), Reason.BACKEND_ERROR, id="an error at once"),
        pytest.param(vllm(directed(fail_at=2, error="no")), Reason.BACKEND_ERROR, id="an error after two"),
        pytest.param(
            vllm(directed(fail_at=1, error="no", error_final=False)),
            Reason.BACKEND_ERROR,
            id="an error, then final",
        ),
        pytest.param(vllm(directed(hang_at=2)), Reason.TIMEOUT, id="silence after two"),
        pytest.param(request("dropper", "one"), Reason.TIMEOUT, id="silence from the start"),
    ],
)
async def test_the_same_responses_and_the_same_end(
    triton: RunningTriton, message: Any, reason: Reason | None
) -> None:
    seen: list[Outcome] = []
    for transport in (TritonBackend, NativeTritonBackend):
        backend = transport(triton.address, first_token_timeout=5 * SHORT, token_timeout=SHORT)
        seen.append(await outcome(backend, message, read=whole))
        await backend.close()

    assert alike(seen[0]) == alike(seen[1])
    assert seen[0].message == seen[1].message
    assert seen[1].reason is reason


@pytest.fixture
async def backend(triton: RunningTriton, transport: Any) -> AsyncIterator[Any]:
    opened = transport(triton.address)
    yield opened
    await opened.close()


@EITHER
async def test_many_generations_at_once_keep_their_texts_apart(backend: Any) -> None:
    prompts = [directed(delay_ms=1, text=f"{number} " * 40) for number in range(64)]
    results = await asyncio.gather(*(outcome(backend, vllm(item, max_tokens=40)) for item in prompts))

    texts = ["".join(result.texts).split() for result in results]
    assert texts == [[str(number)] * 40 for number in range(64)]


@EITHER
async def test_leaving_cancels_the_generation_in_the_model(
    triton: RunningTriton, backend: Any, request: pytest.FixtureRequest
) -> None:
    tag = request.node.name
    deadline = asyncio.get_running_loop().time() + WAIT
    message = vllm(directed(tag=tag, words=1000, delay_ms=20), max_tokens=1000)
    async with aclosing(backend.stream(message, model="m", deadline=deadline)) as batches:
        await anext(batches)

    assert (await triton.event(tag, "cancelled"))["sent"] < 100


@EITHER
async def test_questions_about_models_have_the_same_answers(backend: Any, triton: RunningTriton) -> None:
    ready, signature = await backend.ready_models(), await backend.signature("echo_vllm")

    assert ready["echo_vllm"] == "1"
    assert signature.decoupled
    assert "sampling_parameters" in signature.inputs


@EITHER
@pytest.mark.parametrize("question", ["signature", "load_model"])
async def test_a_question_about_an_unknown_model_fails(backend: Any, question: str) -> None:
    with pytest.raises(BridgeError) as caught:
        await getattr(backend, question)("nobody")

    assert caught.value.reason is Reason.MODEL_NOT_FOUND


@EITHER
async def test_a_model_is_unloaded_and_loaded(backend: Any) -> None:
    await backend.unload_model("identity")
    assert "identity" not in await backend.ready_models()
    await backend.load_model("identity")
    assert "identity" in await backend.ready_models()
