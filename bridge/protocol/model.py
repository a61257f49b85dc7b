"""A model as the OpenAI side sees it: a name, and how to ask it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.protocol.chat_template import ChatTemplate
    from bridge.protocol.generation import Translator

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
    owned_by: str = "triton"
    default_max_tokens: int | None = None
    """Tokens of an answer where the request sets no limit; None is OpenAI's default."""
    max_model_len: int | None = None
    """Longest prompt plus answer, in tokens, when known."""
