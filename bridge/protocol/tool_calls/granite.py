"""Calls as Granite writes them: JSON objects in a list, or one by one, after a tag.

Granite 3.0 writes `<|tool_call|>[{...}]`, 3.1 to 3.3 `<tool_call>[{...}]` or the former, Granite 4
`<tool_call>{...}</tool_call>`.
The formats: the chat templates of https://huggingface.co/ibm-granite, and what vLLM's parsers read.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from bridge.protocol.markers import Markers
from bridge.protocol.source import SteppedParser
from bridge.protocol.tool_calls.json_calls import marked_json_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

STARTS: Final = Markers("<|tool_call|>", "<tool_call>")
END: Final = Markers("</tool_call>")


class GraniteParser(SteppedParser):
    """A list of objects, or one object, after a tag; see `ToolCallParser`."""

    special_tokens: ClassVar[bool] = True

    def __init__(self, _functions: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(partial(marked_json_calls, starts=STARTS, ends=END))
