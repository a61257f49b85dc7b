"""What the bytes of a streamed answer amount to, over either door; fails if they break the protocol.

The HTTP here is the tests' own: no library may make good what the bridge has done wrong.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc
from hpack import Decoder
from openai_bridge.v1 import chat_pb2

from tests import scripted_h2 as h2
from tests.grpc_client import text

if TYPE_CHECKING:
    from collections.abc import Iterator

CUT: Final = "cut"
"""How an answer ends that has no end."""

_STATUS: Final = {code.value[0]: code.name for code in grpc.StatusCode}


@dataclass(frozen=True)
class Seen:
    """What a client has seen of its answer."""

    text: str
    finishes: int
    """Reasons why the model has finished, of which a whole answer has one."""
    end: str
    """HTTP: [DONE], the code of the error in the stream, or the status if it is none of success; gRPC: the
    name of the status. Either: `CUT`."""


def seen_over_http(raw: bytes, *, over: bool) -> Seen | None:
    """Return what the bytes of an answer amount to; None: more must come."""
    head, blank, body = raw.partition(b"\r\n\r\n")
    if not blank:
        return Seen("", 0, CUT) if over else None
    status = head.split(b" ")[1].decode()
    if b"Transfer-Encoding: chunked" not in head:
        length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
        ended = Seen("", 0, status) if len(body) == length else None
        return Seen("", 0, CUT) if ended is None and over else ended
    assert status == "200"
    chunks = _chunks(body)
    whole = chunks[-1:] == [b""]
    return _events(b"".join(chunks), whole=whole) if whole or over else None


def _chunks(body: bytes) -> list[bytes]:
    """Return the whole chunks of a body; the last one of a whole body is empty."""
    found: list[bytes] = []
    while b"\r\n" in body and found[-1:] != [b""]:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        if len(rest) < length + 2:
            break
        found.append(rest[:length])
        body = rest[length + 2 :]
    return found


def _events(body: bytes, *, whole: bool) -> Seen:
    """Take the events of a stream apart; fails if they are not in order."""
    *events, rest = body.split(b"\n\n")
    assert rest == b"" or not whole
    said, finishes, end = "", 0, CUT
    for event in events:
        data = event.removeprefix(b"data: ")
        assert end != "[DONE]", "something comes after [DONE]"
        if data == b"[DONE]":
            end = end if end != CUT else "[DONE]"
            continue
        assert end == CUT, "something comes after an error"
        message = json.loads(data)
        if "error" in message:
            end = message["error"]["code"]
            continue
        (choice,) = message["choices"]
        said += choice["delta"].get("content") or ""
        finishes += choice["finish_reason"] is not None
    assert not whole or events[-1] == b"data: [DONE]"
    return Seen(said, finishes, end)


def seen_over_grpc(raw: bytes, *, over: bool) -> Seen | None:
    """Return what the frames of a connection with one call amount to; None: more must come."""
    body, end, decoder = b"", CUT if over else "", Decoder()
    for kind, payload in _frames(raw):
        if kind == h2.HEADERS:
            headers = dict(decoder.decode(payload))
            end = _STATUS[int(headers["grpc-status"])] if "grpc-status" in headers else end
        elif kind == h2.DATA:
            body += payload
        elif kind == h2.RST_STREAM and end in {CUT, ""}:
            end = f"RST_STREAM {int.from_bytes(payload, 'big')}"
    if not end:
        return None
    chunks = list(_messages(body))
    finishes = sum(choice.finish_reason != 0 for chunk in chunks for choice in chunk.choices)
    return Seen(text(chunks), finishes, end)


def _frames(raw: bytes) -> Iterator[tuple[int, bytes]]:
    while len(raw) >= 9 and len(raw) >= (end := 9 + int.from_bytes(raw[:3], "big")):
        yield raw[3], raw[9:end]
        raw = raw[end:]


def _messages(body: bytes) -> Iterator[chat_pb2.CreateChatCompletionStreamResponse]:
    while len(body) >= 5 and len(body) >= (end := 5 + int.from_bytes(body[1:5], "big")):
        yield chat_pb2.CreateChatCompletionStreamResponse.FromString(body[5:end])
        body = body[end:]
