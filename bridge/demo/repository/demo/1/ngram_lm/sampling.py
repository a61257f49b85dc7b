"""Choosing a token from a distribution: biases, penalties, truncation, chance.

Rule: the order of the steps is vLLM's; probabilities in, a token id out.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ngram_lm.parameters import SamplingParameters
    from ngram_lm.tokenizer import Tokenizer

    Floats = NDArray[np.float64]


class Sampler:
    """The choices of one request. The same seed makes the same choices; none makes new ones every time."""

    def __init__(self, parameters: SamplingParameters, prompt: Sequence[int], tokenizer: Tokenizer) -> None:
        self._parameters = parameters
        self._random = np.random.default_rng(_entropy(parameters.seed))
        self._seen = set(prompt)
        self._counts: Counter[int] = Counter()
        self._output: list[int] = []
        self._ends = [tokenizer.end_id, *parameters.stop_token_ids]
        self._bad = [tokenizer.encode(prefix + word) for word in parameters.bad_words for prefix in ("", " ")]

    def choose(self, probabilities: Floats) -> int:
        """Return the next token and remember it. `probabilities` is of the whole vocabulary, none negative.

        Raises:
            ValueError: the parameters forbid every token.
        """
        with np.errstate(divide="ignore"):  # what never comes: minus infinity
            logits = self._shaped(np.log(probabilities))
        if np.isneginf(logits).all():
            raise ValueError("the sampling parameters forbid every token")
        token = self._sampled(logits)
        self._seen.add(token)
        self._counts[token] += 1
        self._output.append(token)
        return token

    def _shaped(self, logits: Floats) -> Floats:
        """Apply what forbids or favours single tokens."""
        p = self._parameters
        if p.allowed_token_ids is not None:
            allowed = list(p.allowed_token_ids)
            logits, everything = np.full_like(logits, -np.inf), logits
            logits[allowed] = everything[allowed]
        logits[[token for *before, token in self._bad if self._just_said(before)]] = -np.inf
        if len(self._output) < p.min_tokens:
            logits[[token for token in self._ends if token < len(logits)]] = -np.inf
        for token, bias in (p.logit_bias or {}).items():
            logits[token] += bias
        if p.repetition_penalty != 1:
            seen = list(self._seen)
            factor = np.where(logits[seen] > 0, 1 / p.repetition_penalty, p.repetition_penalty)
            logits[seen] *= factor
        if self._counts and (p.frequency_penalty or p.presence_penalty):
            tokens, counts = list(self._counts), np.array(list(self._counts.values()))
            logits[tokens] -= p.frequency_penalty * counts + p.presence_penalty
        return logits

    def _sampled(self, logits: Floats) -> int:
        p = self._parameters
        if p.is_greedy:
            return int(logits.argmax())
        probabilities = _softmax(logits / p.temperature)
        if p.min_p:
            probabilities[probabilities < p.min_p * probabilities.max()] = 0
        order = np.argsort(-probabilities, kind="stable")
        ranked = probabilities[order]
        if p.top_k > 0:
            ranked[p.top_k :] = 0
        ranked /= ranked.sum()
        if p.top_p < 1:
            before = np.cumsum(ranked) - ranked
            ranked[before >= p.top_p] = 0
        cumulated = np.cumsum(ranked)
        place = np.searchsorted(cumulated, self._random.random() * cumulated[-1], side="right")
        return int(order[min(place, np.count_nonzero(ranked) - 1)])

    def _just_said(self, tokens: list[int]) -> bool:
        return not tokens or self._output[-len(tokens) :] == tokens


def _softmax(logits: Floats) -> Floats:
    weights = np.exp(logits - logits.max())
    total: Floats = weights / weights.sum()
    return total


def _entropy(seed: int | None) -> int | None:
    """Return a seed numpy takes: any 64-bit number, negative ones as their two's complement."""
    return None if seed is None else seed % 2**64
