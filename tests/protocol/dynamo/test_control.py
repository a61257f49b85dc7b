"""Where an answer goes is read from the request; what does not follow Dynamo 1.6.1 is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BridgeError, Reason
from bridge.protocol.dynamo.control import Opening, is_cancel, read_opening

INFO = {"address": "10.0.0.1:4000", "subject": "s-1", "context": "r-1", "stream_type": "response"}
CONTROL: dict[str, Any] = {
    "id": "r-1",
    "request_type": "single_in",
    "response_type": "many_out",
    "payload_codec": "json",
    "connection_info": {"transport": "tcp_server", "info": json.dumps(INFO)},
}


def control(info: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """Return the header of a request; `info` replaces keys of its connection."""
    connection = {"transport": "tcp_server", "info": json.dumps(INFO | (info or {}))}
    return json.dumps(CONTROL | {"connection_info": connection} | fields).encode()


def test_an_opening_tells_where_the_answer_goes() -> None:
    wanted = Opening(request_id="r-1", host="10.0.0.1", port=4000, subject="s-1")
    assert read_opening(json.dumps(CONTROL).encode()) == wanted


def test_an_address_of_ipv6_stands_in_brackets() -> None:
    found = read_opening(control({"address": "[::1]:65535"}))
    assert (found.host, found.port) == ("::1", 65535)


def test_a_frontend_that_says_no_codec_has_only_json() -> None:
    older = {key: value for key, value in CONTROL.items() if key != "payload_codec"}
    assert read_opening(json.dumps(older).encode()).subject == "s-1"


@pytest.mark.parametrize(
    ("header", "what"),
    [
        pytest.param(b"", "header", id="nothing"),
        pytest.param(b"[]", "header", id="no object"),
        pytest.param(control(payload_codec="msgpack"), "payload_codec", id="another codec"),
        pytest.param(control(request_type="many_in"), "request_type", id="a stream of requests"),
        pytest.param(control(connection_info=None), "tcp_server", id="no connection"),
        pytest.param(control(connection_info={"transport": "quic"}), "tcp_server", id="another transport"),
        pytest.param(
            control(connection_info={"transport": "tcp_server"}), "connection_info", id="no information"
        ),
        pytest.param(control({"address": "host"}), "address", id="no port"),
        pytest.param(control({"address": ":1"}), "address", id="no host"),
        pytest.param(control({"address": "h:0"}), "address", id="port 0"),
        pytest.param(control({"address": "h:65536"}), "address", id="a port too high"),
        pytest.param(control({"address": "h:" + "9" * 5000}), "address", id="a port too long"),
        pytest.param(control({"address": "h:0000011111111"}), "address", id="a port with zeros before it"),
        pytest.param(control({"address": "h:\u0663"}), "address", id="other digits"),
        pytest.param(control({"address": 5}), "address", id="an address of another type"),
        pytest.param(control({"subject": ""}), "subject", id="no subject"),
        pytest.param(control(id=None), "id", id="no id"),
    ],
)
def test_what_cannot_be_answered_is_refused(header: bytes, what: str) -> None:
    with pytest.raises(BridgeError, match=what) as caught:
        read_opening(header)
    assert caught.value.reason is Reason.INVALID_MESSAGE


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_any_json_is_read_or_refused(value: Any) -> None:
    for fields in (
        {"connection_info": value},
        {"connection_info": {"transport": "tcp_server", "info": value}},
    ):
        with pytest.raises(BridgeError):
            read_opening(json.dumps(CONTROL | fields).encode())


@pytest.mark.parametrize(
    ("header", "cancels"),
    [
        pytest.param(b'"stop"', True, id="stop"),
        pytest.param(b'"kill"', True, id="kill"),
        pytest.param(b'"sentinel"', False, id="sentinel"),
        pytest.param(b"", False, id="data"),
    ],
)
def test_stop_and_kill_take_a_request_back(header: bytes, cancels: bool) -> None:
    assert is_cancel(header) is cancels
