"""Responses that differ from the one before in nothing but their text: recognised without parsing.

In a stream of tokens only the text changes from message to message: model, flags, shapes and counts are
the same bytes. A message that has these bytes around its text is that message with another text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from bridge.protocol.kserve import ModelInferResponse

Received: TypeAlias = "ModelInferResponse | bytes"
"""A response; as bytes, the text of one that is in all else like the response before it."""

_INFER_RESPONSE: Final = 0x12
"""Tag of ModelStreamInferResponse.infer_response (2, length-delimited)."""
_CONTENTS: Final = 0x32
"""Tag of ModelInferResponse.raw_output_contents (6, length-delimited)."""
_MORE: Final = 0x80
_ELEMENT: Final = 4
"""Bytes of the length before the one element of a text."""
_LENGTHS: Final = (1, 2, 3)
"""Bytes of a varint, for messages of up to 2 MB; longer ones are parsed."""
_SIZES: Final = 64
"""Sizes of messages that are remembered at a time; tokens have some thirty."""
_PATIENCE: Final = 3
"""Messages in a row that may differ before nothing more is learnt: a stream of log probabilities."""


class Alike:
    """Remembers the last parsed message of one generation.

    The size of a message tells all its length fields, so that everything before the text is known for each
    size: recognising is a look-up and two comparisons.
    """

    def __init__(self, output: str) -> None:
        """Remember nothing yet; `output` is the name of the text."""
        self._output = output
        self._forget()
        self._misses = 0

    def text(self, raw: bytes) -> bytes | None:
        """Return the text of a message that differs in nothing else from the one learnt, or None."""
        size = len(raw)
        head = self._heads.get(size)
        if head is None:
            head = self._learn_head(size)
        if head and raw.startswith(head) and raw.endswith(self._after):
            self._misses = 0  # it is worth going on
            return raw[len(head) : size - len(self._after)]
        return None

    def _learn_head(self, size: int) -> bytes:
        """Return what is before the text in messages of so many bytes; empty if there are none."""
        if len(self._heads) >= _SIZES:
            self._heads.clear()
        head = _head(size, self._before, len(self._after)) if self._before else b""
        self._heads[size] = head
        return head

    def _forget(self) -> None:
        self._before = self._after = b""
        self._heads: dict[int, bytes] = {}

    def learn(self, raw: bytes, response: ModelInferResponse) -> None:
        """Remember a message that was parsed; `response` is what it holds."""
        self._forget()
        self._misses += 1
        if self._misses > _PATIENCE:
            return
        index = next((at for at, spec in enumerate(response.outputs) if spec.name == self._output), None)
        if index is None or raw[0] != _INFER_RESPONSE:
            return
        _, start = _varint(raw, 1)
        for at, end in _entries(raw, start):
            if index == 0:
                self._before, self._after = raw[start:at], raw[end:]
                return
            index -= 1


def _head(size: int, before: bytes, after: int) -> bytes:
    """Return a message of `size` bytes up to its text, or nothing if no text makes it that long.

    Args:
        size: of the whole message.
        before: what stands before the entry of the text.
        after: bytes behind it.
    """
    for outer in _LENGTHS:
        body = size - 1 - outer
        for inner in _LENGTHS:
            entry = body - len(before) - 1 - inner - after
            if entry < _ELEMENT or _varint_size(body) != outer or _varint_size(entry) != inner:
                continue
            element = (entry - _ELEMENT).to_bytes(_ELEMENT, "little")
            return b"".join(
                (
                    bytes((_INFER_RESPONSE,)),
                    _encoded(body),
                    before,
                    bytes((_CONTENTS,)),
                    _encoded(entry),
                    element,
                )
            )
    return b""


def _entries(raw: bytes, at: int) -> list[tuple[int, int]]:
    """Return where each entry of raw_output_contents begins and ends, from its tag on.

    Only length-delimited fields are expected, as ModelInferResponse has them; at any other, none is found.
    """
    found: list[tuple[int, int]] = []
    while at < len(raw):
        tag, after = _varint(raw, at)
        if tag & 7 != 2:  # noqa: PLR2004 - the wire type of strings and messages
            return []
        length, begin = _varint(raw, after)
        if tag == _CONTENTS:
            found.append((at, begin + length))
        at = begin + length
    return found


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """Return the varint at a position, and the position after it."""
    value = shift = 0
    while raw[at] >= _MORE:
        value |= (raw[at] & 0x7F) << shift
        shift += 7
        at += 1
    return value | raw[at] << shift, at + 1


def _varint_size(value: int) -> int:
    return max(1, (value.bit_length() + 6) // 7)


def _encoded(value: int) -> bytes:
    """Return a varint."""
    out = bytearray()
    while value >= _MORE:
        out.append(value & 0x7F | _MORE)
        value >>= 7
    out.append(value)
    return bytes(out)
