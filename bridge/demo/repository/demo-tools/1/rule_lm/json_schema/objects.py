"""Objects, put together from values for their properties.

Rule: which properties there are and in which order; what they hold is `Values`'.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from rule_lm.hints import kind
from rule_lm.json_schema.parts import Part, others, together
from rule_lm.json_schema.validation import valid
from rule_lm.patterns import containing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rule_lm.json_schema.document import Schema
    from rule_lm.json_schema.parts import Site

NAMES: Final = 200
"""Names that are tried for properties which the schema demands and does not name."""


def objects(site: Site) -> Iterator[dict[str, Any]]:
    """Yield objects: with what is wanted, with what is required alone, with everything."""
    names = chain.from_iterable(schema.get("required", ()) for schema in site.schemas)
    required = _with_demanded(site, set(names))
    declared = dict.fromkeys(
        chain(*(schema.get("properties", ()) for schema in site.schemas), sorted(required))
    )
    hinted = _hinted(site, declared) if site.place.is_brief else set(declared)
    for chosen in (required | hinted, required, set(declared)):
        complete = _with_demanded(site, chosen)
        in_order = [name for name in declared if name in complete]
        in_order += sorted(complete - set(declared))
        in_order += _more(site, in_order, len(required))
        yield from _filled(site, in_order, required)


def _filled(site: Site, names: list[str], required: set[str]) -> Iterator[dict[str, Any]]:
    """Yield objects with these properties; one that no value fits is left out unless it is required."""
    found = {}
    parts = _parts(site, names)
    for name, part in list(parts.items()):
        for value in part.values(site.values):
            found[name] = value
            break
        else:
            if name in required:
                return
            del parts[name]
    most = site.most("maxProperties")
    if most is not None and len(found) > most:
        kept = [*required, *(name for name in found if name not in required)][:most]
        found = {name: value for name, value in found.items() if name in kept}
        parts = {name: parts[name] for name in found}
    yield found
    for name, value in others(site.values, parts):
        yield found | {name: value}


def _parts(site: Site, names: Iterable[str]) -> dict[str, Part]:
    parts, counts = {}, Counter()
    for name in names:
        schema = _property_schema(site, name)
        unnumbered = site.place.inside(site.references, name)
        what = kind(name, site.values.plain(schema, unnumbered))
        parts[name] = Part(schema, site.place.inside(site.references, name, ordinal=counts[what]))
        counts[what] += 1
    return parts


def _property_schema(site: Site, name: str) -> Schema:
    document = site.values.document
    return together([each for schema in site.schemas for each in document.property_schemas(schema, name)])


def _hinted(site: Site, names: Iterable[str]) -> set[str]:
    """Return the properties that the user said something for."""
    parts = _parts(site, names)
    return {name for name, part in parts.items() if site.values.is_hinted(part.schema, part.place)}


def _with_demanded(site: Site, names: set[str]) -> set[str]:
    """Return these properties and those that must be where they are."""
    found = set(names)
    demands = [
        (name, demanded)
        for schema in site.schemas
        for keyword in ("dependencies", "dependentRequired")
        for name, demanded in schema.get(keyword, {}).items()
        if isinstance(demanded, list)
    ]
    for _ in demands:
        found |= {other for name, demanded in demands if name in found for other in demanded}
    return found


def _more(site: Site, names: list[str], required: int) -> list[str]:
    """Return names for properties that the schema wants and does not name."""
    missing = site.least("minProperties") - len(names)
    if not names and not required and not site.place.is_brief and _is_map(site):
        missing = max(1, missing)  # an empty map would be valid, but shows nothing
    found: list[str] = []
    for name in islice(_names(site), NAMES + missing) if missing > 0 else ():
        is_new = name not in names and name not in found
        if is_new and _may_be_called(site, name) and _property_schema(site, name) is not False:
            found.append(name)
        if len(found) == missing:
            break
    return found


def _is_map(site: Site) -> bool:
    """Whether any name will do, and something is said of what it leads to."""
    return any(
        isinstance(schema.get("additionalProperties"), dict) or schema.get("patternProperties")
        for schema in site.schemas
    )


def _names(site: Site) -> Iterator[str]:
    """Yield names for properties, of the form that is wanted first."""
    for schema in site.schemas:
        if "propertyNames" in schema:
            place = site.place.inside(site.references, "name")
            inner = {"allOf": [{"type": "string"}, schema["propertyNames"]]}
            yield from islice(site.values.of(inner, place), NAMES)
        for pattern in schema.get("patternProperties", ()):
            yield from islice(containing(pattern), NAMES)
    number = 0
    while True:
        number += 1
        yield f"key{number}"


def _may_be_called(site: Site, name: str) -> bool:
    demands = [schema["propertyNames"] for schema in site.schemas if "propertyNames" in schema]
    return all(valid(site.values.document, demand, name) for demand in demands)
