"""Every family on the real Triton: what is served, how its models answer, and what comes of it."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from bridge import check
from bridge.config import Config
from tests.families import told
from tests.raw_http import ask, connected

if TYPE_CHECKING:
    from tests.conftest import Serve
    from tests.raw_http import Answer
    from tests.tritonserver import RunningTriton

CHAT = "/v1/chat/completions"


def chat(model: str, directive: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": told(**directive)}], **fields}


def events(answer: Answer) -> list[Any]:
    """Return the data of the SSE events; the last must be [DONE]."""
    data = [part.removeprefix("data: ") for part in answer.body.decode().split("\n\n") if part]
    assert data.pop() == "[DONE]"
    return [json.loads(line) for line in data]


async def test_check_tells_every_models_family(families: RunningTriton) -> None:
    out = io.StringIO()
    assert await check.run(Config(triton=families.address), out) == 0
    table = out.getvalue().split("\n\n")[0]
    rows = [line.split(maxsplit=3) for line in table.splitlines()[1:]]
    assert {model: (family, decoupled) for model, family, decoupled, _ in rows} == {
        "batched": ("text", "yes"),
        "echo_vllm": ("vllm", "yes"),
        "ensemble": ("trtllm", "yes"),
        "inhouse": ("-", "no"),
        "llmapi": ("llmapi", "yes"),
        "llmapi_nodec": ("llmapi", "no"),
        "mock_llm": ("text", "yes"),
        "plain": ("text", "no"),
        "postprocessing": ("-", "no"),
        "preprocessing": ("-", "no"),
        "tensorrt_llm": ("-", "yes"),
        "text_ensemble": ("text", "yes"),
        "tensorrt_llm_bls": ("trtllm", "yes"),
        "tensorrt_llm_bls_accumulated": ("trtllm", "yes"),
    }


async def test_the_steps_of_an_ensemble_are_not_listed(families: RunningTriton, serve: Serve) -> None:
    bridge = await serve(triton=families.address)
    answer = await ask(bridge.http_port, "GET", "/v1/models")
    listed = {model["id"] for model in answer.json["data"]}
    assert {"ensemble", "tensorrt_llm_bls", "llmapi"} <= listed
    assert listed.isdisjoint({"preprocessing", "tensorrt_llm", "postprocessing"})


@pytest.mark.parametrize(
    ("model", "directive", "status", "message"),
    [
        pytest.param(
            "ensemble",
            {"fail_at": 0, "error": "out of pages"},
            500,
            "the model failed: out of pages",
            id="ensemble",
        ),
        pytest.param(
            "ensemble",
            {
                "fail_at": 0,
                "error": "An error occurred when processing the input values for request id r, "
                "the error was 'beam'",
            },
            400,
            "An error occurred when processing the input values",
            id="the engine refuses an input",
        ),
        pytest.param(
            "tensorrt_llm_bls", {"fail_at": 0, "error": "out of pages"}, 500, "out of pages", id="BLS"
        ),
        pytest.param(
            "llmapi",
            {"fail_at": 0, "error": "Error generating request: out of pages"},
            500,
            "the model failed: Error generating request: out of pages",
            id="llmapi",
        ),
        pytest.param(
            "llmapi", {"finish": "timeout"}, 504, "its own time limit", id="the engine's time limit"
        ),
        pytest.param(
            "llmapi", {"finish": "cancelled"}, 502, "cancelled the answer", id="cancelled elsewhere"
        ),
    ],
)
async def test_a_failure_has_its_status(
    families: RunningTriton, serve: Serve, model: str, directive: dict[str, Any], status: int, message: str
) -> None:
    bridge = await serve(triton=families.address)
    answer = await ask(bridge.http_port, "POST", CHAT, json=chat(model, {"words": 2, **directive}))
    assert answer.status == status
    assert message in answer.error["message"]
    assert "/" not in answer.error["message"]


@pytest.mark.parametrize("model", ["ensemble", "tensorrt_llm_bls", "tensorrt_llm_bls_accumulated", "llmapi"])
async def test_a_failure_in_the_middle_ends_the_stream_with_an_error(
    families: RunningTriton, serve: Serve, model: str
) -> None:
    bridge = await serve(triton=families.address)
    # The pause is for the ensemble: Triton drops what is still in postprocessing when the engine fails.
    failing = {"words": 5, "delay_ms": 250, "fail_at": 2, "error": "out of pages"}
    body = chat(model, failing, stream=True)
    answer = await ask(bridge.http_port, "POST", CHAT, json=body)
    assert answer.status == 200
    role, *texts, error = events(answer)
    assert role["choices"][0]["delta"]["role"] == "assistant"
    assert [chunk["choices"][0]["delta"]["content"] for chunk in texts] == ["word0 ", "word1 "]
    assert "out of pages" in error["error"]["message"]


@pytest.mark.parametrize(
    ("model", "recorder", "key"),
    [
        pytest.param("ensemble", "tensorrt_llm", "seed", id="ensemble"),
        pytest.param("tensorrt_llm_bls", "tensorrt_llm_bls", "seed", id="BLS, one after the other"),
        pytest.param("llmapi", "llmapi", "sampling_param_seed", id="llmapi"),
    ],
)
async def test_choices_are_whole_and_have_seeds_of_their_own(
    families: RunningTriton, serve: Serve, model: str, recorder: str, key: str
) -> None:
    bridge = await serve(triton=families.address)
    tag = f"choices {model}"
    body = chat(model, {"tag": tag, "words": 3, "delay_ms": 2}, n=3, seed=2**63 - 2)
    answer = await ask(bridge.http_port, "POST", CHAT, json=body)
    assert [choice["message"]["content"] for choice in answer.json["choices"]] == ["word0 word1 word2 "] * 3
    asked = [
        event for event in families.events(tag) if (event["event"], event["model"]) == ("request", recorder)
    ]
    assert {event["inputs"][key][0] for event in asked} == {2**63 - 2, 2**63 - 1, 2**63}


async def test_leaving_cancels_llmapi(families: RunningTriton, serve: Serve) -> None:
    bridge = await serve(triton=families.address)
    async with connected(bridge.http_port) as connection:
        body = chat("llmapi", {"tag": "left", "words": 2, "hang_at": 1}, stream=True)
        await connection.send("POST", CHAT, json=body)
        await connection.head()
        connection.leave()
        assert (await families.event("left", "cancelled"))["sent"] == 1


async def test_text_is_whole_although_an_ensemble_cuts_it(families: RunningTriton, serve: Serve) -> None:
    """What each response makes of its own tokens alone nothing can mend."""
    bridge = await serve(triton=families.address)
    wanted = "né 日本 🙂"
    found = {}
    for model in ("tensorrt_llm_bls_accumulated", "llmapi", "ensemble"):
        body = chat(model, {"text": wanted, "cut_bytes": 2})
        answer = await ask(bridge.http_port, "POST", CHAT, json=body)
        found[model] = answer.json["choices"][0]["message"]["content"]
    assert found["tensorrt_llm_bls_accumulated"] == found["llmapi"] == wanted
    assert "\ufffd" in found["ensemble"]
