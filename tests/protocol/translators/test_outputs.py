"""Outputs are read by name and by the datatype of the response itself."""

from __future__ import annotations

import pytest
from openai_bridge.v1.common_pb2 import (
    FINISH_REASON_CONTENT_FILTER,
    FINISH_REASON_LENGTH,
    FINISH_REASON_STOP,
)

from bridge.errors import BridgeError, Reason
from bridge.protocol.tensors import pack
from bridge.protocol.translators.outputs import (
    CUT_SHORT,
    count,
    finish_reason,
    joined_bytes,
    number,
    outputs,
)
from tests.protocol.models import says


def test_outputs_are_found_by_name() -> None:
    found = outputs(says("hi", num_output_tokens=3))
    assert found == {
        "text_output": ("BYTES", b"\x02\0\0\0hi"),
        "num_output_tokens": ("UINT32", b"\x03\0\0\0"),
    }


def test_an_output_without_contents_is_a_contract_failure() -> None:
    response = says("hi", num_output_tokens=3)
    del response.raw_output_contents[1]
    with pytest.raises(BridgeError) as caught:
        outputs(response)
    assert caught.value.reason is Reason.BACKEND_CONTRACT


@pytest.mark.parametrize("values", [[], [b""], [b"a"], [b"a", b"", b"bc"], [b"\x00" * 4], [b"", b""]])
def test_the_elements_of_an_output_are_joined(values: list[bytes]) -> None:
    assert joined_bytes("x", ("BYTES", pack("BYTES", values))) == b"".join(values)


def test_an_absent_output_is_no_bytes_and_no_count() -> None:
    assert joined_bytes("x", None) == b""
    assert count(None) is None


def test_numbers_where_text_is_expected_are_a_contract_failure() -> None:
    with pytest.raises(BridgeError) as caught:
        joined_bytes("text_output", ("INT32", b"\x01\0\0\0"))
    assert caught.value.reason is Reason.BACKEND_CONTRACT
    assert "'text_output'" in caught.value.message


@pytest.mark.parametrize(
    ("datatype", "values", "total"),
    [
        pytest.param("UINT32", [3], 3, id="a number"),
        pytest.param("INT32", [1, 2], 3, id="one per beam"),
        pytest.param("UINT32", [], 0, id="empty"),
        pytest.param("BYTES", ["7"], 7, id="text"),
        pytest.param("FP32", [2.0], 2, id="a float"),
    ],
)
def test_a_count_is_the_sum(datatype: str, values: list[float], total: int) -> None:
    assert count((datatype, pack(datatype, values))) == total


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        pytest.param("FP32", float("nan"), id="no number"),
        pytest.param("FP32", float("inf"), id="infinite"),
        pytest.param("INT32", -1, id="negative"),
        pytest.param("INT64", 2**31, id="too large"),
    ],
)
def test_what_is_no_count_is_a_contract_failure(datatype: str, value: float) -> None:
    with pytest.raises(BridgeError) as caught:
        count((datatype, pack(datatype, [value])))
    assert caught.value.reason is Reason.BACKEND_CONTRACT


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (b"", None),
        (b"None", None),
        (b"stop", FINISH_REASON_STOP),
        (b"length", FINISH_REASON_LENGTH),
        (b"content_filter", FINISH_REASON_CONTENT_FILTER),
        (b"\xff", FINISH_REASON_STOP),
    ],
)
def test_a_word_for_the_end_becomes_a_reason(word: bytes, reason: int | None) -> None:
    assert finish_reason(word) == reason


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (b"abort", Reason.RESPONSE_TRUNCATED),
        (b"cancelled", Reason.RESPONSE_TRUNCATED),
        (b"timeout", Reason.TIMEOUT),
    ],
)
def test_a_word_for_an_answer_that_was_cut_short_is_a_failure(word: bytes, reason: Reason) -> None:
    assert {word.decode() for word in (b"abort", b"cancelled", b"timeout")} == set(CUT_SHORT)
    with pytest.raises(BridgeError) as caught:
        finish_reason(word)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("output", "value"),
    [
        pytest.param(None, None, id="absent"),
        pytest.param(("FP32", b""), None, id="empty"),
        pytest.param(("FP32", pack("FP32", [-1.5])), -1.5, id="a number"),
        pytest.param(("FP32", pack("FP32", [-1.5, -2.5])), -2.5, id="the last of several"),
        pytest.param(("BYTES", pack("BYTES", ["-0.25"])), -0.25, id="text, as llmapi sends it"),
    ],
)
def test_a_number_is_the_last_element(output: tuple[str, bytes] | None, value: float | None) -> None:
    assert number(output) == value


def test_what_is_no_number_is_a_contract_failure() -> None:
    with pytest.raises(BridgeError) as caught:
        number(("BYTES", pack("BYTES", ["x"])))
    assert caught.value.reason is Reason.BACKEND_CONTRACT
