"""JSON Schemas by hypothesis: any at all, and such that a value is known which they allow."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Schemas = st.SearchStrategy[Any]

NAMES = st.sampled_from(["city", "age", "kind", "a", "b", "tags", "to", "date"])
TEXTS = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(["Paris", "2025-01-01", "a b"])
NUMBERS = st.integers(-1000, 1000) | st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
SIZES = st.integers(0, 4)
STEPS = st.sampled_from([1, 2, 3, 7, 0.5, 0.1, 0.01, 2.5])
PATTERNS = st.sampled_from([r"^[A-Z]{2,}$", r"\d+-x", r"^a|b$", r"(?:ab)*", r"[^a]", r"^$", r"(x)\1"])
FORMATS = st.sampled_from(["date", "date-time", "email", "uri", "uuid", "ipv4", "something"])
LEAVES = st.one_of(
    st.booleans(),
    st.builds(dict, type=st.sampled_from(["string", "integer", "number", "boolean", "null"])),
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"minLength": SIZES, "maxLength": SIZES, "pattern": PATTERNS, "format": FORMATS},
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={
            **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), NUMBERS),
            "multipleOf": STEPS,
        },
    ),
    st.builds(dict, enum=st.lists(SCALARS, min_size=1, max_size=3)),
    st.builds(dict, const=VALUES),
)


def any_schemas() -> Schemas:
    """Return schemas of every keyword, most of which allow nothing."""
    inner = st.recursive(LEAVES, _around, max_leaves=8)
    return st.builds(lambda root, other: {**root, "$defs": {"A": other}}, inner.filter(_is_object), inner)


def schemas_and_values() -> Schemas:
    """Return a schema and a value of the type it is about, which it may allow or not."""
    members = st.dictionaries(NAMES, SCALARS, max_size=4)
    return st.one_of(
        st.tuples(_objects(LEAVES), members),
        st.tuples(_arrays(LEAVES), st.lists(SCALARS, max_size=4)),
        st.tuples(_around(LEAVES | _objects(LEAVES)).filter(_is_object), SCALARS | members),
        st.tuples(st.just({"enum": [0, [False], {"a": 1}]}), st.sampled_from([False, 0.0, [0], {"a": 1.0}])),
    )


def _is_object(schema: Any) -> bool:
    return isinstance(schema, dict)


def _objects(inner: Schemas) -> Schemas:
    by_name = st.dictionaries(NAMES, inner, max_size=3)
    names = st.lists(NAMES, max_size=3, unique=True)
    keywords = {
        "properties": by_name,
        "required": names,
        "additionalProperties": inner,
        "patternProperties": st.dictionaries(st.sampled_from(["^c", "a$", "x"]), inner, max_size=2),
        "propertyNames": inner,
        "minProperties": SIZES,
        "maxProperties": SIZES,
        "dependentRequired": st.dictionaries(NAMES, names, max_size=2),
        "dependentSchemas": by_name,
    }
    return st.fixed_dictionaries({"type": st.just("object")}, optional=keywords)


def _arrays(inner: Schemas) -> Schemas:
    keywords = {
        "items": inner,
        "prefixItems": st.lists(inner, min_size=1, max_size=3),
        "minItems": SIZES,
        "maxItems": SIZES,
        "uniqueItems": st.booleans(),
        "contains": inner,
        "minContains": SIZES,
        "maxContains": SIZES,
    }
    return st.fixed_dictionaries({"type": st.just("array")}, optional=keywords)


def _around(inner: Schemas) -> Schemas:
    several = st.lists(inner, min_size=1, max_size=3)
    choices = dict.fromkeys(("allOf", "anyOf", "oneOf"), several)
    return st.one_of(
        _objects(inner),
        _arrays(inner),
        st.fixed_dictionaries({}, optional=choices),
        st.builds(lambda one, other: {"allOf": [one, {"not": other}]}, inner, inner),
        st.fixed_dictionaries({"if": inner}, optional={"then": inner, "else": inner}),
        st.just({"$ref": "#/$defs/A"}),
    )


@st.composite
def satisfiable_schemas(draw: st.DrawFn) -> dict[str, Any]:
    """Return a schema made around a value that it allows."""
    definitions: dict[str, Any] = {}
    schema = _describing(draw, draw(VALUES), definitions)
    return {"allOf": [schema], "$defs": definitions}


def _describing(draw: st.DrawFn, value: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema that allows a value, behind references and among alternatives."""
    plain = _plain(draw, value, definitions)
    shape = draw(st.sampled_from(["plain", "plain", "anyOf", "allOf", "$ref", "true"]))
    if shape == "anyOf":
        return {"anyOf": [*draw(st.lists(LEAVES, max_size=2)), plain]}
    if shape == "allOf" and "additionalProperties" not in plain:  # which is about the `properties` beside it
        return {"allOf": [{keyword: demand} for keyword, demand in plain.items()]}
    if shape == "$ref":
        name = f"d{len(definitions)}"
        definitions[name] = plain
        return {"$ref": f"#/$defs/{name}"}
    return plain if shape == "plain" else True


def _plain(draw: st.DrawFn, value: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    slack = draw(st.integers(0, 3))
    if draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from([{"const": value}, {"enum": [value, "other"]}]))
    match value:
        case str():
            schema = {"type": "string", "minLength": max(0, len(value) - slack), "maxLength": len(value)}
            return schema if slack else {"type": ["string", "null"]}
        case bool() | None:
            return {"type": "null" if value is None else "boolean"}
        case int() | float():
            kind = "integer" if isinstance(value, int) and slack else "number"
            step = {"multipleOf": abs(value)} if value and kind == "integer" else {}
            return {"type": kind, "minimum": value - slack, "maximum": value + slack, **step}
        case list():
            items = [_describing(draw, item, definitions) for item in value]
            schema = {"type": "array", "prefixItems": items, "minItems": len(value)} if items else {}
            return schema | {"type": "array", "maxItems": len(value) + slack}
    inner = {name: _describing(draw, each, definitions) for name, each in value.items()}
    required = [name for name in value if draw(st.booleans())]
    return {"type": "object", "properties": inner, "required": required, "additionalProperties": slack > 0}
