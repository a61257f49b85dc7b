"""What all parsers of reasoning in tags keep to, on texts made of their own words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.protocol.events import Reasoning, Text
from bridge.protocol.reasoning.granite import GraniteParser
from bridge.protocol.reasoning.mistral import MistralParser
from bridge.protocol.reasoning.think import ThinkParser
from tests.protocol.reading_work import work
from tests.protocol.tool_calls.reading import cut_at, merged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.protocol.events import Event
    from bridge.protocol.reasoning.tags import TaggedParser

PARSERS = (GraniteParser, MistralParser, ThinkParser)
every_parser = pytest.mark.parametrize("parser", PARSERS)


def marks(parser: type[TaggedParser]) -> list[str]:
    """Return all that the format may leave out."""
    tags = [*parser.tags, *(tag for closings in parser.tags.values() for tag in closings)]
    return [*tags, "<response>", "</response>"] if parser is GraniteParser else tags


def read(parser: type[TaggedParser], prompt: str, pieces: Iterable[str]) -> tuple[Event, ...]:
    reading = parser(prompt=prompt, constrained=False)
    return merged([*(event for piece in pieces for event in reading.feed(piece)), *reading.finish()])


@every_parser
@given(data=st.data())
def test_no_character_is_lost_and_splits_do_not_matter(
    parser: type[TaggedParser], data: st.DataObject
) -> None:
    words = [*marks(parser), *(mark[:5] for mark in marks(parser)), *"a\u00e9\U0001f600 \n\t<[{"]
    text = "".join(data.draw(st.lists(st.sampled_from(words), max_size=20)))
    prompt = data.draw(st.sampled_from(["", *marks(parser)]))
    whole = read(parser, prompt, [text])
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=6))
    assert read(parser, prompt, cut_at(text, places)) == whole
    assert read(parser, prompt, text) == whole
    mark = re.compile("|".join(map(re.escape, marks(parser))))
    said = "".join(mark.sub("", event.text) for event in whole if isinstance(event, Reasoning | Text))
    assert "".join(said.split()) == "".join(mark.sub("", text).split())


@every_parser
@given(text=st.text())
def test_any_text_that_the_prompt_and_the_model_do_not_open_is_the_answer(
    parser: type[TaggedParser], text: str
) -> None:
    assume(not any(tag in text for tag in parser.tags))
    assert read(parser, "Hi", text) == ((Text(text),) if text else ())


@every_parser
def test_four_times_the_text_is_four_times_the_work(parser: type[TaggedParser]) -> None:
    opening, closings = next(iter(parser.tags.items()))
    pause = f" < [ {closings[0][:-1]} \n\n"

    def text(count: int) -> str:
        return opening + pause * count + closings[0] + pause * count

    once, four_times = (work(parser(prompt="", constrained=False), text(count)) for count in (100, 400))
    assert four_times < 4.2 * once


@every_parser
def test_no_text_is_kept_that_grows(parser: type[TaggedParser]) -> None:
    opening, closings = next(iter(parser.tags.items()))
    reading = parser(prompt="", constrained=False)
    for character in opening + " to be < or [ not Here is to be" * 20 + closings[0] + "\n< that is" * 20:
        list(reading.feed(character))
        kept = [*vars(reading).values(), *vars(reading)["_space"]]
        assert (
            max(len(value) for value in kept if isinstance(value, str)) < len(max(marks(parser), key=len)) + 1
        )
