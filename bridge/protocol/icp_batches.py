"""What a worker sends of a generation: its responses, numbered, as many in a message as are there. No I/O.

Where the front end has asked for it, a response that differs from the one before in nothing but its text is
sent as that text alone: neither side builds or parses a message for it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from openai_bridge.v1 import request_plane_pb2

from bridge.protocol import kserve
from bridge.protocol.icp import BATCH, SEQ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message

    from bridge.protocol.alike import Received

ENVELOPE: Final = 256
"""Bytes of a message that are not its responses."""
_EACH: Final = 8
"""The same for each response."""


class Outgoing:
    """The responses of one generation that wait to leave."""

    def __init__(self, output: str, *, batch: int, texts: bool, max_payload: int) -> None:
        """Begin with none.

        Args:
            output: name of the text.
            batch: responses in one message, at most; 1: each is a message of its own form.
            texts: whether texts may be sent alone.
            max_payload: bytes of the largest message.
        """
        self.sent = 0
        """Responses that were taken; the next one has this number."""
        self.size = 0
        """Bytes that wait."""
        self._batched = batch > 1
        self._most = min(batch, BATCH)
        self._texts = texts and self._batched
        self._max = max_payload - ENVELOPE
        self._refilled = Refilled(output)
        self._waiting: deque[tuple[bytes, bool]] = deque()
        """Responses, and whether each is a text."""
        self._alone = request_plane_pb2.InferResponseBatch(texts=[b""])
        """The message of one text: what most tokens are. To fill it again is a third of making it."""

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def add(self, batch: Sequence[Received]) -> None:
        """Let responses wait."""
        for one in batch:
            text = self._texts and isinstance(one, bytes)
            data = one if text and isinstance(one, bytes) else self._refilled.serialized(one)
            self._waiting.append((data, text))
            self.size += len(data)

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self.size = 0

    def take(self, credit: int) -> bytes:
        """Return the next message, with so many responses at most; empty: one is too large."""
        if len(self._waiting) == 1 and self._waiting[0][1] and self.size <= self._max - _EACH:
            return self._one()
        most, size = min(self._most, credit), 0
        whole, texts = list[bytes](), list[bytes]()
        while self._waiting and len(whole) + len(texts) < most:
            data, text = self._waiting[0]
            size += len(data) + _EACH
            if size > self._max or (texts and not text):
                break
            self._waiting.popleft()
            self.size -= len(data)
            (texts if text else whole).append(data)
        if not whole and not texts:
            return b""
        first, self.sent = self.sent, self.sent + len(whole) + len(texts)
        return pack(first, whole, texts, batched=self._batched)

    def _one(self) -> bytes:
        """Return the message of a text that waits alone."""
        message = self._alone
        message.texts[0], _ = self._waiting.popleft()
        message.first_seq = self.sent
        self.sent += 1
        self.size = 0
        return _bytes(message)

    def last(self, final: bytes) -> bytes:
        """Return the message of the final response, behind which there is nothing."""
        self.sent += 1
        return pack(self.sent - 1, [final], batched=self._batched)


def pack(first: int, responses: Sequence[bytes], texts: Sequence[bytes] = (), *, batched: bool) -> bytes:
    """Return a message that carries responses.

    Args:
        first: number of the first one.
        responses: serialized; one of them where they are not batched.
        texts: texts of those that follow.
        batched: whether the front end has asked for batches.
    """
    if batched:
        batch = request_plane_pb2.InferResponseBatch(first_seq=first, responses=responses, texts=texts)
        return _bytes(batch)
    return responses[0] + _numbered(first)


def _numbered(seq: int) -> bytes:
    """Return what is put behind a serialized response: protobuf merges messages that follow one another."""
    message = kserve.ModelInferResponse()
    message.parameters[SEQ].int64_param = seq
    return _bytes(message)


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()


class Refilled:
    """Serializes the responses of one generation, of which some are only the text of a whole one."""

    def __init__(self, output: str) -> None:
        """Begin; `output` is the name of the text."""
        self._output = output
        self._last: kserve.ModelInferResponse | None = None
        self._at = -1

    def serialized(self, received: Received) -> bytes:
        """Return one response in full."""
        if not isinstance(received, bytes):
            self._last, self._at = received, -1
            return _bytes(received)
        last = self._last
        assert last is not None, "a text has come before any response"  # noqa: S101
        if self._at < 0:
            self._at = next(at for at, spec in enumerate(last.outputs) if spec.name == self._output)
            self._last = kserve.ModelInferResponse()
            self._last.CopyFrom(last)
            last = self._last
        last.raw_output_contents[self._at] = len(received).to_bytes(4, "little") + received
        return _bytes(last)
