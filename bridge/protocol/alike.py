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
_PATIENCE: Final = 3
"""Messages in a row that may differ before nothing more is learnt: a stream of log probabilities."""


class Alike:
    """Remembers the last parsed message of one generation."""

    def __init__(self, output: str) -> None:
        """Remember nothing yet; `output` is the name of the text."""
        self._output = output
        self._before = self._after = b""
        self._misses = 0

    def text(self, raw: bytes) -> bytes | None:
        """Return the text of a message that differs in nothing else from the one learnt, or None."""
        before, after, size = self._before, self._after, len(raw)
        if not before or size <= len(before) or raw[0] != _INFER_RESPONSE:
            return None
        start = 2 if raw[1] < _MORE else 3
        at, end = start + len(before), size - len(after)
        if end - at < 6 or not raw.startswith(before, start) or not raw.endswith(after):  # noqa: PLR2004
            return None
        # The entry of the text: tag, length in one or two bytes, the element's own length, the text.
        short = raw[at + 1] < _MORE
        entry = at + (2 if short else 3)
        length = raw[at + 1] if short else raw[at + 1] & 0x7F | raw[at + 2] << 7
        if (
            raw[at] != _CONTENTS
            or entry + length != end
            or int.from_bytes(raw[entry : entry + 4], "little") != length - 4
            or _varint(raw, 1) != (size - start, start)
        ):
            return None
        return raw[entry + 4 : end]

    def learn(self, raw: bytes, response: ModelInferResponse) -> None:
        """Remember a message that was parsed; `response` is what it holds."""
        self._before = self._after = b""
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

    def matched(self) -> None:
        """Note that `text` has found one: it is worth going on."""
        self._misses = 0


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
