"""Arrays, put together from values for their items.

Rule: how many items there are, and that none is repeated where none may be; what they hold is `Values`'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rule_lm.json_schema.parts import Part, others, together
from rule_lm.json_schema.validation import same

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rule_lm.json_schema.parts import Site
    from rule_lm.message import Message

LONGER: Final = 4
"""Lengths above the least that are tried."""
MOST_HINTED: Final = 32
"""Items at most that are made from what the user said, if nothing demands more."""


def arrays(site: Site) -> Iterator[list[Any]]:
    """Yield arrays: as long as the user said enough for, then of other lengths."""
    least, most = max(site.least("minItems"), _contained(site)), site.most("maxItems")
    first = _item(site, 0)
    subjects = site.values.subjects(first.schema, first.place)
    wanted = max(len(subjects) or _hinted(site) or (0 if site.place.is_brief else 1), least)
    unique = any(schema.get("uniqueItems") for schema in site.schemas)
    wanted = wanted if most is None else min(wanted, most)
    for length in dict.fromkeys((wanted, *range(least, least + LONGER))):
        if most is None or length <= most:
            subject_of = dict(enumerate(subjects))
            parts = {index: _item(site, index, subject_of.get(index)) for index in range(length)}
            yield from _filled(site, parts, unique=unique)


def _filled(site: Site, parts: dict[int, Part], *, unique: bool) -> Iterator[list[Any]]:
    """Yield arrays with these items, none if there is no value for one of them."""
    found: list[Any] = []
    for part in parts.values():
        for value in part.values(site.values):
            if not (unique and any(same(value, earlier) for earlier in found)):
                found.append(value)
                break
        else:
            return
    yield found
    for index, value in others(site.values, parts):
        yield [*found[:index], value, *found[index + 1 :]]


def _item(site: Site, index: int, subject: Message | None = None) -> Part:
    """Return what the item with this index must be; of items to be contained, the first ones are some."""
    document = site.values.document
    demands = [each for schema in site.schemas for each in document.item_schemas(schema, index)]
    demands += [
        schema["contains"]
        for schema in site.schemas
        if "contains" in schema and index < schema.get("minContains", 1)
    ]
    place = site.place.inside(site.references, site.place.name, index=index, message=subject)
    return Part(together(demands), place)


def _contained(site: Site) -> int:
    """Return how many items `contains` demands."""
    counts = [schema.get("minContains", 1) for schema in site.schemas if "contains" in schema]
    return max(counts, default=0)


def _hinted(site: Site) -> int:
    """Return for how many items the user said something."""
    for index in range(MOST_HINTED):
        part = _item(site, index)
        if not site.values.is_hinted(part.schema, part.place):
            return index
    return MOST_HINTED
