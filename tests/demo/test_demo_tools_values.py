"""Where `demo-tools` takes the values of its JSON from, and what it refuses to say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.demo.tool_prompts import answered, called, returned, user

PERSON = {"properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "type": "object"}


def text(**demands: Any) -> dict[str, Any]:
    return {"type": "string", **demands}


def having(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("message", "schema", "expected"),
    [
        pytest.param(
            "Jason Miller is 25 years old", PERSON, {"name": "Jason Miller", "age": 25}, id="person"
        ),
        pytest.param("for 3 days, 2 rooms", having(rooms={"type": "integer"}), {"rooms": 2}, id="near"),
        pytest.param("This is great, positive!", {"enum": ["negative", "positive"]}, "positive", id="enum"),
        pytest.param("Order AB-123 is late", text(pattern=r"^[A-Z]{2}-\d{3}$"), "AB-123", id="pattern"),
        pytest.param("Due on 2025-03-04.", text(format="date"), "2025-03-04", id="format"),
        pytest.param(
            "Compare Rome, Oslo and Bern",
            {"properties": {"cities": {"type": "array", "items": {"type": "string"}}}},
            {"cities": ["Rome", "Oslo", "Bern"]},
            id="list of places",
        ),
        pytest.param(
            "Sum 4, 5 and 6",
            {"properties": {"numbers": {"type": "array", "items": {"type": "number"}}}},
            {"numbers": [4, 5, 6]},
            id="list of numbers",
        ),
        pytest.param("It is urgent", having(urgent={"type": "boolean"}), {"urgent": True}, id="yes"),
        pytest.param("7", having(n={"type": "integer", "maximum": 5}), {"n": 1}, id="out of bounds"),
        pytest.param("hm", having(n={"type": "integer", "default": 9}), {"n": 9}, id="default"),
    ],
)
def test_values_come_from_the_message(message: str, schema: Any, expected: Any) -> None:
    assert json.loads(answered(message, json=schema)) == expected


def test_values_come_from_results_of_tools() -> None:
    talk = (user("Weather?"), called("get_weather"), returned('{"now": {"sky": "grey", "tempC": 8}}'))
    schema = {"properties": {"temp_c": {"type": "number"}, "sky": {"type": "string"}}}
    assert json.loads(answered(*talk, json=schema)) == {"temp_c": 8, "sky": "grey"}


def test_properties_stand_in_the_order_of_the_schema() -> None:
    schema = {"type": "object", "properties": dict.fromkeys("zebra", True), "required": ["a", "z"]}
    assert list(json.loads(answered("x", json=schema))) == list("zebra")


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        pytest.param({"type": "strng"}, r"json\.type is malformed", id="unknown type"),
        pytest.param(having(a={"minimum": "3"}), r"json\.properties\.a\.minimum is mal", id="text bound"),
        pytest.param({"items": 3}, r"json\.items is no schema", id="no schema"),
        pytest.param({"pattern": "("}, r"json\.pattern is malformed", id="no pattern"),
        pytest.param({"pattern": r"^\p{Lu}"}, r"json\.pattern is malformed", id="pattern of another dialect"),
        pytest.param({"minLength": 10**9}, r"json\.minLength is .* more than this", id="too long"),
        pytest.param({"pattern": "a{20000}"}, "more than 10000 repetitions", id="too long a pattern"),
        pytest.param({"$ref": "https://example.com"}, "leads to no schema", id="another document"),
        pytest.param({"unevaluatedItems": False}, r"unevaluatedItems is not supported", id="unsupported"),
        pytest.param({"$ref": "#"}, "finds no value", id="leads to itself"),
        pytest.param({"type": "integer", "minimum": 2, "maximum": 1}, "finds no value", id="contradiction"),
        pytest.param({"allOf": [{"type": "string"}, {"type": "null"}]}, "finds no value", id="no type left"),
        pytest.param(
            {
                "$defs": {
                    "a": {"required": ["b"], "properties": {"b": {"$ref": "#/$defs/a"}}, "type": "object"}
                },
                "$ref": "#/$defs/a",
            },
            "finds no value",
            id="endless",
        ),
    ],
)
def test_what_cannot_be_said_is_refused(schema: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        answered("x", json=schema)


def test_a_schema_nested_too_deeply_is_refused() -> None:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(300):
        schema = {"type": "array", "items": schema, "minItems": 1}
    with pytest.raises(ValueError, match="nested too deeply"):
        answered("x", json=schema)
