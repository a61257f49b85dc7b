"""The stand-ins that other tests steer, on the real Triton."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.demo.kserve_stream import call, connected, replies, request

if TYPE_CHECKING:
    from tests.tritonserver import RunningTriton


def _directed(**directive: Any) -> str:
    return f"one two @@{json.dumps(directive)}"


def _echo(prompt: str, sampling: dict[str, Any] | None = None) -> Any:
    return request("echo_vllm", prompt, sampling, stream=True, return_finish_reason=True)


async def test_five_hundred_words_cut_inside_characters_arrive_whole(triton: RunningTriton) -> None:
    text = " ".join(f"wörd{number}日本🙂" for number in range(500))
    prompt = _directed(text=text, cut_bytes=7)
    received = await replies(triton.address, _echo(prompt, {"max_tokens": 5000}))
    pieces = [reply.text for reply in received]
    assert b"".join(pieces).decode() == text
    assert any(_is_cut(piece) for piece in pieces)


async def test_a_cancellation_is_recorded_soon(triton: RunningTriton) -> None:
    async with connected(triton.address) as stub:
        running = call(stub, _echo(_directed(tag="gone", words=2, hang_at=1)))
        await running.read()
        cancelled_at = time.monotonic()
        running.cancel()
        event = await triton.event("gone", "cancelled")
    assert event["time"] - cancelled_at < 1.0
    assert event["sent"] == 1


async def test_what_was_received_is_recorded(triton: RunningTriton) -> None:
    prompt = _directed(tag="seen")
    await replies(triton.address, _echo(prompt, {"max_tokens": 3}))
    event = await triton.event("seen", "request")
    assert event["inputs"]["text_input"] == [prompt]
    assert json.loads(event["inputs"]["sampling_parameters"][0]) == {"max_tokens": 3}
    assert (await triton.event("seen", "done"))["sent"] == 2


@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        pytest.param({}, [("one", False), (" two ", True)], id="final on the last data"),
        pytest.param(
            {"final": "separate"}, [("one", False), (" two ", False), ("", True)], id="final by itself"
        ),
        pytest.param({"final": "never"}, [("one", False), (" two ", False)], id="no final"),
        pytest.param({"fail_at": 1, "error": "bad"}, [("one", False), ("bad", True)], id="error"),
        pytest.param(
            {"fail_at": 0, "error": "bad", "error_final": False},
            [("bad", False), ("", True)],
            id="error before the final flag",
        ),
        pytest.param({"pieces": []}, [("", True)], id="nothing"),
        pytest.param({"pieces": ["a", "b"]}, [("a", False), ("b", True)], id="given pieces"),
    ],
)
async def test_a_stream_goes_as_directed(
    triton: RunningTriton, directive: dict[str, Any], expected: list[tuple[str, bool]]
) -> None:
    async with connected(triton.address) as stub:
        stream = call(stub, _echo(_directed(**directive)))
        received = [await stream.read() for _ in expected]
        stream.cancel()
    seen = [
        (message.error_message or _text(message), message.infer_response.parameters["triton_final_response"])
        for message in received
    ]
    assert [(text, final.bool_param) for text, final in seen] == expected


async def test_max_tokens_cut_the_echo(triton: RunningTriton) -> None:
    received = await replies(triton.address, _echo(_directed(words=9), {"max_tokens": 4}))
    assert b"".join(reply.text for reply in received) == b"word0 word1 word2 word3 "
    assert received[-1].outputs["finish_reason"] == [b"length"]


async def test_the_plain_model_answers_once(triton: RunningTriton) -> None:
    (reply,) = await replies(triton.address, request("plain", "one two three", max_tokens=2))
    assert (reply.text, reply.final) == (b"one two", True)


def _text(message: Any) -> str:
    return b"".join(content[4:] for content in message.infer_response.raw_output_contents[:1]).decode()


def _is_cut(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return True
    return False
