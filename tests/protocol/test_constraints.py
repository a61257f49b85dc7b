"""What a request demands of its text: read alike whatever field says so, and every fault named."""

from __future__ import annotations

from typing import Any

import pytest
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest as Chat
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest as Completion

from bridge.errors import BridgeError, Reason
from bridge.protocol.constraints import ANY_OBJECT, Constraint, constraint_of

# Neither the order of its keys nor the form of its numbers survives being read and written again.
SCHEMA = '{ "type": "object", "properties": {"b": {"minimum": 1.0, "maximum": 1E2}, "a": {}} }'
KINDS = [pytest.param(Chat, id="chat"), pytest.param(Completion, id="completions")]
MISSING, INVALID = Reason.MISSING_REQUIRED_PARAMETER, Reason.INVALID_VALUE


def formatted(**form: Any) -> Constraint | None:
    return constraint_of(Chat(response_format=form))


def schema(**fields: Any) -> Constraint | None:
    return formatted(json_schema=fields)


def test_nothing_is_demanded() -> None:
    assert constraint_of(Chat()) is None
    assert constraint_of(Completion()) is None
    assert formatted(text={}) is None


def test_any_object() -> None:
    assert formatted(json_object={}) == Constraint(kind="json_object", param="response_format")


@pytest.mark.parametrize("strict", [None, False, True])
def test_a_schema_is_followed_as_it_was_sent_whether_strict_or_not(strict: bool | None) -> None:
    found = schema(name="a-Z_9", description="d", schema_json=SCHEMA, strict=strict)
    assert found == Constraint(kind="json", value=SCHEMA, param="response_format")


def test_a_schema_that_is_absent_is_that_of_any_object() -> None:
    assert schema(name="n") == Constraint(kind="json", value=ANY_OBJECT, param="response_format")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        pytest.param({"schema_json": SCHEMA}, {"kind": "json", "value": SCHEMA}, id="json"),
        pytest.param({"json_object": True}, {"kind": "json_object"}, id="json_object"),
        pytest.param({"regex": "a|b"}, {"kind": "regex", "value": "a|b"}, id="regex"),
        pytest.param(
            {"choice": {"values": ["a", ""]}}, {"kind": "choice", "choices": ("a", "")}, id="choice"
        ),
        pytest.param({"grammar": 'root ::= "a"'}, {"kind": "grammar", "value": 'root ::= "a"'}, id="grammar"),
        pytest.param(
            {"structural_tag_json": '{"a": 1.0}'},
            {"kind": "structural_tag", "value": '{"a": 1.0}'},
            id="structural_tag",
        ),
        pytest.param(
            {"json_object": True, "whitespace_pattern": " ?", "disable_any_whitespace": True},
            {"kind": "json_object", "options": {"whitespace_pattern": " ?", "disable_any_whitespace": True}},
            id="options",
        ),
        pytest.param(
            {"json_object": True, "disable_any_whitespace": False, "disable_additional_properties": True},
            {"kind": "json_object", "options": {"disable_additional_properties": True}},
            id="an option that asks for nothing",
        ),
    ],
)
def test_structured_outputs_are_taken_as_they_are(
    kind: type[Any], outputs: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = constraint_of(kind(structured_outputs=outputs))
    assert found == Constraint(**expected, param="structured_outputs")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("outputs", "reason", "param"),
    [
        pytest.param({}, INVALID, "", id="no member"),
        pytest.param({"json_object": False}, INVALID, "", id="a member that asks for nothing"),
        pytest.param({"whitespace_pattern": " "}, INVALID, "", id="an option alone"),
        pytest.param({"schema_json": ""}, INVALID, ".json", id="no text"),
        pytest.param({"schema_json": "{"}, INVALID, ".json", id="no JSON"),
        pytest.param({"schema_json": "{}, "}, INVALID, ".json", id="JSON and more"),
        pytest.param({"schema_json": "[]"}, Reason.INVALID_TYPE, ".json", id="a schema that is an array"),
        pytest.param({"schema_json": '"{}"'}, Reason.INVALID_TYPE, ".json", id="a schema that is text"),
        pytest.param({"structural_tag_json": "x"}, INVALID, ".structural_tag", id="a tag that is no JSON"),
        pytest.param(
            {"structural_tag_json": "1"}, Reason.INVALID_TYPE, ".structural_tag", id="a tag that is 1"
        ),
        pytest.param({"regex": ""}, INVALID, ".regex", id="empty regex"),
        pytest.param({"grammar": ""}, INVALID, ".grammar", id="empty grammar"),
        pytest.param({"choice": {}}, INVALID, ".choice", id="no choice"),
        pytest.param(
            {"json_object": True, "whitespace_pattern": ""}, INVALID, ".whitespace_pattern", id="no pattern"
        ),
    ],
)
def test_wrong_structured_outputs_are_named(
    kind: type[Any], outputs: dict[str, Any], reason: Reason, param: str
) -> None:
    with pytest.raises(BridgeError) as caught:
        constraint_of(kind(structured_outputs=outputs))
    error = caught.value
    assert (error.reason, error.param) == (reason, f"structured_outputs{param}")
    assert f"'structured_outputs{param}'" in error.message


@pytest.mark.parametrize(
    ("form", "reason", "param"),
    [
        pytest.param({}, MISSING, "type", id="no type"),
        pytest.param({"json_schema": {"schema_json": "{}"}}, MISSING, "json_schema.name", id="no name"),
        *(
            pytest.param({"json_schema": {"name": name}}, INVALID, "json_schema.name", id=f"name {at}")
            for at, name in enumerate(["a b", "a.b", "é", "n\n", "n" * 65])
        ),
        pytest.param(
            {"json_schema": {"name": "n", "schema_json": "{'a': 1}"}},
            INVALID,
            "json_schema.schema",
            id="a schema that is no JSON",
        ),
        pytest.param(
            {"json_schema": {"name": "n", "schema_json": "true"}},
            Reason.INVALID_TYPE,
            "json_schema.schema",
            id="a schema that is a boolean",
        ),
    ],
)
def test_a_wrong_response_format_is_named(form: dict[str, Any], reason: Reason, param: str) -> None:
    with pytest.raises(BridgeError) as caught:
        formatted(**form)
    assert (caught.value.reason, caught.value.param) == (reason, f"response_format.{param}")


def test_the_longest_name_of_a_schema_is_taken() -> None:
    assert schema(name="n" * 64) is not None


@pytest.mark.parametrize("form", [{"json_object": {}}, {"json_schema": {"name": "n"}}])
def test_two_constraints_in_one_request_are_refused(form: dict[str, Any]) -> None:
    with pytest.raises(BridgeError) as caught:
        constraint_of(Chat(response_format=form, structured_outputs={"regex": "a"}))
    assert (caught.value.reason, caught.value.param) == (INVALID, "structured_outputs")
    assert "'response_format'" in caught.value.message


def test_plain_text_and_a_constraint_are_one_constraint() -> None:
    found = constraint_of(Chat(response_format={"text": {}}, structured_outputs={"regex": "a"}))
    assert found == Constraint(kind="regex", value="a", param="structured_outputs")


def test_a_schema_is_not_quoted_in_an_error() -> None:
    with pytest.raises(BridgeError) as caught:
        schema(name="n", schema_json='{"secret')
    assert "secret" not in caught.value.message
