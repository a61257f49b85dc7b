"""JSON for a schema: whatever `demo-tools` says is valid, and what it cannot say it refuses."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from rule_lm.json_schema.document import Document
from rule_lm.json_schema.formats import FORMATS
from rule_lm.json_schema.validation import valid

from tests.demo.json_schemas import any_schemas, satisfiable_schemas, schemas_and_values
from tests.demo.tool_prompts import answered

MESSAGES = st.sampled_from(
    ["Jason from Paris is 25, not 7.", "yes", "Add 2.5 and 3", 'say "abab" to a@b.org']
)
PERSON = {"properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "type": "object"}
INTEGER = {"type": "integer"}
UNIQUE = {"type": "array", "uniqueItems": True}
OBJECT = {"type": "object"}
NODE = {
    "type": "object",
    "properties": {
        "value": {"type": "integer"},
        "left": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
        "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
    },
    "required": ["value", "left", "children"],
    "additionalProperties": False,
}


def value(message: str, schema: Any) -> Any:
    """Return what is said under a schema, checked by a validator of others."""
    said = json.loads(answered(message, json=schema))
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    kind(schema, format_checker=kind.FORMAT_CHECKER).validate(said)
    kind(schema).validate(said)
    return said


def having(**members: Any) -> dict[str, Any]:
    properties = {name: {"const": member} for name, member in members.items()}
    return {"type": "object", "properties": properties, "required": list(members)}


def text(**demands: Any) -> dict[str, Any]:
    return {"type": "string", **demands}


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({}, id="anything"),
        pytest.param({"type": ["null", "integer"]}, id="several types"),
        pytest.param({"const": {"a": [1, None]}}, id="a constant"),
        pytest.param({"type": "null"}, id="null"),
        pytest.param({"type": "boolean"}, id="boolean"),
        *(pytest.param(text(format=name), id=name) for name in FORMATS),
        pytest.param(text(minLength=100, maxLength=100), id="length"),
        pytest.param(text(pattern=r"^(?:\+\d{1,3} )?\(\d{3}\) \d{3}-\d{4}$"), id="pattern"),
        pytest.param(text(pattern=r"^(?=.*\d)(?=.*[a-z])(?=.*[A-Z]).{8,10}$"), id="pattern that looks ahead"),
        pytest.param(text(pattern=r"^(\w)-\1$", minLength=3), id="pattern with a reference back"),
        pytest.param(text(pattern=r"^[a-z]*$", minLength=300, maxLength=300), id="pattern and length"),
        pytest.param(text(pattern=r"^[^\x00-\x7f]+$"), id="pattern beyond ASCII"),
        pytest.param({"type": "integer", "exclusiveMinimum": 7, "exclusiveMaximum": 9}, id="one integer"),
        pytest.param({"type": "integer", "minimum": -9, "maximum": -3, "multipleOf": 5}, id="negative"),
        pytest.param({"type": "number", "exclusiveMinimum": 0.1, "maximum": 0.2}, id="narrow bounds"),
        pytest.param({"type": "number", "multipleOf": 0.01, "minimum": 19.99}, id="cents"),
        pytest.param({"allOf": [INTEGER | {"multipleOf": 4}, {"multipleOf": 6, "minimum": 1}]}, id="allOf"),
        pytest.param(UNIQUE | {"items": INTEGER, "minItems": 40}, id="set"),
        pytest.param(UNIQUE | {"items": {"enum": [1, "1", True]}, "minItems": 3}, id="all"),
        pytest.param(UNIQUE | {"prefixItems": [INTEGER], "items": False, "minItems": 1}, id="tuple"),
        pytest.param({"type": "array", "contains": INTEGER, "minContains": 2, "maxItems": 3}, id="contains"),
        pytest.param(PERSON | {"required": ["name"], "additionalProperties": False}, id="closed object"),
        pytest.param({"type": "object", "required": ["not declared"]}, id="undeclared property"),
        pytest.param(OBJECT | {"minProperties": 3, "propertyNames": {"pattern": "^x_"}}, id="names"),
        pytest.param(OBJECT | {"patternProperties": {"^n": INTEGER}, "minProperties": 2}, id="map"),
        pytest.param(PERSON | {"dependentRequired": {"name": ["title"]}}, id="dependent"),
        pytest.param(PERSON | {"maxProperties": 1, "required": ["age"]}, id="few properties"),
        pytest.param({"oneOf": [INTEGER, {"type": "number", "multipleOf": 0.5}]}, id="exactly one"),
        pytest.param({"oneOf": [having(kind="a", size=1), having(kind="b", size=2)]}, id="union"),
        pytest.param({"not": {"type": ["string", "number"]}}, id="not"),
        pytest.param(
            PERSON | {"if": {"properties": {"age": {"minimum": 18}}}, "then": {"required": ["vote"]}}, id="if"
        ),
        pytest.param({"$ref": "#/$defs/Node", "$defs": {"Node": NODE}}, id="recursion"),
        pytest.param(
            {"$ref": "#/$defs/a~1b%25", "$defs": {"a/b%": {"type": "integer"}}}, id="escapes in a reference"
        ),
        pytest.param(
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "definitions": {"pair": {"type": "array", "items": [{"type": "null"}], "minItems": 2}},
                "properties": {"pair": {"$ref": "#/definitions/pair"}},
                "required": ["pair"],
                "dependencies": {"pair": ["other"]},
            },
            id="draft 7",
        ),
        pytest.param({"enum": ["\ud800", "\ud801"]}, id="half a character"),
    ],
)
def test_what_is_said_is_valid(schema: Any) -> None:
    value("Please fill this in.", schema)


@settings(deadline=None, max_examples=500)
@given(schemas_and_values())
def test_the_validator_of_the_model_agrees_with_others(pair: tuple[Any, Any]) -> None:
    schema, said = {"$defs": {"A": {"type": "string"}}, **pair[0]}, pair[1]
    assume("format" not in str(schema))  # of which most validators check little
    expected = jsonschema.Draft202012Validator(schema).is_valid(said)
    assert valid(Document(schema, name="it"), schema, said) == expected


@settings(deadline=None)
@given(schema=satisfiable_schemas(), message=MESSAGES)
def test_a_schema_that_allows_something_is_satisfied(schema: Any, message: str) -> None:
    value(message, schema)


@settings(deadline=None)
@given(schema=any_schemas(), message=MESSAGES)
@example(schema={"if": {"format": "date"}, "then": False}, message="yes")
def test_no_schema_makes_it_say_what_is_not_valid(schema: Any, message: str) -> None:
    with contextlib.suppress(
        ValueError, RecursionError
    ):  # the second of the validator: the schema goes round
        value(message, schema)  # jsonschema.ValidationError is neither
