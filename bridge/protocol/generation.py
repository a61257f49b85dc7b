"""One generation in the bridge's own words: what is asked of a model and what it says.

A generation is one choice for one prompt, and one ModelStreamInfer. Exchanges speak OpenAI,
translators speak tensors; this is all that the two know of each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from openai_bridge.v1 import common_pb2

    from bridge.protocol.constraints import Constraint
    from bridge.protocol.images import Image, ImageReference
    from bridge.protocol.kserve import ModelInferRequest, ModelInferResponse
    from bridge.protocol.tensors import Scalar

    FinishReason: TypeAlias = common_pb2.FinishReason.ValueType


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What one call of a model is asked to do."""

    request_id: str
    """Unique; Triton echoes it."""
    prompt: str
    """After the chat template."""
    max_tokens: int
    """Always explicit: the backends' own defaults are small and differ."""
    max_tokens_param: str | None = None
    """The request field that gave `max_tokens`, or None when it is a default."""
    logprobs: int | None = None
    """Alternatives wanted per token; 0 is the chosen token alone, None is no log probabilities."""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    """Fields of class F that the client set, by their OpenAI names: numbers, strings, lists, dicts."""
    constraint: Constraint | None = None
    """What the whole text must be."""
    stop: tuple[str, ...] = ()
    """Stop strings that the bridge cuts at, because the model does not."""
    include_stop: bool = False
    """Leave the stop string that was found in the text."""
    cumulative_logprob: bool = False
    """Whether the candidates of a prompt are ranked by it."""
    images: Sequence[Image] = ()
    """In the order of their placeholders in the prompt."""
    image_references: Sequence[ImageReference] = ()
    """The same images as the client gave them, for errors."""
    lora: str | None = None
    """The backend's name of an adapter."""
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    """Request parameters of Triton."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A token and its natural log probability."""

    text: str
    logprob: float
    id: int | None = None
    """Its number, where the model tells it."""

    @property
    def bytes(self) -> bytes | None:
        """The token's UTF-8 bytes; None where a cut character left U+FFFD in its text."""
        return None if "\ufffd" in self.text else self.text.encode()


@dataclass(frozen=True, slots=True)
class Token(Alternative):
    """A generated token with the likeliest alternatives at its place, best first."""

    top: tuple[Alternative, ...] = ()


@dataclass(slots=True)  # not frozen: that would double the time to make one, and one is made per token
class Piece:
    """What one response of the model amounts to; nobody changes it."""

    text: str = ""
    """New text, whole characters only."""
    tokens: Sequence[Token] = ()
    """The new tokens, only when log probabilities were asked for."""
    finish_reason: FinishReason | None = None
    """Set once, in the last piece of a generation."""
    prompt_tokens: int | None = None
    """Tokens of the prompt, where the model says so."""
    completion_tokens: int | None = None
    """Tokens generated since the last piece, where the model says so."""
    cumulative_logprob: float | None = None
    """Of all tokens so far, where it was asked for."""
    stop_reason: str | None = None
    """The stop string that ended the text, in the last piece, where it is known."""


class Reader(Protocol):
    """Reads the responses of one generation, in order."""

    limit: int | None
    """Tokens that the model was limited to; None where it takes no limit."""

    def feed(self, response: ModelInferResponse) -> Piece:
        """Return what a response adds.

        Raises:
            BridgeError: BACKEND_CONTRACT when the tensors are not what the family promises.
        """

    def again(self, text: bytes) -> str:
        """Return what a response adds that differs from the one before only in its text.

        Raises:
            BridgeError: as for `feed`.
        """

    def finish(self) -> Piece:
        """Return what is left when the model has ended: held-back text, and the reason if it gave one."""


class Translator(Protocol):
    """Turns a generation into the tensors of one model, and its tensors into pieces."""

    family: str
    """Name of the tensor layout, as in the configuration's `adapter`."""
    cuts_stop_strings: bool
    """Whether the model itself leaves stop strings out of its text."""
    takes_images: bool
    """Whether the model has an input for images."""
    why: Mapping[str, str]
    """Field that this family cannot carry -> why, where there is more to say than that."""
    constraints: Collection[str]
    """Kinds of constraints, and options of them, that the model can be told of; empty: none."""
    adds_special_tokens: bool
    """Whether the engine puts its tokenizer's special tokens around a prompt by itself."""
    ranks: bool
    """Whether the model tells the cumulative log probability of an answer."""

    def request(self, generation: Generation) -> ModelInferRequest:
        """Return the request for Triton.

        Raises:
            BridgeError: UNSUPPORTED_PARAMETER naming a field that this model cannot carry.
        """

    def reader(self, generation: Generation) -> Reader:
        """Return the reader for this generation's responses."""

    def stop(self, request_id: str) -> ModelInferRequest | None:
        """Return the request that ends a running one where a cancel does not reach it; None: nothing does."""

    def carriers(self) -> Mapping[str, str]:
        """Return how this model gets every field of class F, constraints, `max_tokens` and `logprobs`.

        A request is refused for a field that says "refused", unless its value asks for nothing.
        """
