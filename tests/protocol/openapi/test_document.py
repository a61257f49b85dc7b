"""The document is valid OpenAPI 3.1, complete, and says what the tables say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openapi_spec_validator
import pytest
from openai_bridge.v1 import chat_pb2, completions_pb2, embeddings_pb2
from openai_bridge.v1.comments import COMMENTS

from bridge.errors import TABLE, BridgeError, Reason
from bridge.protocol import openai_json, openapi
from bridge.protocol.openapi import errors
from tests.openapi_document import document, faults, validator

SCHEMAS = document()["components"]["schemas"]
OPERATIONS = [
    (path, method, operation)
    for path, item in document()["paths"].items()
    for method, operation in item.items()
]


def references(value: Any) -> set[str]:
    """Return what a part of the document refers to."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if "$ref" in value else set()
    return own.union(*map(references, value.values()))


def test_it_is_valid() -> None:
    openapi_spec_validator.validate(document())


def test_it_is_rendered_as_json() -> None:
    assert json.loads(openapi.render(version="0")) == document()


def test_every_component_is_used() -> None:
    found = {
        f"#/components/{kind}/{name}"
        for kind, components in document()["components"].items()
        for name in components
        if kind != "securitySchemes"
    }
    assert found == references(document())


def test_a_message_of_both_directions_has_two_schemas() -> None:
    assert SCHEMAS["ToolCall"] != SCHEMAS["ToolCallParam"]
    calls = SCHEMAS["ChatMessage"]["properties"]["tool_calls"]
    assert calls["items"] == {"$ref": "#/components/schemas/ToolCallParam"}


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        pytest.param("temperature", {"minimum": 0, "maximum": 2}, id="range"),
        pytest.param("temperature", {"x-handling": "forward"}, id="handling"),
        pytest.param("repetition_penalty", {"exclusiveMinimum": 0}, id="open range"),
        pytest.param("seed", {"format": "int64", "minimum": -(2**63)}, id="width"),
        pytest.param("n", {"format": "int32", "minimum": 1, "maximum": 128}, id="range within a width"),
        pytest.param("modalities", {"enum": [[], ["text"], None], "x-handling": "refused"}, id="refused"),
        pytest.param("watermark", {"enum": [False, None], "x-handling": "refused"}, id="refused, JSON only"),
        pytest.param("session_id", {"type": ["string", "null"], "x-handling": "ignored"}, id="ignored"),
        pytest.param("stream", {"type": ["boolean", "null"]}, id="carried"),
        pytest.param("extra_key", {"description": "Another name of `cache_salt`."}, id="alias"),
        pytest.param("documents", {"type": ["array", "null"]}, id="free JSON"),
        pytest.param("messages", {"type": "array", "minItems": 1}, id="required"),
    ],
)
def test_a_property_says_what_the_tables_say(path: str, schema: dict[str, Any]) -> None:
    found = SCHEMAS["CreateChatCompletionRequest"]["properties"][path]
    assert {key: found.get(key) for key in schema} == schema


def test_what_is_required_is_neither_null_nor_optional() -> None:
    chat = SCHEMAS["CreateChatCompletionRequest"]
    assert chat["required"] == ["messages"]
    assert chat["properties"]["messages"]["type"] == "array"
    assert SCHEMAS["FunctionDefinition"]["required"] == ["name"]


def test_a_range_of_a_list_is_that_of_its_elements() -> None:
    assert SCHEMAS["CreateChatCompletionRequest"]["properties"]["stop_token_ids"]["items"]["minimum"] == 0
    bias = SCHEMAS["CreateChatCompletionRequest"]["properties"]["logit_bias"]
    assert bias["additionalProperties"]["maximum"] == 100


@pytest.mark.parametrize("module", [chat_pb2, completions_pb2, embeddings_pb2])
def test_every_field_of_a_request_has_the_comment_of_the_schema(module: Any) -> None:
    for message in module.DESCRIPTOR.message_types_by_name.values():
        for field in message.fields:
            assert COMMENTS[f"{message.name}.{field.name}"]
            if message.name.endswith("Request"):
                shown = SCHEMAS[message.name]["properties"][field.name.removesuffix("_json")]["description"]
                assert shown == COMMENTS[f"{message.name}.{field.name}"]


@pytest.mark.parametrize("reason", [pytest.param(reason, id=reason) for reason in Reason])
def test_every_error_is_what_its_status_says(reason: Reason) -> None:
    error = BridgeError(reason, "why", param="a")
    assert faults(validator(errors.envelope()), json.loads(openai_json.dump_stream_error(error))) == []
    response = document()["components"]["responses"].get(f"Error{TABLE[reason].http}")
    if TABLE[reason].http in {405, 499}:
        assert response is None
        return
    assert response is not None
    schema = validator(response["content"]["application/json"]["schema"])
    assert faults(schema, json.loads(openai_json.dump_error(error))) == []
    assert reason.value in response["description"]
    assert ("retry-after" in response["headers"]) >= (error.retry_after is not None)


def test_an_error_of_another_status_is_none() -> None:
    not_found = validator(errors.responses()["Error404"]["content"]["application/json"]["schema"])
    for reason in (Reason.INVALID_VALUE, Reason.INTERNAL_ERROR):
        body = json.loads(openai_json.dump_error(BridgeError(reason, "why")))
        assert faults(not_found, body) != []


def test_every_operation_has_a_name_of_its_own_and_its_path_s_parameters() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))
    for path, _, operation in OPERATIONS:
        given = {item["name"] for item in operation["parameters"] if item.get("in") == "path"}
        assert given == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_every_answer_carries_the_request_s_id() -> None:
    for path, _, operation in OPERATIONS:
        assert {"$ref": "#/components/parameters/RequestId"} in operation["parameters"], path
        assert "x-request-id" in operation["responses"]["200"]["headers"]
    for response in document()["components"]["responses"].values():
        assert "x-request-id" in response["headers"]


def test_the_page_on_http_names_every_route() -> None:
    page = (Path(__file__).parents[3] / "docs" / "http.md").read_text()
    assert [path for path in document()["paths"] if f"{path}`" not in page] == []
