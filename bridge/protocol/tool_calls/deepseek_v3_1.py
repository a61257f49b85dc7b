"""Calls as DeepSeek V3.1 writes them: a name and its arguments between markers, in a section.

    <|tool_calls_begin|><|tool_call_begin|>NAME<|tool_sep|>{...}<|tool_call_end|><|tool_calls_end|>

The format: the model card of https://huggingface.co/deepseek-ai/DeepSeek-V3.1.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from bridge.protocol.markers import Markers
from bridge.protocol.source import SPACE, SteppedParser
from bridge.protocol.tool_calls.deepseek import CALL, CALL_END, SECTION, SECTION_END, SEPARATOR
from bridge.protocol.tool_calls.named_calls import NAME, Spelling, marked_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.protocol.source import Source, Steps


NAME_ENDS: Final = Markers(SEPARATOR)


def _name(source: Source) -> Steps[str]:
    yield from source.run(SPACE)
    name = yield from source.run(NAME)
    return name if (yield from source.skip(NAME_ENDS)) else ""


SPELLING: Final = Spelling(
    starts=Markers(SECTION, CALL),
    start=Markers(CALL),
    name=_name,
    stops=Markers(CALL_END, CALL, SECTION_END),
    ends=(Markers(CALL_END),),
    section_end=Markers(SECTION_END),
)


class DeepseekV31Parser(SteppedParser):
    """Calls in a section of their own; see `ToolCallParser`."""

    special_tokens: ClassVar[bool] = False

    def __init__(self, _functions: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(partial(marked_calls, spelling=SPELLING))
