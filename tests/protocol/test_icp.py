"""The envelope: what is packed is what is read, and nothing may be missing in between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BridgeError, Reason
from bridge.protocol import icp, kserve
from bridge.protocol.icp_answer import Answer, request_id_of
from bridge.protocol.icp_subjects import Subjects, token

OPENING = icp.Opening(
    request_id="r-1", inbox="_INBOX_icp.f.1", component_id="f", credit=7, batch=4, texts=True, stop=b""
)


def request() -> kserve.ModelInferRequest:
    made = kserve.ModelInferRequest(model_name="m", raw_input_contents=[b"text"])
    made.parameters["priority"].int64_param = 3
    return made


def response(text: str) -> kserve.ModelInferResponse:
    made = kserve.ModelInferResponse(model_name="m")
    made.outputs.add(name="text_output", datatype="BYTES", shape=[1])
    encoded = text.encode()
    made.raw_output_contents.append(len(encoded).to_bytes(4, "little") + encoded)
    return made


def texts(messages: list[kserve.ModelInferResponse]) -> list[str]:
    return [message.raw_output_contents[0][4:].decode() for message in messages]


def accepted(batch: int = 4) -> Answer:
    opening = icp.Opening(request_id="r-1", inbox="_INBOX_icp.f.1", component_id="f", batch=batch)
    answer = Answer("m")
    assert answer.take(icp.acceptance(opening, "w")) == ([], None)
    assert answer.component_id == "w"
    return answer


def test_a_request_arrives_as_it_was_without_our_parameters() -> None:
    sent = request()
    read, opening = icp.unpack_request(icp.pack_request(sent, OPENING))
    assert (read, opening) == (request(), OPENING)
    assert sent == request(), "the message of the caller was changed"


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        pytest.param("icp_request_id", "", "lacks", id="no id"),
        pytest.param("icp_request_id", "a.b", "token", id="an id of two tokens"),
        pytest.param("icp_component_id", "*", "token", id="a wildcard"),
        pytest.param("icp_response_to_uri", "", "lacks", id="no inbox"),
        pytest.param("icp_credit", 0, "range", id="no credit"),
        pytest.param("icp_credit", 1 << 40, "range", id="endless credit"),
        pytest.param("icp_batch", -1, "range", id="a negative batch"),
        pytest.param("icp_stop", "?", "base64", id="a stop request that is no base64"),
        pytest.param("icp_stop", "/w==", "no ModelInferRequest", id="a stop request that is none"),
    ],
)
def test_a_malformed_envelope_is_refused_with_its_fault(key: str, value: str | int, why: str) -> None:
    message = kserve.ModelInferRequest.FromString(icp.pack_request(request(), OPENING))
    parameter = message.parameters[key]
    if isinstance(value, int):
        parameter.int64_param = value
    else:
        parameter.string_param = value
    with pytest.raises(BridgeError, match=why) as caught:
        icp.unpack_request(message.SerializeToString())
    assert caught.value.reason is Reason.INVALID_MESSAGE


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_refused(data: bytes) -> None:
    try:
        icp.unpack_request(data)
    except BridgeError as exc:
        assert exc.reason is Reason.INVALID_MESSAGE  # noqa: PT017 - most are refused, some might not be


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_response_or_an_error(data: bytes, begun: bool) -> None:
    answer = accepted() if begun else Answer("m")
    try:
        answer.take(data)
    except BridgeError as exc:
        assert exc.reason in {Reason.BACKEND_ERROR, Reason.BACKEND_UNAVAILABLE}  # noqa: PT017 - as above


@pytest.mark.parametrize("reason", list(Reason))
def test_an_error_keeps_its_reason_and_its_field(reason: Reason) -> None:
    sent = BridgeError(reason, "a sentence", param="messages", retry=False)
    _, end = Answer("m").take(icp.final("r-1", sent))
    assert end is not None
    assert end.error is not None
    assert (end.error.reason, end.error.message, end.error.param, end.error.retry) == (
        reason,
        "a sentence",
        "messages",
        False,
    )


def test_an_error_of_a_worker_that_knows_no_status_goes_by_its_code() -> None:
    message = kserve.ModelInferResponse.FromString(icp.final("r-1"))
    message.parameters["icp_response_error"].string_param = "full"
    message.parameters["icp_response_code"].string_param = "UNAVAILABLE"
    _, end = Answer("m").take(message.SerializeToString())
    assert end is not None
    assert end.error is not None
    assert (end.error.reason, end.error.message) == (Reason.BACKEND_UNAVAILABLE, "full")


def test_an_acceptance_that_comes_too_late_tells_whom_to_cancel() -> None:
    assert request_id_of(icp.acceptance(OPENING, "w")) == ("r-1", "w")
    assert request_id_of(b"\xff") == ("", "")


@given(st.lists(st.text(min_size=1, max_size=20), min_size=2, max_size=2, unique=True))
def test_names_become_tokens_of_their_own(names: list[str]) -> None:
    one, other = map(token, names)
    assert one != other
    assert not set(one) & set(".*> \t\r\n")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(Subjects("icp").operator("llama-3.1", ""), "icp.op.llama-3%2E1.-", id="latest"),
        pytest.param(Subjects("t").operator("a/b", "2"), "t.op.a%2Fb.2", id="a version"),
        pytest.param(Subjects("icp").directed("m", "", "w1"), "icp.op.m.-.w1", id="directed"),
        pytest.param(Subjects("icp").control("w1"), "icp.ctl.w1.-", id="the worker itself"),
        pytest.param(Subjects("icp").inbox("f1"), "_INBOX_icp.f1", id="inbox"),
    ],
)
def test_subjects_are_as_written_down(made: str, expected: str) -> None:
    assert made == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("1500m", 1.5, id="milliseconds"),
        pytest.param("2S", 2.0, id="seconds"),
        pytest.param("1M", 60.0, id="minutes"),
        pytest.param("99999999H", 99999999 * 3600.0, id="the longest"),
    ],
)
def test_a_timeout_is_read_as_grpc_spells_it(text: str, seconds: float) -> None:
    assert icp.seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "m", "5", "-5m", "123456789m", "5x"])
def test_what_is_no_timeout_is_refused(text: str) -> None:
    with pytest.raises(BridgeError, match="grpc-timeout"):
        icp.seconds_of(text)
