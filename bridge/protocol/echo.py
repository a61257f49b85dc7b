"""`echo` with `max_tokens: 0`: the prompts come back and no model is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, CompletionUsage

from bridge.protocol.exchange import Exchange, StreamMessage
from bridge.protocol.generation import Piece

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.protocol.generation import Generation

M = TypeVar("M", bound=StreamMessage)


class EchoOnly(Exchange[M]):
    """Has no requests; `finish` says everything."""

    def __init__(
        self, translator: Any, generations: Sequence[Generation], *args: Any, **options: Any
    ) -> None:
        """Prepare as `Exchange` does, which also checks what the model can carry."""
        super().__init__(translator, generations, *args, **options)
        self._prompt_tokens: Sequence[int | None] = options["prompt_tokens"]
        self.requests.clear()

    def finish(self) -> Iterator[M]:
        """Say the prompts, the end of each choice and the usage."""
        yield from self._start()
        for index in range(len(self._choices)):
            yield self._chunks.finish(index, Piece(finish_reason=FINISH_REASON_LENGTH), ())
        yield from super().finish()

    def usage(self) -> CompletionUsage | None:
        """Return the tokens of the prompts, where they can be counted."""
        counts = [count for count in self._prompt_tokens if count is not None]
        if len(counts) < len(self._prompt_tokens):
            return None
        return CompletionUsage(prompt_tokens=sum(counts), completion_tokens=0, total_tokens=sum(counts))
