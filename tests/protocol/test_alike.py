"""Messages recognised without parsing: never one that says anything else than its text differently."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.protocol import tensors
from bridge.protocol.alike import Alike
from bridge.protocol.kserve import FINAL_RESPONSE, ModelStreamInferResponse


def message(text: str | bytes, *, final: bool = False, text_first: bool = True, **counts: int) -> bytes:
    reply = ModelStreamInferResponse()
    response = reply.infer_response
    response.model_name, response.id = "m", "r:0"
    response.parameters[FINAL_RESPONSE].bool_param = final
    outputs: list[tuple[str, str, Any]] = [("text_output", "BYTES", text)]
    others = [(name, "UINT32", value) for name, value in counts.items()]
    for name, datatype, value in outputs + others if text_first else others + outputs:
        response.outputs.add(name=name, datatype=datatype, shape=[1])
        response.raw_output_contents.append(tensors.pack(datatype, [value]))
    return reply.SerializeToString()


def learnt(raw: bytes) -> Alike:
    alike = Alike("text_output")
    alike.learn(raw, ModelStreamInferResponse.FromString(raw).infer_response)
    return alike


TEXTS = ["", "a", " token", "é", "x" * 120, "x" * 127, "x" * 130, "y" * 5000]


@pytest.mark.parametrize("text_first", [True, False])
@pytest.mark.parametrize("first", TEXTS)
@pytest.mark.parametrize("second", TEXTS)
def test_another_text_is_recognised(first: str, second: str, text_first: bool) -> None:
    alike = learnt(message(first, text_first=text_first, n=1))
    assert alike.text(message(second, text_first=text_first, n=1)) == second.encode()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(message("a", n=2), id="another count"),
        pytest.param(message("a", n=1, final=True), id="the final response"),
        pytest.param(message("a"), id="an output less"),
        pytest.param(message("a", n=1, k=1), id="an output more"),
        pytest.param(ModelStreamInferResponse(error_message="boom").SerializeToString(), id="an error"),
        pytest.param(message("a", n=1) + b"\x0a\x04boom", id="an error behind it"),
        pytest.param(message("a", n=1)[:-1], id="cut off"),
        pytest.param(message("a", n=1) + b"\x00", id="a byte more"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x12", id="a tag alone"),
    ],
)
def test_any_other_difference_is_not(other: bytes) -> None:
    assert learnt(message("b", n=1)).text(other) is None


def test_nothing_is_recognised_before_a_message_was_learnt() -> None:
    assert Alike("text_output").text(message("a")) is None


def test_a_response_without_the_text_teaches_nothing() -> None:
    raw = message("a")
    alike = Alike("other")
    alike.learn(raw, ModelStreamInferResponse.FromString(raw).infer_response)
    assert alike.text(raw) is None


def test_streams_in_which_everything_changes_stop_learning() -> None:
    alike = Alike("text_output")
    for n in range(10):
        raw = message("a", n=n)
        assert alike.text(raw) is None
        alike.learn(raw, ModelStreamInferResponse.FromString(raw).infer_response)
    assert alike.text(message("b", n=9)) is None


def test_a_match_renews_the_patience() -> None:
    alike = Alike("text_output")
    for n in range(10):
        raw = message("a", n=n)
        alike.learn(raw, ModelStreamInferResponse.FromString(raw).infer_response)
        assert alike.text(message("b", n=n)) == b"b"


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param(range(400), id="lengths of one and two bytes"),
        pytest.param(range(16_200, 16_400), id="lengths of two and three bytes"),
    ],
)
def test_a_text_of_any_size_is_recognised(sizes: range) -> None:
    alike = learnt(message("first", n=1))
    assert [len(alike.text(message("x" * size, n=1)) or b"") for size in sizes] == list(sizes)


def test_a_text_too_long_for_what_is_remembered_is_parsed() -> None:
    assert learnt(message("first", n=1)).text(message("x" * 2**21, n=1)) is None


@given(first=st.binary(max_size=300), second=st.binary(max_size=300), noise=st.data())
def test_what_is_recognised_parses_to_the_same(first: bytes, second: bytes, noise: st.DataObject) -> None:
    alike = learnt(message(first, n=1))
    raw = bytearray(message(second, n=1))
    for _ in range(noise.draw(st.integers(0, 2))):
        raw[noise.draw(st.integers(0, len(raw) - 1))] = noise.draw(st.integers(0, 255))
    text = alike.text(bytes(raw))
    if text is None:
        return
    parsed = ModelStreamInferResponse.FromString(bytes(raw)).infer_response
    expected = ModelStreamInferResponse.FromString(message(text, n=1)).infer_response
    assert parsed == expected
