"""The schema that guided decoding gets for a call that must be made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.protocol.tool_calls.forced_schema import forced_constraint
from bridge.protocol.tool_choice import Mode, ToolUse

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ANY = {"type": "object", "additionalProperties": True}
TREE = {
    "type": "object",
    "properties": {
        "root": {"$ref": "#/$defs/node"},
        "all": {"type": "array", "items": {"$ref": "#"}},
        "$ref": {"type": "string"},
        "far": {"$ref": "https://example.com/schema"},
    },
    "$defs": {"node": {"type": "object", "properties": {"next": [{"$ref": "#/$defs/node"}]}}},
}


def schema(mode: Mode, *, first_only: bool = False, **functions: dict[str, Any]) -> Any:
    use = ToolUse(mode=mode, functions=functions, first_only=first_only)
    constraint = forced_constraint(use)
    assert (constraint.kind, constraint.param) == ("json", "tool_choice")
    return json.loads(constraint.value)


def alternative(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"name": {"type": "string", "enum": [name]}, "parameters": parameters},
        "required": ["name", "parameters"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        pytest.param(CITY, CITY, id="as it is"),
        pytest.param(TREE, TREE, id="references count from the root, which it is"),
        pytest.param({}, ANY, id="any object"),
        pytest.param({"type": "object"}, ANY, id="any object, by its type"),
        pytest.param({"properties": {}}, {"type": "object", "properties": {}}, id="no type"),
    ],
)
def test_a_named_functions_answer_is_its_arguments(
    parameters: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert schema("named", weather=parameters) == expected


def test_a_required_call_is_one_of_an_array() -> None:
    assert schema("required", weather=CITY, now={}) == {
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [alternative("weather", CITY), alternative("now", ANY)]},
    }


def test_one_call_is_one_item() -> None:
    assert schema("required", first_only=True, now=CITY)["maxItems"] == 1
    assert "maxItems" not in schema("required", now=CITY)


def test_references_still_lead_to_where_they_did() -> None:
    found = schema("required", plain=CITY, tree=TREE)
    assert found["items"]["anyOf"] == [
        alternative("plain", CITY),
        alternative("tree", {"$ref": "#/$defs/tree"}),
    ]
    assert found["$defs"].keys() == {"tree"}
    moved = found["$defs"]["tree"]
    assert moved["properties"]["root"] == {"$ref": "#/$defs/tree/$defs/node"}
    assert moved["properties"]["all"]["items"] == {"$ref": "#/$defs/tree"}
    assert moved["$defs"]["node"]["properties"]["next"] == [{"$ref": "#/$defs/tree/$defs/node"}]
    for key in ("$ref", "far"):  # a property of that name, and a reference to elsewhere
        assert moved["properties"][key] == TREE["properties"][key]  # type: ignore[index]


def test_two_functions_may_have_definitions_of_one_name() -> None:
    found = schema("required", a=TREE, b=TREE)
    assert [found["$defs"][name]["properties"]["root"]["$ref"] for name in "ab"] == [
        "#/$defs/a/$defs/node",
        "#/$defs/b/$defs/node",
    ]


@pytest.mark.parametrize("mode", ["named", "required"])
def test_keys_keep_their_order_and_letters(mode: Mode) -> None:
    parameters = {"type": "object", "properties": {"über": {"type": "string"}, "a": {"maximum": 1.0}}}
    text = forced_constraint(ToolUse(mode=mode, functions={"f": parameters})).value
    assert '{"type":"object","properties":{"über":{"type":"string"},"a":{"maximum":1.0}}}' in text
