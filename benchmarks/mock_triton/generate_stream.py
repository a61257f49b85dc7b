"""POST /v2/models/NAME/generate_stream: Triton's own HTTP form of an answer, for who speaks only that.

Nothing else of HTTP is here: one request at a time on a connection, bodies with a length, no windows.
"""

from __future__ import annotations

import asyncio
import re
from functools import cache
from typing import TYPE_CHECKING, Final, cast

import orjson

from benchmarks.mock_triton.answers import DEFAULT_TOKENS, MAX_TOKENS
from benchmarks.tokens import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.mock_triton.counts import Counts
    from benchmarks.mock_triton.engine import Model

_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_END: Final = b"0\r\n\r\n"
_PATH: Final = re.compile(rb"POST /v2/models/([^/ ]+)(?:/versions/\d+)?/generate_stream HTTP/1.1\r\n")
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: (\d+)\r\n")


class Answer:
    """One running answer; see `engine.Steps`."""

    __slots__ = ("_chunks", "_counts", "_done", "_position", "_tokens", "_transport")

    def __init__(
        self, name: str, tokens: int, transport: asyncio.Transport, counts: Counts, done: Callable[[], None]
    ) -> None:
        """Prepare an answer; `done` is called behind its last token."""
        self._chunks = chunks(name)
        self._tokens, self._transport, self._counts, self._done = tokens, transport, counts, done
        self._position = 0

    def step(self) -> bool:
        """See `Steps.step`."""
        at = self._position
        while len(self._chunks) <= at:
            self._chunks.append(_chunk(self._chunks[0], len(self._chunks)))
        self._transport.write(_HEAD + self._chunks[0] if not at else self._chunks[at])
        self._counts.tokens += 1
        self._position = at + 1
        if self._position == self._tokens:
            self._transport.write(_END)
            self._counts.complete += 1
            self._done()
        return True


class HttpConnection(asyncio.Protocol):
    """See the module."""

    def __init__(self, models: dict[str, Model], counts: Counts) -> None:
        """Prepare for a client of these models."""
        self._models, self._counts = models, counts
        self._received = b""
        self._running: tuple[Model, Answer] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._counts.connections += 1

    def connection_lost(self, _: Exception | None) -> None:
        """End the answer."""
        if self._running is not None:
            model, answer = self._running
            self._counts.lost += model.forget(answer)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take what one read brought."""
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if not blank or (length and len(body) < int(length[1])):
            return
        self._received = b""
        path = _PATH.match(head + b"\r\n")
        model = self._models.get(path[1].decode()) if path else None
        if path is None or model is None or self._running is not None:
            self._refuse(b"the mock has only generate_stream of its models")
            return
        tokens = orjson.loads(body).get("parameters", {}).get("max_tokens", DEFAULT_TOKENS)
        if not 1 <= tokens <= MAX_TOKENS:
            self._refuse(b"max_tokens is out of range")
            return
        answer = Answer(path[1].decode(), tokens, self._transport, self._counts, self._complete)
        self._counts.requests += 1
        self._running = model, answer
        model.begin(answer)

    def _complete(self) -> None:
        if self._running is not None:
            model, answer = self._running
            self._running = None
            model.forget(answer)

    def _refuse(self, why: bytes) -> None:
        body = b'{"error":"%b"}' % why
        self._transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


@cache
def chunks(name: str) -> list[bytes]:
    """Return the chunks of a model's answers; the first one is there, the list grows where it is used."""
    event = orjson.dumps({
        "model_name": name,
        "model_version": "1",
        "sequence_end": False,
        "sequence_id": 0,
        "sequence_start": False,
        "text_output": text(0),
    })  # fmt: skip
    data = b"data: " + event + b"\n\n"
    return [b"%x\r\n%b\r\n" % (len(data), data)]


def _chunk(first: bytes, position: int) -> bytes:
    return first.replace(text(0).encode(), text(position).encode())
