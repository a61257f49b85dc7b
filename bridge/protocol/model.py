"""A model as the OpenAI side sees it: a name, and how to ask it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.protocol.chat_template import ChatTemplate
    from bridge.protocol.embedders.base import Embedder
    from bridge.protocol.generation import Translator
    from bridge.protocol.kserve import ModelInferRequest
    from bridge.protocol.tensors import Scalar
    from bridge.protocol.tokenizer import Tokenizer

CHAT_MAX_TOKENS: Final = 1024
"""Tokens of a chat answer where neither the request nor the configuration sets a limit."""

COMPLETION_MAX_TOKENS: Final = 16
"""OpenAI's default for completions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One entry of `/v1/models`."""

    id: str
    """Name in requests."""
    created: int
    """Unix time, seconds, at which the bridge first saw the model ready."""
    translator: Translator
    template: ChatTemplate
    """Makes a prompt of a conversation."""
    tool_template: ChatTemplate | None = None
    """Makes a prompt of a conversation with tools; None: as without."""
    tool_call_parser: str | None = None
    """Spelling of its tool calls, as in the configuration; None: it makes none that could be read."""
    reasoning_parser: str | None = None
    """Spelling of its reasoning, as in the configuration; None: all its text is the answer."""
    tokenizer: Tokenizer | None = None
    """The engine's own, where it is configured."""
    adds_special_tokens: bool = True
    """Whether the engine puts its tokenizer's special tokens around a prompt by itself."""
    owned_by: str = "triton"
    default_max_tokens: int | None = None
    """Tokens of an answer where the request sets no limit; None is OpenAI's default."""
    max_model_len: int | None = None
    """Longest prompt plus answer, in tokens, when known."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Values of fields of class F where the request sets none."""
    unsupported: Literal["reject", "ignore"] = "reject"
    """What a field that the model cannot carry means: a 400, or a name in the ignored-fields header."""
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    """Triton request parameters of every request."""
    allowed_parameters: frozenset[str] = frozenset()
    """Triton request parameters that clients may set."""
    cancellable: bool = True
    """Whether a generation that is given up may be cancelled; if not, it is told to stop."""
    resume: bool = False
    """Whether an answer goes on elsewhere when its server is lost, where `protocol.resumption` allows it."""
    priority_levels: int = 0
    """Levels of the model's queue; 0: a priority would have no effect."""
    lora: str | None = None
    """The backend's name of the adapter that this model is."""
    parent: str | None = None
    """The model that an adapter belongs to."""

    def stop(self, request_id: str) -> Callable[[], ModelInferRequest | None] | None:
        """Return what makes the request that ends a running one; None: it is cancelled."""
        return None if self.cancellable else partial(self.translator.stop, request_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingModel:
    """One entry of `/v1/models` that turns texts into vectors."""

    id: str
    """Name in requests."""
    created: int
    """Unix time, seconds, at which the bridge first saw the model ready."""
    embedder: Embedder
    tokenizer: Tokenizer | None = None
    """The model's own, where it is configured: makes text of token ids, counts what the model does not."""
    owned_by: str = "triton"
    max_model_len: int | None = None
    """Longest input, in tokens, when known."""
    cancellable: bool = True
    """Whether a call that is given up may be cancelled; if not, it is read to its end."""

    def stop(self) -> Callable[[], None] | None:
        """Return that nothing ends a running call; None: it is cancelled."""
        return None if self.cancellable else _nothing


def _nothing() -> None: ...
