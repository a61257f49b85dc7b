"""Calls as Kimi K2 writes them: an id and its arguments between markers, in a section.

    <|tool_calls_section_begin|><|tool_call_begin|>functions.NAME:0<|tool_call_argument_begin|>{...}
    <|tool_call_end|><|tool_calls_section_end|>

The id holds the name and the number of the call in the conversation; the bridge makes ids of its own.
The format: tool_call_guidance.md of https://huggingface.co/moonshotai/Kimi-K2-Instruct. Some versions of
the model write the section's markers in the singular, as vLLM's parser knows.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from bridge.protocol.markers import Markers
from bridge.protocol.source import SPACE, SteppedParser
from bridge.protocol.tool_calls.named_calls import NAME, Spelling, marked_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.protocol.source import Source, Steps

SECTION: Final = ("<|tool_calls_section_begin|>", "<|tool_call_section_begin|>")
SECTION_END: Final = ("<|tool_calls_section_end|>", "<|tool_call_section_end|>")
CALL: Final = "<|tool_call_begin|>"
CALL_END: Final = "<|tool_call_end|>"
ARGUMENTS: Final = Markers("<|tool_call_argument_begin|>")
NUMBER: Final = re.compile(r":\d+\Z")


def _name(source: Source) -> Steps[str]:
    yield from source.run(SPACE)
    call_id = yield from source.run(NAME)
    if not (yield from source.skip(ARGUMENTS)):
        return ""
    return NUMBER.sub("", call_id).removeprefix("functions.")


SPELLING: Final = Spelling(
    starts=Markers(*SECTION, CALL),
    start=Markers(CALL),
    name=_name,
    stops=Markers(CALL_END, CALL, *SECTION_END),
    ends=(Markers(CALL_END),),
    section_end=Markers(*SECTION_END),
)


class KimiK2Parser(SteppedParser):
    """Calls in a section of their own; see `ToolCallParser`."""

    special_tokens: ClassVar[bool] = True

    def __init__(self, _functions: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(partial(marked_calls, spelling=SPELLING))
