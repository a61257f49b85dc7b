"""Parsers of tool calls, by the names they have in the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.protocol.harmony import HarmonyParser
from bridge.protocol.tool_calls.deepseek_v3 import DeepseekV3Parser
from bridge.protocol.tool_calls.deepseek_v3_1 import DeepseekV31Parser
from bridge.protocol.tool_calls.glm45 import Glm45Parser
from bridge.protocol.tool_calls.granite import GraniteParser
from bridge.protocol.tool_calls.hermes import HermesParser
from bridge.protocol.tool_calls.kimi_k2 import KimiK2Parser
from bridge.protocol.tool_calls.llama3_json import Llama3JsonParser
from bridge.protocol.tool_calls.mistral import MistralParser
from bridge.protocol.tool_calls.phi4 import Phi4Parser
from bridge.protocol.tool_calls.pythonic import PythonicParser
from bridge.protocol.tool_calls.qwen3_coder import Qwen3CoderParser

if TYPE_CHECKING:
    from bridge.protocol.tool_calls.base import ToolCallParser

PARSERS: Final[dict[str, type[ToolCallParser]]] = {
    "deepseek_v3": DeepseekV3Parser,
    "deepseek_v3_1": DeepseekV31Parser,
    "glm45": Glm45Parser,
    "granite": GraniteParser,
    "harmony": HarmonyParser,
    "hermes": HermesParser,
    "kimi_k2": KimiK2Parser,
    "llama3_json": Llama3JsonParser,
    "mistral": MistralParser,
    "phi4": Phi4Parser,
    "pythonic": PythonicParser,
    "qwen3_coder": Qwen3CoderParser,
}
