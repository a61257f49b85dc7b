"""The ways to satisfy a schema: each a list of plain schemas that all hold, free of choices and references.

Rule: takes apart, judges nothing. A way may contradict itself; then no value of it is valid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rule_lm.json_schema.document import Document, Schema

Variant: TypeAlias = "tuple[list[dict[str, Any]], tuple[str, ...]]"
"""The plain schemas, and the references followed so far."""

ROUNDS: Final = 3
"""How often one reference is followed on the way to a value."""


def variants(
    document: Document,
    schema: Schema,
    references: tuple[str, ...],
    ranked: Callable[[Sequence[Schema]], Sequence[Schema]],
) -> Iterator[Variant]:
    """Yield the ways to satisfy a schema; `ranked` puts the members of a choice in order."""
    if schema is False:
        return
    if schema is True:
        yield [{}], references
        return
    choices: list[Sequence[Schema]] = [[inner] for inner in schema.get("allOf", ())]
    choices += [ranked(schema[keyword]) for keyword in ("anyOf", "oneOf") if keyword in schema]
    if "if" in schema:
        choices.append([{"allOf": [schema["if"], schema.get("then", True)]}, schema.get("else", True)])
    if "$ref" in schema:
        if references.count(schema["$ref"]) >= ROUNDS:
            return
        references = (*references, schema["$ref"])
        choices.append([document.target(schema["$ref"])])
    for others, followed in _combined(document, choices, references, ranked):
        yield [schema, *others], followed


def _combined(
    document: Document,
    choices: list[Sequence[Schema]],
    references: tuple[str, ...],
    ranked: Callable[[Sequence[Schema]], Sequence[Schema]],
) -> Iterator[Variant]:
    """Yield the ways to satisfy one member of each choice."""
    if not choices:
        yield [], references
        return
    for member in choices[0]:
        for first, followed in variants(document, member, references, ranked):
            for others, all_followed in _combined(document, choices[1:], followed, ranked):
                yield [*first, *others], all_followed
