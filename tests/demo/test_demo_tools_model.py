"""The model `demo-tools` on the real Triton."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.demo.kserve_stream import Reply, call, connected, replies, request
from tests.demo.tool_prompts import TOOLS, calls_in, prompt, user

if TYPE_CHECKING:
    from tests.tritonserver import RunningTriton

ASK = prompt(user("What is the weather in Paris and in São Paulo?"), tools=TOOLS)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FLAGS = {"return_finish_reason": True, "return_num_input_tokens": True, "return_num_output_tokens": True}


async def _stream(triton: RunningTriton, text: str = ASK, **sampling: Any) -> list[Reply]:
    sampling = {"max_tokens": 500} | sampling
    return await replies(triton.address, request("demo-tools", text, sampling, stream=True, **FLAGS))


def _text(received: list[Reply]) -> str:
    return b"".join(reply.text for reply in received).decode()


async def test_calls_are_streamed_token_by_token(triton: RunningTriton) -> None:
    received = await _stream(triton)
    assert calls_in(_text(received)) == [
        ("get_weather", {"city": "Paris"}),
        ("get_weather", {"city": "São Paulo"}),
    ]
    assert len(received) > 40
    assert all(reply.outputs["num_output_tokens"] == [1] for reply in received)
    assert [reply.outputs["finish_reason"] for reply in received[-2:]] == [[b"None"], [b"stop"]]
    assert [reply.final for reply in received[-2:]] == [False, True]


async def test_a_whole_answer_is_the_streamed_one_and_counted_alike(triton: RunningTriton) -> None:
    streamed = await _stream(triton)
    message = request("demo-tools", ASK, {"max_tokens": 500}, exclude_input_in_output=True, **FLAGS)
    (whole,) = await replies(triton.address, message)
    assert whole.text.decode() == _text(streamed)
    assert whole.outputs["num_output_tokens"] == [len(streamed)]
    assert whole.outputs["num_input_tokens"] == streamed[0].outputs["num_input_tokens"]


@pytest.mark.parametrize("key", ["structured_outputs", "guided_decoding"])
async def test_a_schema_is_followed(triton: RunningTriton, key: str) -> None:
    received = await _stream(triton, prompt(user("I live in Oslo")), **{key: json.dumps({"json": SCHEMA})})
    assert json.loads(_text(received)) == {"city": "Oslo"}


async def test_max_tokens_cut_the_answer(triton: RunningTriton) -> None:
    whole, cut = await _stream(triton), await _stream(triton, max_tokens=9)
    assert [reply.text for reply in cut] == [reply.text for reply in whole[:9]]
    assert cut[-1].outputs["finish_reason"] == [b"length"]


async def test_a_stop_string_is_never_shown(triton: RunningTriton) -> None:
    received = await _stream(triton, stop=["arguments"])
    assert _text(received) == '<tool_call>\n{"name": "get_weather", "'


@pytest.mark.parametrize(
    ("sampling", "text"),
    [
        pytest.param({"n": 1}, "'NoneType' object has no attribute 'lora_name'", id="unknown key"),
        pytest.param({"structured_outputs": "{}"}, "structured_outputs must hold exactly one of", id="empty"),
        pytest.param(
            {"structured_outputs": '{"json": {"type": "integer", "minimum": 2, "maximum": 1}}'},
            "structured_outputs.json: this model finds no value that satisfies the schema",
            id="unsatisfiable",
        ),
    ],
)
async def test_what_it_cannot_do_is_an_error(
    triton: RunningTriton, sampling: dict[str, Any], text: str
) -> None:
    (reply,) = await _stream(triton, **sampling)
    assert reply.error.startswith(f"Error generating stream: {text}")
    assert reply.final


async def test_a_cancelled_answer_leaves_the_model_free(triton: RunningTriton) -> None:
    async with connected(triton.address) as stub:
        long = {"max_tokens": 8000, "min_tokens": 7000}
        running = call(stub, request("demo-tools", ASK, long, stream=True))
        await running.read()
        running.cancel()
    assert _text(await _stream(triton)).startswith("<tool_call>")
