"""What the text of a model amounts to when it is read for reasoning and tool calls.

Parsers return events; `chat_chunks` makes messages of them. An event holds only what is new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(slots=True)
class Text:
    """Text of the answer."""

    text: str


@dataclass(slots=True)
class Reasoning:
    """Text of the model's reasoning."""

    text: str


@dataclass(slots=True)
class CallStart:
    """A tool call begins; its index is the number of those before it."""

    name: str


@dataclass(slots=True)
class CallArguments:
    """More of the arguments of the call that began last: JSON as the model wrote it, valid or not."""

    text: str


@dataclass(slots=True)
class CallEnd:
    """The call that began last is complete. One that the end of the text cut off has none."""


Event: TypeAlias = Text | Reasoning | CallStart | CallArguments | CallEnd
