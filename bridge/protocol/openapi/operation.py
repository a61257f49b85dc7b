"""One operation of the document, put together: what it takes, what it answers, which errors it can give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.protocol.openapi import errors
from bridge.protocol.openapi.shapes import reference

if TYPE_CHECKING:
    from bridge.protocol.openapi.shapes import Schema

JSON: Final = "application/json"

OPEN: Final[dict[str, Any]] = {"security": []}
"""The part of an operation that asks for no key."""


def operation(method: str, name: str, summary: str, *parts: dict[str, Any]) -> dict[str, Any]:
    """Return the only operation of a path; `parts` are laid over one another."""
    whole: dict[str, Any] = {"operationId": name, "summary": summary, "parameters": [request_id()]}
    for part in parts:
        whole |= part
    return {method: whole}


def request_id() -> Schema:
    """Return the parameter that every operation has."""
    return reference("RequestId", "parameters")


def answers(schema: Schema, failures: dict[str, Schema], media_type: str = JSON) -> dict[str, Any]:
    """Return the part that tells the answers: what is good, and the error responses."""
    return {"responses": {"200": _good({media_type: {"schema": schema}}), **failures}}


def asks(schema: Schema, example: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    """Return the part of an operation that takes JSON; every error may come of it.

    Args:
        schema: of the body.
        example: a body.
        content: of the good answer, by media type.
    """
    good = _good(content)
    good["headers"]["openai-bridge-ignored"] = reference("Ignored", "headers")
    return {
        "requestBody": {"required": True, "content": {JSON: {"schema": schema, "example": example}}},
        "responses": {"200": good, **errors.references()},
    }


def _good(content: dict[str, Any]) -> dict[str, Any]:
    headers = {"x-request-id": reference("RequestId", "headers")}
    return {"description": "Done.", "headers": headers, "content": content}
