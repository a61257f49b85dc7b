"""Calls as Llama 3.1 to 3.3 write them: `{"name": ..., "parameters": ...}`, several with `;` between them.

The tag `<|python_tag|>` before them is optional. Without it only an object at the beginning of the text or of
a line is a call, and only of a function that was offered: any answer in JSON looks alike.
The format: https://github.com/meta-llama/llama-models, prompt formats of Llama 3.1 and 3.2.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from bridge.protocol.markers import Markers
from bridge.protocol.source import SPACE, SteppedParser
from bridge.protocol.tool_calls.json_calls import json_calls

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from bridge.protocol.source import Source, Steps

LINE: Final = "\n{"
STARTS: Final = Markers("<|python_tag|>", LINE)
STOPS: Final = Markers("<|python_tag|>", ";")


class Llama3JsonParser(SteppedParser):
    """Objects at the beginning of a line, or after a tag; see `ToolCallParser`."""

    # The tag is a special token, but it adds nothing: the calls that follow it are read without it as well.
    special_tokens: ClassVar[bool] = False

    def __init__(self, functions: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(partial(_read, offered=functions))


def _read(source: Source, offered: Container[str]) -> Steps[None]:
    source.hold()
    yield from source.run(SPACE)
    if source.next_character() in ("{", "["):
        yield from json_calls(source, stops=STOPS, offered=offered)
    else:
        source.give_back()
    while marker := (yield from source.prose(STARTS)):
        if marker == LINE:
            yield from json_calls(source, stops=STOPS, offered=offered, opened=True)
        else:
            yield from json_calls(source, stops=STOPS)
