"""The tokenize handler: which model, which thread."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from bridge.errors import BridgeError, Reason
from bridge.handlers.base import Call
from bridge.handlers.catalog import unknown_model
from bridge.handlers.tokenize import TokenizeHandler, no_models
from bridge.observability.metrics import Metrics
from bridge.observability.record import RequestRecord
from bridge.protocol.tokenize import read_detokenize, read_tokenize
from bridge.protocol.tokenizer import LONG_TEXT, Tokenizer
from tests.protocol.models import served
from tests.tokenizers import small

BYTES = Tokenizer(small.source(small.byte_level()))
MODELS = {
    "": served("echo_vllm", small.TEMPLATE, tokenizer=BYTES, max_model_len=64),
    "bare": served("plain"),
}


async def route(name: str) -> Any:
    if name not in MODELS:
        raise unknown_model(name)
    return MODELS[name]


@pytest.fixture
def call() -> Call:
    record = RequestRecord(Metrics(), door="http", endpoint="tokenize", request_id="r1")
    return Call(request_id="r1", deadline=float("inf"), record=record)


async def tokenize(call: Call, **body: Any) -> Any:
    return orjson.loads(await TokenizeHandler(route).tokenize(read_tokenize(body), call))


async def detokenize(call: Call, **body: Any) -> Any:
    return orjson.loads(await TokenizeHandler(route).detokenize(read_detokenize(body), call))


async def test_messages_go_through_the_template_of_the_model(call: Call) -> None:
    answer = await tokenize(call, messages=[{"role": "user", "content": "the dog"}], return_token_strs=True)
    assert answer["max_model_len"] == 64
    assert answer["count"] == len(answer["tokens"]) == len(answer["token_strs"])
    assert answer["token_strs"][:2] == ["<s>", "<|turn|>"]
    assert await detokenize(call, tokens=answer["tokens"]) == {
        "prompt": "<s><|turn|>user\nthe dog</s><|turn|>assistant\n"
    }
    assert call.record.model == "echo_vllm"


@pytest.mark.parametrize("size", [10, LONG_TEXT * 3])
async def test_texts_of_any_length_come_back(call: Call, size: int) -> None:
    text = ("the 🙂 dog, " * size)[:size]
    answer = await tokenize(call, prompt=text, add_special_tokens=False)
    assert await detokenize(call, tokens=answer["tokens"]) == {"prompt": text}


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        pytest.param("bare", Reason.MODEL_NOT_COMPATIBLE, id="no tokenizer"),
        pytest.param("nobody", Reason.MODEL_NOT_FOUND, id="unknown"),
    ],
)
async def test_models_that_cannot_are_refused(call: Call, model: str, reason: Reason) -> None:
    with pytest.raises(BridgeError) as error:
        await tokenize(call, model=model, prompt="x")
    assert error.value.reason is reason
    with pytest.raises(BridgeError) as error:
        await detokenize(call, model=model, tokens=[1])
    assert error.value.reason is reason


async def test_an_upstream_bridge_is_not_asked(call: Call) -> None:
    with pytest.raises(BridgeError) as error:
        await TokenizeHandler(no_models).tokenize(read_tokenize({"prompt": "x"}), call)
    assert error.value.reason is Reason.UNSUPPORTED_OPERATION


async def test_a_long_text_leaves_the_loop_to_others(call: Call) -> None:
    turns = 0
    long = asyncio.create_task(tokenize(call, prompt="the quick brown fox " * 20_000))
    async with asyncio.timeout(30):
        while not long.done():
            turns += 1
            await asyncio.sleep(0)
    assert (await long)["count"] > 20_000
    assert turns > 10, "the event loop stood still"
