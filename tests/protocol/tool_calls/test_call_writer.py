"""What is said of a call that is written piece by piece."""

from __future__ import annotations

from bridge.protocol.events import CallArguments, CallEnd, CallStart
from bridge.protocol.source import Source
from bridge.protocol.tool_calls.call_writer import CallWriter


def test_what_is_written_between_two_waits_is_one_event() -> None:
    source = Source()
    call = CallWriter(source, "now")
    for piece in ("{", "", '"a": '):
        call.write(piece)
    next(call.more())
    call.write("1}")
    call.end()
    assert source.events == [CallStart("now"), CallArguments('{"a": '), CallArguments("1}"), CallEnd()]


def test_nothing_after_a_gap_is_said_before_it_is_filled() -> None:
    source = Source()
    call = CallWriter(source, "now")
    call.write("{")
    outer, inner = call.leave_gap(), call.leave_gap()
    call.write("1")
    call.say()
    call.fill_gap(inner, "[")
    call.say()
    assert source.events == [CallStart("now")]
    call.fill_gap(outer, "")
    call.say()
    assert source.events == [CallStart("now"), CallArguments("{[1")]


def test_what_was_held_is_part_of_the_call() -> None:
    source = Source()
    source.text = "<call>"
    source.hold()
    source.take(6)
    CallWriter(source, "now").end()
    source.give_back()
    assert source.events == [CallStart("now"), CallEnd()]
