"""The frames of an answer: the greeting, the chunks of OpenAI's stream, what went wrong, the end.

A chunk is the JSON that the HTTP door streams, wrapped. Those of plain text differ in one string, so the
first is cut in two around it, once for each choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.protocol.dynamo.frames import data_lengths, frame
from bridge.protocol.exchange import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.errors import BridgeError

_BEFORE: Final = b'{"data":{"data":'
_AFTER: Final = b'},"complete_final":false}'

_ERROR_TYPES: Final = {
    400: "InvalidRequest",
    403: "PermissionDenied",
    404: "NotFound",
    413: "PayloadTooLarge",
    429: "RateLimited",
    499: "Cancelled",
    500: "Internal",
    501: "NotImplemented",
    502: "BackendProtocol",
    503: "Unavailable",
    504: "DeadlineExceeded",
}
"""The class of error that a frontend turns into an HTTP status, by that status. None of them says that the
worker is at fault, for which the frontend would leave it out for some seconds."""

OVERLOADED: Final = "Server overloaded: "
"""What begins the refusal of a worker that is full: 529, and the worker is left out for about a second."""
UNAVAILABLE: Final = "Server unavailable: "
"""What begins the refusal of a worker that does not serve this: 503, and it is left out for some seconds."""

END: Final = frame(data=b'{"complete_final":true}') + frame(header=b'"sentinel"')
"""The last frames, after an error too; without them the frontend takes the worker for dead."""


def greeting(subject: str) -> bytes:
    """Return the first frames of an answer's connection: whose answer it is, and that it has begun.

    The second could tell an error, but then the frontend would leave the worker out for some seconds.
    """
    hello = orjson.dumps({"subject": subject, "stream_type": "response"})
    return frame(header=hello) + frame(header=b'{"error":null}')


def chunk(json: bytes) -> bytes:
    """Return the frame of one chunk."""
    return frame(data=_BEFORE + json + _AFTER)


def failure(error: BridgeError) -> bytes:
    """Return the frame that tells an error; `END` must follow. Clients see the status and the message."""
    kind = _ERROR_TYPES.get(error.row.http, _ERROR_TYPES[500])
    shown = {"type": "message", "message": error.message}
    said = {"error_type": kind, "message": error.message, "public": shown}
    item = {"event": "error", "comment": [error.message], "error": said}
    return frame(data=orjson.dumps({"data": item, "complete_final": False}))


class Renderer:
    """Renders the messages of one stream, of chat or of completions. Not for sharing between streams."""

    def __init__(self, dump: Callable[[Any], bytes]) -> None:
        """Begin; `dump` writes the JSON of a message."""
        self._dump = dump
        self._cuts: dict[int, tuple[bytes, bytes]] = {}

    def render(self, batch: Iterable[Any]) -> bytes:
        """Return the frames of a batch, ready for one write."""
        if isinstance(batch, Texts):
            return self._texts(batch)
        return b"".join([chunk(self._dump(message)) for message in batch])

    def _texts(self, batch: Texts[Any]) -> bytes:
        cut = self._cuts.get(batch.index)
        if cut is None:
            cut = self._cuts[batch.index] = self._cut(batch)
        before, after = cut
        around = len(before) + len(after)
        said = [orjson.dumps(text) for text in batch.texts]
        return b"".join([data_lengths(around + len(text)) + before + text + after for text in said])

    def _cut(self, batch: Texts[Any]) -> tuple[bytes, bytes]:
        """Return what goes before and after the text of a choice's messages."""
        first = next(iter(batch))
        empty = type(first)()
        empty.CopyFrom(first)
        choice = empty.choices[0]
        if hasattr(choice, "delta"):
            slot, choice.delta.content = b'"content":""', ""
        else:
            slot, choice.text = b'"text":""', ""
        # Inside a JSON string the quotes would be escaped: this is the key and nothing else.
        before, _, after = self._dump(empty).partition(slot)
        return _BEFORE + before + slot[:-2], after + _AFTER
