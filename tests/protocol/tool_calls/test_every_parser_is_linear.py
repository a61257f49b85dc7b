"""No parser of tool calls reads a text twice: told by counting, not by the clock."""

from __future__ import annotations

import gc
import json
import re
import sys
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

import pytest

from bridge.protocol.tool_calls import PARSERS
from tests.protocol.tool_calls.cases import FUNCTIONS
from tests.protocol.tool_calls.reading import calls, samples_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.protocol.tool_calls.base import ToolCallParser

every_parser = pytest.mark.parametrize("parser", PARSERS)
MOST_HELD: Final = 100
"""Characters of a string that a parser may keep: a marker, not a text."""
NO_STATE: Final = (type, ModuleType, FunctionType, BuiltinFunctionType, CodeType, re.Pattern)


@every_parser
def test_four_times_the_text_is_four_times_the_work(parser: str) -> None:
    work = [_work(PARSERS[parser](FUNCTIONS), _one_call(parser, size)) for size in (1_000, 4_000)]
    assert work[1] < 4.2 * work[0]


@every_parser
def test_many_calls_at_once_are_as_much_work_each(parser: str) -> None:
    text = samples_of(parser)["03 parallel calls"].text
    work = [_work(PARSERS[parser](FUNCTIONS), [text * count]) for count in (10, 40)]
    assert work[1] < 4.2 * work[0]


@every_parser
def test_no_text_is_kept_that_grows_with_the_arguments(parser: str) -> None:
    reading = PARSERS[parser](FUNCTIONS)
    text = _one_call(parser, 1_000)
    for character in text[: 900 + text.index("Rome")]:
        list(reading.feed(character))
    assert max(len(kept) for kept in _strings(reading)) < MOST_HELD


@every_parser
def test_no_text_is_kept_that_grows_with_the_prose(parser: str) -> None:
    reading = PARSERS[parser](FUNCTIONS)
    for character in "to be or not to be < that is [ the question { \n\n" * 20:
        list(reading.feed(character))
    assert max((len(kept) for kept in _strings(reading)), default=0) < MOST_HELD


def _one_call(parser: str, size: int) -> str:
    """Return the text of one call with a string of `size` characters in its arguments."""
    sample = samples_of(parser)["02 one call"]
    city = json.loads(calls(sample.events)[0].arguments)["city"]
    assert city in sample.text
    return sample.text.replace(city, (city * size)[:size])


def _work(reading: ToolCallParser, pieces: Iterable[str]) -> int:
    """Return how many calls, of functions and of built-in ones, reading takes."""
    count = 0

    def tally(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tally)
    try:
        for piece in pieces:
            list(reading.feed(piece))
        list(reading.finish())
    finally:
        sys.setprofile(before)
    return count


def _strings(root: object) -> Iterator[str]:
    """Yield the strings that a parser keeps, in its attributes and in the local variables of its steps."""
    seen: set[int] = set()
    waiting: list[Any] = [root]
    while waiting:
        this = waiting.pop()
        if id(this) in seen or isinstance(this, NO_STATE) or _is_module_s(this):
            continue
        seen.add(id(this))
        if isinstance(this, str):
            yield this
        elif this is not FUNCTIONS:
            waiting.extend(gc.get_referents(this))


def _is_module_s(this: object) -> bool:
    """Whether this is the dictionary of a module, which every frame refers to."""
    return isinstance(this, dict) and "__name__" in this
