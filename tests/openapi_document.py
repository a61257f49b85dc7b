"""The OpenAPI document of the HTTP door, and validators of what its parts describe."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import jsonschema_rs

from bridge.protocol import openapi
from tests.openai_bodies import said as said_events

if TYPE_CHECKING:
    from tests.raw_http import Answer

Validator: TypeAlias = jsonschema_rs.Draft202012Validator


@cache
def document(**settings: Any) -> dict[str, Any]:
    """Return the document; the settings are arguments of `openapi.document`."""
    return openapi.document(version="0", **settings)


def validator(schema: dict[str, Any], whole: dict[str, Any] | None = None) -> Validator:
    """Return the validator of a schema of a document, whose components it may refer to."""
    return jsonschema_rs.Draft202012Validator({**schema, "components": (whole or document())["components"]})


@cache
def component(name: str, **settings: Any) -> Validator:
    """Return the validator of a component of `document(**settings)`."""
    return validator({"$ref": f"#/components/schemas/{name}"}, document(**settings))


def faults(found: Validator, value: Any) -> list[str]:
    """Return what is wrong with a value, empty if nothing is."""
    return [f"{error.instance_path}: {error.message}" for error in found.iter_errors(value)]


def unsaid(whole: dict[str, Any], method: str, path: str, answer: Answer) -> list[str]:
    """Return what a document does not say of an answer of the HTTP door, empty if nothing.

    Args:
        whole: the document.
        method: of the request.
        path: one of the document's, with its parameters in braces.
        answer: what came back.
    """
    responses = whole["paths"][path][method.lower()]["responses"]
    said = responses.get(str(answer.status))
    if said is None:
        return [f"status {answer.status}: {answer.body[:200]!r}"]
    if "$ref" in said:
        said = whole["components"]["responses"][said["$ref"].rpartition("/")[2]]
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    content = said.get("content", {})
    if not content and not answer.body:
        return []
    if media_type not in content:
        return [f"content type {media_type}"]
    schema = content[media_type]["schema"]
    if media_type == "text/event-stream":
        end, data = schema["properties"]["data"]["anyOf"]
        assert end["const"] == "[DONE]"
        events = validator(data["contentSchema"], whole)
        return [fault for event in said_events(answer.body) for fault in faults(events, event)]
    body = answer.json if media_type == "application/json" else answer.body.decode()
    return faults(validator(schema, whole), body)
