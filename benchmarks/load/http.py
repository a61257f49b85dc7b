"""The HTTP/1.1 client: keep-alive, requests built before, answers read as raw bytes."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING, Final

import orjson

from benchmarks.load import checks
from benchmarks.load.client import Asking

if TYPE_CHECKING:
    from benchmarks.load.outcome import Answer

_END: Final = b"\r\n0\r\n\r\n"
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: (\d+)\r\n")
PROMPT: Final = (
    "Tell me in twenty words or less what a bridge is good for, and why one would want to build one."
)


@cache
def request(model: str, tokens: int, *, stream: bool = True, key: str = "") -> bytes:
    """Return a chat request as bytes.

    Args:
        model: its name.
        tokens: how many the answer shall have.
        stream: as server-sent events, or in one piece.
        key: an API key; empty for none.
    """
    body = orjson.dumps({
        "model": model,
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": tokens,
        "stream": stream,
    })  # fmt: skip
    authorization = f"Authorization: Bearer {key}\r\n" if key else ""
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"{authorization}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class HttpConnection(Asking):
    """One connection."""

    def __init__(self, model: str, *, stream: bool = True, key: str = "") -> None:
        """Prepare to ask a model; see `request`."""
        super().__init__()
        self._request = partial(request, model, stream=stream, key=key)
        self._check = checks.sse if stream else checks.whole
        self._missing = 0

    def request(self, tokens: int) -> bytes:
        """See `Asking`."""
        self._missing = -1
        return self._request(tokens)

    def check(self, answer: Answer) -> str:
        """See `Asking`."""
        return self._check(b"".join(answer.pieces), answer.tokens)

    def data_received(self, data: bytes) -> None:
        """Take what one read brought."""
        answer = self.take(data)
        if self._missing < 0:
            self._begin(answer)
        elif self._missing:
            self._missing -= len(data)
            if not self._missing:
                self.complete()
        elif data.endswith(_END) or (len(data) < len(_END) and _ends(answer)):
            self.complete()

    def _begin(self, answer: Answer) -> None:
        raw = b"".join(answer.pieces)
        head, blank, body = raw.partition(b"\r\n\r\n")
        if not blank:
            return
        length = _LENGTH.search(head + b"\r\n")
        self._missing = int(length[1]) - len(body) if length else 0
        if not self._missing and (length or _ends(answer)):
            self.complete()


def _ends(answer: Answer) -> bool:
    return b"".join(answer.pieces).endswith(_END)
