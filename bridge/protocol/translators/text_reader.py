"""Reads responses that hold text, and perhaps counts and a word for the end: all families but vLLM's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.protocol.generation import Piece
from bridge.protocol.text_mode import text_decoder
from bridge.protocol.translators.outputs import count, finish_reason, joined_bytes, number, outputs

if TYPE_CHECKING:
    from bridge.protocol.kserve import ModelInferResponse
    from bridge.protocol.text_mode import TextMode


class TextReader:
    """Reads the text of one generation."""

    def __init__(
        self, answer: str, limit: int | None, text_mode: TextMode = "delta", ranking: str = ""
    ) -> None:
        """Begin with nothing.

        Args:
            answer: name of the text output.
            limit: tokens that the model was limited to; None if it was not told.
            text_mode: whether a response holds new text, or all so far.
            ranking: name of the output with the cumulative log probability.
        """
        self._answer = answer
        self.limit = limit
        self._text = text_decoder(text_mode)
        self._ranking = ranking
        self._word = self._stop = b""

    def feed(self, response: ModelInferResponse) -> Piece:
        """See `Reader.feed`."""
        found = outputs(response)
        self._word = joined_bytes("finish_reason", found.get("finish_reason")) or self._word
        self._stop = joined_bytes("stop_reason", found.get("stop_reason")) or self._stop
        return Piece(
            text=self._text.feed(joined_bytes(self._answer, found.get(self._answer))),
            prompt_tokens=count(found.get("num_input_tokens")),
            completion_tokens=count(found.get("num_output_tokens")),
            cumulative_logprob=number(found.get(self._ranking)),
        )

    def again(self, text: bytes) -> str:
        """See `Reader.again`."""
        return self._text.feed(text)

    def finish(self) -> Piece:
        """See `Reader.finish`.

        Raises:
            BridgeError: the model says that something else than itself ended the answer.
        """
        return Piece(
            text=self._text.finish(),
            finish_reason=finish_reason(self._word),
            stop_reason=self._stop.decode(errors="replace") or None,
        )
