"""The messages of a NATS connection: written, and taken out of what is read. No I/O.

Only what carries messages is here (PUB, HPUB, SUB, UNSUB, MSG, HMSG): the login and the life of a connection
are the library's, which never sees our messages. Facts: docs.nats.io, "Client protocol" and ADR-4 (headers).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

OURS: Final = b"b"
"""What begins the ids of our subscriptions; the library's are numbers."""
STATUS: Final = "Status"
"""In headers: what the broker says of a message, as "503" where nobody listens."""

_END: Final = b"\r\n"
_VERSION: Final = b"NATS/1.0"
_NO_SUBJECT: Final = re.compile(r"[\s\0]")
_MSG: Final = 4
_HMSG: Final = 5
"""Words of a message's first line where nobody expects an answer; the reply subject is one more."""


@dataclass(slots=True)
class Message:
    """A message that has come."""

    subject: str
    reply: str
    """Where an answer is expected; empty: nowhere."""
    data: bytes
    headers: Mapping[str, str] | None = None


def publication(
    subject: str, data: bytes, reply: str = "", headers: Mapping[str, str] | None = None
) -> bytes:
    """Return a message as it is sent.

    Raises:
        ValueError: a subject is none; a line break in it would be a command of its own.
    """
    if _NO_SUBJECT.search(subject) or _NO_SUBJECT.search(reply) or not subject:
        raise ValueError("no subject of NATS")
    to = f"{subject} {reply}" if reply else subject
    if not headers:
        return b"PUB %b %d\r\n%b\r\n" % (to.encode(), len(data), data)
    head = _VERSION + _END + b"".join(_line(key, value) for key, value in headers.items()) + _END
    return b"HPUB %b %d %d\r\n%b%b\r\n" % (to.encode(), len(head), len(head) + len(data), head, data)


def subscription(sid: bytes, subject: str, queue: str = "") -> bytes:
    """Return what subscribes, as a member of a group where there is one.

    Raises:
        ValueError: a subject is none.
    """
    if _NO_SUBJECT.search(subject) or _NO_SUBJECT.search(queue) or not subject:
        raise ValueError("no subject of NATS")
    return f"SUB {subject} {queue} ".encode() + sid + _END


def unsubscription(sid: bytes) -> bytes:
    """Return what ends a subscription."""
    return b"UNSUB " + sid + _END


class Reader:
    """Takes a connection's bytes apart: our messages, and what is the library's."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._held = 0
        self._wanted = 0
        """Bytes without which it is not worth looking again."""

    def feed(self, data: bytes) -> tuple[list[tuple[bytes, Message]], bytes]:
        """Take what was read; return our messages by subscription, and the rest: whole lines and messages.

        Raises:
            ValueError: this is not NATS.
        """
        if self._pieces:
            self._pieces.append(data)
            self._held += len(data)
            if self._held < self._wanted:
                return [], b""
            data = b"".join(self._pieces)
        messages: list[tuple[bytes, Message]] = []
        rest: list[bytes] = []
        at = self._read(data, messages, rest)
        self._pieces = [data[at:]] if at < len(data) else []
        self._held = len(data) - at
        return messages, b"".join(rest)

    def _read(self, data: bytes, messages: list[tuple[bytes, Message]], rest: list[bytes]) -> int:
        """Take all that is whole; return where that ends."""
        at = 0
        while (line := data.find(_END, at)) >= 0:
            begin = line + 2
            words = data[at:line].split()
            command = words[0] if words else b""
            if command not in {b"MSG", b"HMSG"}:
                rest.append(data[at:begin])
                at = begin
                continue
            if len(words) < _MSG or not words[-1].isdigit():
                raise ValueError("no message of NATS")
            end = begin + int(words[-1])
            if end + 2 > len(data):
                self._wanted = end + 2 - at
                return at
            sid = words[2]
            if not sid.startswith(OURS):
                rest.append(data[at : end + 2])
            elif command == b"MSG":
                reply = _text(words[3]) if len(words) > _MSG else ""
                messages.append((sid, Message(_text(words[1]), reply, data[begin:end])))
            else:
                messages.append((sid, _with_headers(words, data[begin:end])))
            at = end + 2
        self._wanted = 0
        return at


def _with_headers(words: list[bytes], content: bytes) -> Message:
    size = int(words[-2])
    reply = _text(words[3]) if len(words) > _HMSG else ""
    return Message(_text(words[1]), reply, content[size:], _headers(content[:size]))


def _text(subject: bytes) -> str:
    return subject.decode("utf-8", "replace")  # what anybody may publish must not end the connection


def _headers(head: bytes) -> dict[str, str]:
    """Read headers; the words behind the version are the broker's status and why."""
    first, *lines = head.decode("utf-8", "replace").split("\r\n")
    pairs = (line.partition(":") for line in lines if ":" in line)
    found = {key.strip(): value.strip() for key, _, value in pairs}
    if status := first.split()[1:2]:
        found[STATUS] = status[0]
    return found


def _line(key: str, value: str) -> bytes:
    """Return a header; a line break in it would be another one."""
    if _NO_SUBJECT.search(key) or ":" in key:
        raise ValueError("no name of a header")
    return f"{key}: {' '.join(value.splitlines())}\r\n".encode()
