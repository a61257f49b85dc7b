"""Names that are told by the character after them."""

from __future__ import annotations

import re

import pytest

from bridge.protocol.events import Text
from bridge.protocol.source import Source, SteppedParser, Steps
from bridge.protocol.tool_calls.names import LONGEST, is_name, short_run
from bridge.protocol.tool_calls.pythonic import PythonicParser
from bridge.protocol.tool_calls.qwen3_coder import Qwen3CoderParser
from tests.protocol.tool_calls.json_samples import call
from tests.protocol.tool_calls.reading import merged, read, two_pieces

LETTERS = re.compile("[a-z]*+")


@pytest.mark.parametrize(
    ("text", "run"),
    [
        pytest.param("name(rest", ("name", True), id="a name"),
        pytest.param("name (rest", ("name", False), id="another character after it"),
        pytest.param("name", ("name", False), id="nothing after it"),
        pytest.param("(", ("", True), id="no name"),
        pytest.param("a" * LONGEST + "(", ("a" * LONGEST, True), id="the longest name"),
        pytest.param("a" * LONGEST + "aa(", ("a" * LONGEST + "a", False), id="too long a name"),
    ],
)
def test_a_run_is_the_same_however_split(text: str, run: tuple[str, bool]) -> None:
    for pieces in [*two_pieces(text), [*text]]:
        found = []

        def steps(source: Source, found: list[tuple[str, bool]] = found) -> Steps[None]:
            found.append((yield from short_run(source, LETTERS, "(")))
            while not source.ended:
                yield

        parser = SteppedParser(steps)
        for piece in pieces:
            parser.feed(piece)
        parser.finish()
        assert found == [run], pieces


def test_three_dots_are_no_name() -> None:
    assert [is_name(text) for text in ("now", "3d", "_x", "...", "-", "")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_long_word_in_brackets_is_not_held_back() -> None:
    parser = PythonicParser({"now": {}})
    said = [parser.feed(character) for character in "[" + "x" * 2 * LONGEST]
    assert [*map(len, said)] == [0] * (LONGEST + 1) + [1] * LONGEST
    assert merged([event for events in said for event in events]) == (Text("[" + "x" * 2 * LONGEST),)


def test_a_long_line_that_looks_like_a_parameter_stays_in_the_value() -> None:
    line = "\n<parameter=" + "x" * 2 * LONGEST
    text = f"<function=store><parameter=text>{line}\n{line}></parameter></function>"
    expected = call("store", '{"text": "' + f"{line[1:]}\n{line}>".replace("\n", "\\n") + '"}')
    for pieces in ([text], [*text]):
        assert merged(read(Qwen3CoderParser, pieces)) == expected
