"""Calls as Hermes and Qwen (2.5, 3) write them: `<tool_call>{"name": ..., "arguments": ...}</tool_call>`.

The format: https://huggingface.co/NousResearch/Hermes-3-Llama-3.1-8B and the chat templates of Qwen.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from bridge.protocol.markers import Markers
from bridge.protocol.source import SteppedParser
from bridge.protocol.tool_calls.json_calls import marked_json_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

START: Final = Markers("<tool_call>")
END: Final = Markers("</tool_call>")


class HermesParser(SteppedParser):
    """One object, or several, between tags; see `ToolCallParser`."""

    # Tokens of the vocabulary, and special ones in some of the models.
    special_tokens: ClassVar[bool] = True

    def __init__(self, _functions: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(partial(marked_json_calls, starts=START, ends=END))
