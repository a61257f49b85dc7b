"""One answer, token by token: sampling, stopping and the log-probabilities.

Rule: knows neither time nor Triton; the caller sets the pace by asking for the next step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ngram_lm.sampling import Sampler
from ngram_lm.stop_strings import StopStrings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ngram_lm.parameters import SamplingParameters
    from ngram_lm.tokenizer import Tokenizer


class LanguageModel(Protocol):
    """What says which token may come next: the n-gram model, or another with the same tokens."""

    tokenizer: Tokenizer

    def focus(self, prompt: str) -> Any:
        """Return what to keep in mind of a prompt."""

    def beginning(self, prompt: str) -> list[int]:
        """Return the tokens an answer follows."""

    def distribution(self, context: Sequence[int], focus: Any) -> NDArray[np.float64]:
        """Return the probability of every token after a context: the beginning and what was said since."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token that could have come: `rank` counts from 1, the most probable."""

    token: int
    text: str
    logprob: float
    rank: int


@dataclass(frozen=True, slots=True)
class Step:
    """One generated token. `text` may be empty, or hold the text of earlier tokens that was held back."""

    text: bytes
    finish_reason: str | None
    candidates: tuple[Candidate, ...]
    """The token itself, then the most probable ones, as many as `logprobs` asked for. Log-probabilities are
    the model's own, before temperature, penalties and truncation."""


class Generation:
    """The answer to one prompt."""

    def __init__(
        self, language: LanguageModel, prompt: str, parameters: SamplingParameters, *, max_model_len: int
    ) -> None:
        """Read the prompt.

        Raises:
            ValueError: it has `max_model_len` tokens or more.
        """
        self._language = language
        self._parameters = parameters
        tokens = language.tokenizer.encode(prompt)
        self.num_input_tokens = len(tokens)
        room = max_model_len - len(tokens)
        if room < 1:
            raise ValueError(
                f"The decoder prompt (length {len(tokens)}) is longer than the maximum model length of "
                f"{max_model_len}. Make sure that `max_model_len` is no smaller than the number of text "
                "tokens."
            )
        self._most = min(parameters.max_tokens, room)
        self._sampler = Sampler(parameters, tokens, language.tokenizer)
        self._stops = StopStrings(parameters.stop, include=parameters.include_stop_str_in_output)
        self._focus = language.focus(prompt)
        self._context = language.beginning(prompt)

    def steps(self) -> Iterator[Step]:
        """Yield one step per token; only the last has a finish reason, `stop` or `length`."""
        for count in range(1, self._most + 1):
            probabilities = self._language.distribution(self._context, self._focus)
            token = self._sampler.choose(probabilities)
            self._context.append(token)
            text, stopped = self._shown(token, count)
            finish_reason = "stop" if stopped else "length" if count == self._most else None
            if finish_reason is not None:
                text += self._stops.flush()
            yield Step(text, finish_reason, self._candidates(token, probabilities))
            if stopped:
                return

    def _shown(self, token: int, count: int) -> tuple[bytes, bool]:
        """Return the text a token lets out, and whether the answer ends with it."""
        p, tokenizer = self._parameters, self._language.tokenizer
        is_end = (token == tokenizer.end_id and not p.ignore_eos) or token in p.stop_token_ids
        is_hidden = (tokenizer.is_special(token) and p.skip_special_tokens) or (
            is_end and not p.include_stop_str_in_output
        )
        text = b"" if is_hidden else tokenizer.bytes_of(token)
        if is_end or count <= p.min_tokens:
            return text, is_end
        return self._stops.feed(text)

    def _candidates(self, token: int, probabilities: NDArray[np.float64]) -> tuple[Candidate, ...]:
        best: list[int] = []
        if self._parameters.logprobs:
            best = np.argsort(-probabilities, kind="stable")[: self._parameters.logprobs].tolist()
        return tuple(self._candidate(each, probabilities) for each in dict.fromkeys([token, *best]))

    def _candidate(self, token: int, probabilities: NDArray[np.float64]) -> Candidate:
        with np.errstate(divide="ignore"):
            logprob = float(np.log(probabilities[token]))
        return Candidate(
            token=token,
            text=self._language.tokenizer.decode([token]),
            logprob=logprob,
            rank=1 + int(np.count_nonzero(probabilities > probabilities[token])),
        )
