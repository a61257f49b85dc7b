"""`best_of`: more candidates than choices, of which the likeliest are the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from bridge.errors import BridgeError, Reason
from bridge.protocol.exchange import Exchange, StreamMessage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.protocol.alike import Received
    from bridge.protocol.generation import Piece

M = TypeVar("M", bound=StreamMessage)


class BestOf(Exchange[M]):
    """Keeps what all candidates say; at the end says the best `n` of each prompt.

    Candidates are ranked by their cumulative log probability. Their tokens all count as usage.
    """

    def __init__(self, *args: Any, keep: int, **options: Any) -> None:
        """Prepare as `Exchange` does.

        Args:
            args: see `Exchange`.
            keep: choices that each prompt's candidates become.
            options: see `Exchange`; `per_prompt` are the candidates of a prompt.
        """
        super().__init__(*args, **options)
        self._keep = keep
        self._said: list[list[Piece]] = [[] for _ in self.requests]

    def feed(self, index: int, responses: Sequence[Received]) -> Iterator[M]:
        """Keep a batch of responses of candidate `index`; nothing is said yet."""
        choice = self._choices[index]
        for response in responses:
            again = isinstance(response, bytes)
            self._said[index].append(choice.again(response) if again else choice.feed(response))
        return iter(())

    def end(self, index: int) -> Iterator[M]:
        """Keep the end of candidate `index`."""
        self._said[index].append(self._choices[index].finish())
        return iter(())

    def finish(self) -> Iterator[M]:
        """Say the best candidates, then the usage.

        Raises:
            BridgeError: BACKEND_CONTRACT when the model did not tell a candidate's log probability.
        """
        yield from self._start()
        index = 0
        for candidates in self._ranked():
            for candidate in candidates[: self._keep]:
                yield from self._say(index, candidate)
                index += 1
        yield from super().finish()

    def _say(self, index: int, candidate: int) -> Iterator[M]:
        pieces = self._said[candidate]
        for piece in pieces:
            if piece.text or piece.tokens:
                yield self._chunks.text(index, piece)
        yield self._chunks.finish(index, pieces[-1], self._choices[candidate].token_ids)

    def _ranked(self) -> list[list[int]]:
        """Return the candidates of each prompt, best first."""
        prompts: dict[int, list[tuple[float, int]]] = {}
        for at, choice in enumerate(self._choices):
            if choice.cumulative_logprob is None:
                raise BridgeError(
                    Reason.BACKEND_CONTRACT, "the model did not tell the log probability of a candidate"
                )
            prompts.setdefault(choice.prompt_number, []).append((-choice.cumulative_logprob, at))
        return [[at for _, at in sorted(ranked)] for ranked in prompts.values()]
