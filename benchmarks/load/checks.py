"""Whether an answer is whole: every token, in order, once; the end; no error. Knows the protocols' bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import orjson

from benchmarks.mock_triton.frames import PREFIX
from benchmarks.tokens import whole_text

if TYPE_CHECKING:
    from collections.abc import Callable

_CONTENT: Final = re.compile(rb'"(?:content|text)": ?"((?:[^"\\]|\\.)*)"')
_OK: Final = 200


def sse(raw: bytes, tokens: int) -> str:
    """Return what is wrong with a streamed HTTP answer; nothing if it is whole."""
    status, head, body = _parts(raw)
    if status != _OK or b"text/event-stream" not in head:
        return f"status {status}: {body[:200]!r}"
    events = [event for event in body.split(b"\n\n") if event and not event.startswith(b":")]
    if not all(event.startswith(b"data: ") for event in events):
        return "an event is not `data: `"
    if not events or events[-1] != b"data: [DONE]" or body.count(b"[DONE]") != 1:
        return "no [DONE] at the end"
    if b'{"error":' in body:
        return f"an error in the stream: {body[-300:]!r}"
    return _compare(b"".join(_CONTENT.findall(body)).decode(), tokens)


def whole(raw: bytes, tokens: int) -> str:
    """Return what is wrong with an HTTP answer in one piece; nothing if it is whole."""
    status, _, body = _parts(raw)
    if status != _OK:
        return f"status {status}: {body[:200]!r}"
    return _compare(orjson.loads(body)["choices"][0]["message"]["content"], tokens)


def grpc(raw: bytes, tokens: int, text_of: Callable[[bytes], str]) -> str:
    """Return what is wrong with a stream of gRPC messages; nothing if it is whole.

    Args:
        raw: the payloads of all DATA frames.
        tokens: how many were asked for.
        text_of: reads a message.
    """
    texts, at = [], 0
    while at < len(raw):
        begin = at + PREFIX
        at = begin + int.from_bytes(raw[at + 1 : begin], "big")
        if at > len(raw):
            return "the last message is cut off"
        texts.append(text_of(raw[begin:at]))
    return _compare("".join(texts), tokens)


def _compare(text: str, tokens: int) -> str:
    if text == whole_text(tokens):
        return ""
    return f"{len(text.split())} tokens of {tokens}, or not in order: {text[:40]!r}...{text[-40:]!r}"


def _parts(raw: bytes) -> tuple[int, bytes, bytes]:
    """Return (status, head, body without chunks)."""
    head, _, body = raw.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        body = _dechunked(body)
    return int(status[0]) if status else 0, lower, body


def _dechunked(body: bytes) -> bytes:
    parts, at = [], 0
    while (line := body.find(b"\r\n", at)) >= 0:
        size = int(body[at:line].partition(b";")[0], 16)
        parts.append(body[line + 2 : line + 2 + size])
        at = line + 2 + size + 2
        if not size:
            break
    return b"".join(parts)
