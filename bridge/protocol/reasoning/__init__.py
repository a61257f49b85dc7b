"""Parsers of reasoning, by the names they have in the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.protocol.reasoning.granite import GraniteParser
from bridge.protocol.reasoning.mistral import MistralParser
from bridge.protocol.reasoning.think import ThinkParser

if TYPE_CHECKING:
    from bridge.protocol.reasoning.base import ReasoningParser

REASONING: Final[dict[str, type[ReasoningParser]]] = {
    "granite": GraniteParser,
    "mistral": MistralParser,
    "think": ThinkParser,
}
