"""The text the model learns from: the help topics that every CPython carries.

Rule: text in, text out; tokens are the tokenizer's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pydoc_data.topics import topics as HELP_TOPICS  # noqa: N812 - a table, not a class
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PASSAGE_WORDS = 80
"""A passage ends with the first paragraph that makes it at least this long."""
UNDERLINE = re.compile(r"^[*=\-~^]{3,}$\n?", re.MULTILINE)
HEADING = re.compile(r"\n*(.+)\n[*=]{3,}\n")


@dataclass(frozen=True, slots=True)
class Topic:
    """One subject and its passages, each a text that stands for itself: what a whole answer looks like."""

    name: str
    heading: str
    passages: tuple[str, ...]


def load(texts: Mapping[str, str] = HELP_TOPICS) -> list[Topic]:
    """Return the topics in alphabetical order."""
    return [_topic(name, texts[name]) for name in sorted(texts)]


def _topic(name: str, text: str) -> Topic:
    heading = HEADING.match(text)
    body = UNDERLINE.sub("", text[heading.end() :] if heading else text)
    paragraphs = [_unwrapped(p) for p in re.split(r"\n{2,}", body.strip("\n")) if p.strip()]
    return Topic(name, heading[1] if heading else "", tuple(_passages(paragraphs)))


def _unwrapped(paragraph: str) -> str:
    """Join the lines of prose; what is indented is code, a grammar or a list and keeps its lines."""
    lines = paragraph.split("\n")
    return paragraph if any(line.startswith(" ") for line in lines) else " ".join(lines)


def _passages(paragraphs: list[str]) -> Iterator[str]:
    passage: list[str] = []
    for paragraph, following in zip(paragraphs, [*paragraphs[1:], ""], strict=True):
        passage.append(paragraph)
        is_long = sum(len(p.split()) for p in passage) >= PASSAGE_WORDS
        if is_long and not following.startswith(" "):  # an example stays with the sentence before it
            yield "\n\n".join(passage)
            passage = []
    if passage:
        yield "\n\n".join(passage)
