"""A text of a grammar: GBNF as llama.cpp has it (`root ::= ...`), or the core of Lark's (`start: ...`).

Rule: of several alternatives the one the user mentions, else the one that ends soonest. What of the notation
is not understood is refused by name.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rule_lm.patterns import matching

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rule_lm.message import Message

RULE: Final = re.compile(r"^[ \t]*[?!]?([A-Za-z_][\w-]*)(?:\.-?\d+)?[ \t]*(::=|:)", re.MULTILINE)
SKIPPED: Final = re.compile(r"^[ \t]*%ignore\b.*$", re.MULTILINE)
DIRECTIVE: Final = re.compile(r"^[ \t]*%\w+", re.MULTILINE)
TOKEN: Final = re.compile(
    r"""(?P<space>\s+|\#[^\n]*|//[^\n]*|->\s*\w+)
    |(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')i?
    |(?P<class>\[(?:[^\]\\\n]|\\.)+\])
    |/(?P<pattern>(?:[^/\\\n]|\\.)+)/[imsu]*
    |(?P<name>[A-Za-z_][\w-]*)
    |(?P<times>\{\d+(?:,\d*)?\}|~\s*\d+(?:\s*\.\.\s*\d+)?|[*+?])
    |(?P<mark>[()|\[\]])""",
    re.VERBOSE,
)
TIMES: Final = {"*": (0, None), "+": (1, None), "?": (0, 1)}
ENDS: Final = (("mark", "|"), ("mark", ")"), ("mark", "]"))
STARTS: Final = {"::=": "root", ":": "start"}


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a rule: `kind` is text, pattern, name, all, any or times."""

    kind: str
    value: str = ""
    """The text, regular expression or name."""
    parts: tuple[Node, ...] = ()
    least: int = 0
    """Of kind times: how often its only part comes."""


class Grammar:
    """The rules of one grammar, by name."""

    def __init__(self, source: str) -> None:
        """Read the rules.

        Raises:
            ValueError: something is not understood, or a rule is missing or never ends.
        """
        source = SKIPPED.sub("", source)
        if directive := DIRECTIVE.search(source):
            raise ValueError(f"grammar: {directive[0].strip()} is not supported by this model")
        heads = list(RULE.finditer(source))
        if not heads or source[: heads[0].start()].strip():
            raise ValueError("grammar: no rule `name ::= ...` or `name: ...` at the beginning")
        ends = [*(head.start() for head in heads[1:]), len(source)]
        self._rules = {
            head[1]: Reader(source[head.end() : end], is_gbnf=head[2] == "::=").rule()
            for head, end in zip(heads, ends, strict=True)
        }
        self._start = STARTS[heads[0][2]]
        self._heights = self._measured()

    def text(self, message: Message) -> str:
        """Return a text that the grammar allows, for what the user said."""
        return self._text(Node("name", self._start), message)

    def _measured(self) -> dict[str, float]:
        """Return how many rules deep each rule must go."""
        heights: dict[str, float] = dict.fromkeys(self._rules, math.inf)
        for _ in self._rules:
            heights |= {name: 1 + self._height(node, heights) for name, node in self._rules.items()}
        if self._height(Node("name", self._start), heights) == math.inf:
            raise ValueError(f"grammar: the rule {self._start!r} never ends")
        return heights

    def _height(self, node: Node, heights: dict[str, float]) -> float:
        if node.kind == "name" and node.value not in heights:
            raise ValueError(f"grammar: there is no rule {node.value!r}")
        if node.kind == "name":
            return heights[node.value]
        inner = [self._height(part, heights) for part in node.parts]
        if node.kind == "times":
            return inner[0] if node.least else 0
        return (min if node.kind == "any" else max)(inner, default=0)

    def _text(self, node: Node, message: Message) -> str:
        match node.kind:
            case "text":
                return node.value
            case "pattern":
                return matching(node.value, message.chunks)
            case "name":
                return self._text(self._rules[node.value], message)
            case "any":
                return self._text(self._best(node.parts, message), message)
        times = node.least if node.kind == "times" else 1
        return "".join(self._text(part, message) for part in node.parts * times)

    def _best(self, alternatives: tuple[Node, ...], message: Message) -> Node:
        def order(node: Node) -> tuple[bool, float]:
            said = " ".join(part.value for part in (node, *node.parts) if part.kind == "text")
            return not message.mentions(said), self._height(node, self._heights)

        return min(alternatives, key=order)


class Reader:
    """Reads one rule's right-hand side."""

    def __init__(self, source: str, *, is_gbnf: bool) -> None:
        self._tokens = list(_tokens(source, is_gbnf=is_gbnf))
        self._next = 0

    def rule(self) -> Node:
        """Return the whole of it."""
        node = self._any()
        if self._next < len(self._tokens):
            raise ValueError(f"grammar: {self._tokens[self._next][1]!r} has no beginning")
        return node

    def _any(self) -> Node:
        parts = [self._all()]
        while self._took("|"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Node("any", parts=tuple(parts))

    def _all(self) -> Node:
        parts: list[Node] = []
        while self._next < len(self._tokens) and self._tokens[self._next] not in ENDS:
            kind, value = self._tokens[self._next]
            self._next += 1
            if kind == "times":
                if not parts:
                    raise ValueError(f"grammar: there is nothing for {value!r} to repeat")
                parts[-1] = _repeated(parts[-1], value)
            else:
                parts.append(self._group(value) if kind == "mark" else Node(kind, value))
        return parts[0] if len(parts) == 1 else Node("all", parts=tuple(parts))

    def _group(self, opening: str) -> Node:
        """Read up to the closing bracket; Lark's square ones make their content optional."""
        node = self._any()
        closing = {"(": ")", "[": "]"}[opening]
        if not self._took(closing):
            raise ValueError(f"grammar: {closing!r} is missing")
        return node if opening == "(" else _repeated(node, "?")

    def _took(self, mark: str) -> bool:
        found = self._tokens[self._next : self._next + 1] == [("mark", mark)]
        self._next += found
        return found


def _tokens(source: str, *, is_gbnf: bool) -> Iterator[tuple[str, str]]:
    """Yield kind and value of each token; a class of characters is a pattern."""
    place = 0
    while place < len(source):
        found = TOKEN.match(source, place)
        if found and found["class"] and not is_gbnf:  # in Lark, a bracket around what is optional
            found = re.compile(r"(?P<mark>\[)").match(source, place)
        if not found:
            raise ValueError(f"grammar: {source[place : place + 10]!r} is not understood by this model")
        place = found.end()
        kind = found.lastgroup or ""
        if kind != "space":
            yield _token(kind, found[kind])


def _token(kind: str, value: str) -> tuple[str, str]:
    if kind == "text":
        try:
            return kind, str(ast.literal_eval(value))
        except (SyntaxError, ValueError) as error:
            raise ValueError(f"grammar: {value} is not understood by this model") from error
    return ("pattern" if kind == "class" else kind), value


def _repeated(node: Node, times: str) -> Node:
    numbers = [int(number) for number in re.findall(r"\d+", times)]
    is_open = times.endswith(",}")
    least, most = TIMES[times] if times in TIMES else (numbers[0], None if is_open else numbers[-1])
    if node.kind == "pattern":  # as one pattern, a word of the message may fit it
        return Node("pattern", f"(?:{node.value}){{{least},{'' if most is None else most}}}")
    return Node("times", parts=(node,), least=least)
