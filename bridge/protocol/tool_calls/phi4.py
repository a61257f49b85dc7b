"""Calls as Phi-4 writes them: `functools[{...}]`, or `<|tool_call|>[{...}]<|/tool_call|>`.

The second form is asked for by prompts in circulation, with `tool_calls` too.
The formats: https://huggingface.co/microsoft/Phi-4-mini-instruct, and vLLM's template and parser for it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from bridge.protocol.markers import Markers
from bridge.protocol.source import SteppedParser
from bridge.protocol.tool_calls.json_calls import marked_json_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

STARTS: Final = Markers("functools[", "<|tool_call|>", "<|tool_calls|>")
END: Final = Markers("<|/tool_call|>", "<|/tool_calls|>")


class Phi4Parser(SteppedParser):
    """A list of objects after a word or a tag; see `ToolCallParser`."""

    special_tokens: ClassVar[bool] = False

    def __init__(self, _functions: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(partial(marked_json_calls, starts=STARTS, ends=END))
