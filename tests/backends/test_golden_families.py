"""Every family end to end: an OpenAI request, the tensors that its model received, what the client got.

A case is a directory of tests/golden/families with `request.json`. `tensors.json` holds what the stand-ins
recorded on the real Triton, by model; `answer.json` the status and the body, `chunks.jsonl` the SSE events.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.golden_files import golden
from tests.raw_http import ask

if TYPE_CHECKING:
    from tests.conftest import Serve
    from tests.raw_http import Answer
    from tests.tritonserver import RunningTriton

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "families"
CASES: Final = sorted(path.parent.relative_to(GOLDEN).as_posix() for path in GOLDEN.glob("*/*/request.json"))
STEPS: Final = {"ensemble": ("preprocessing", "tensorrt_llm")}
"""Models that record in place of one that is not a Python model."""
DERIVED: Final = {"input_ids", "input_lengths", "bad_words_list", "stop_words_list", "end_id", "pad_id"}
"""Inputs of the engine that preprocessing made of its own inputs."""


@pytest.mark.parametrize("case", CASES)
async def test_a_request_becomes_these_tensors_and_these_chunks(
    families: RunningTriton, serve: Serve, case: str
) -> None:
    bridge = await serve(triton=families.address)
    request = json.loads((GOLDEN / case / "request.json").read_text())
    path = "/v1/chat/completions" if "messages" in request else "/v1/completions"
    answer = await ask(bridge.http_port, "POST", path, json=request)
    golden(GOLDEN / case / "tensors.json", _pretty(_received(families, request["model"], case)))
    if answer.head.headers["content-type"].startswith("text/event-stream"):
        golden(GOLDEN / case / "chunks.jsonl", "".join(f"{line}\n" for line in _events(answer)))
    else:
        body = _constant(answer.json)
        golden(GOLDEN / case / "answer.json", _pretty({"status": answer.status, "body": body}))


def _received(families: RunningTriton, model: str, case: str) -> dict[str, Any]:
    """Return the inputs that each model got, without what one made for the next."""
    models = STEPS.get(model, (model,))
    requests = [event for event in families.events(case) if event["event"] == "request"]
    return {
        event["model"]: {key: value for key, value in event["inputs"].items() if key not in DERIVED}
        for event in requests
        if event["model"] in models
    }


def _events(answer: Answer) -> list[str]:
    """Return the data of the SSE events, in order, with constant ids and times."""
    blocks = answer.body.decode().split("\n\n")
    lines = [block.removeprefix("data: ") for block in blocks if block.startswith("data: ")]
    return [line if line == "[DONE]" else _compact(_constant(json.loads(line))) for line in lines]


def _constant(body: dict[str, Any]) -> dict[str, Any]:
    """Return a message with what differs from run to run replaced."""
    return body | {key: constant for key, constant in (("id", "ID"), ("created", 0)) if key in body}


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
