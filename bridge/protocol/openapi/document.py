"""The document: what is said once of all routes, and the components that they refer to."""

from __future__ import annotations

from typing import Any, Final

import orjson

from bridge.protocol.openai_json import REASONING
from bridge.protocol.openapi import errors
from bridge.protocol.openapi.paths import paths
from bridge.protocol.openapi.requests import RequestSchemas
from bridge.protocol.openapi.responses import ResponseSchemas
from bridge.protocol.openapi.shapes import STRING, Schema, constant, told

_ABOUT: Final = (
    "The OpenAI API in front of NVIDIA Triton. Null is absence everywhere. `x-handling` of a request's field"
    " tells what becomes of it: `forward` and `constraint` reach the model, or the request is refused;"
    " `bridge` is done for every model; `ignored` has no effect; `refused` may only ask for nothing."
)
_HEADERS: Final[dict[str, Schema]] = {
    "RequestId": {"description": "Id of the request, in the server's log too.", "schema": STRING},
    "Ignored": {
        "description": "Fields of the request that had no effect: unknown ones, and those that the model"
        " cannot carry where the operator lets that pass.",
        "schema": STRING,
    },
    "RetryAfter": {
        "description": "Seconds after which another try may succeed.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Authenticate": {"description": "What kind of key is wanted.", "schema": constant("Bearer")},
    "ShouldRetry": {
        "description": "`false`: the same request would fail again.",
        "schema": {"type": "string", "enum": ["false"]},
    },
}  # fmt: skip


def document(
    *,
    version: str,
    reasoning_field: str = REASONING,
    needs_key: bool = False,
    protects_metrics: bool = False,
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the HTTP door.

    Args:
        version: of the bridge.
        reasoning_field: the name that clients know reasoning by.
        needs_key: whether callers must show a key.
        protects_metrics: whether those of the metrics must, too.
    """
    responses = ResponseSchemas(reasoning_field)
    # Made twice: in the second round the names of the answers are known, and a request's message of the same
    # name gets another one.
    paths(RequestSchemas(()), responses, protects_metrics=protects_metrics)
    requests = RequestSchemas(responses.components)
    routes = paths(requests, responses, protects_metrics=protects_metrics)
    stream_error = told(errors.envelope(), "What a stream says of a failure after its first byte.")
    return {
        "openapi": "3.1.0",
        "info": {"title": "openai-bridge", "version": version, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}] if needs_key else [],
        "paths": routes,
        "components": {
            "schemas": {**requests.components, **responses.components, "StreamError": stream_error},
            "responses": errors.responses(),
            "headers": _HEADERS,
            "parameters": {"RequestId": _REQUEST_ID},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


_REQUEST_ID: Final[Schema] = {
    "name": "x-request-id",
    "in": "header",
    "schema": STRING,
    "description": "The caller's own id of the request. It comes back if it is 1 to 128 of A-Z, a-z, 0-9,"
    " '.', '_', ':' and '-'; else another one does.",
}


def render(**settings: Any) -> bytes:
    """Return the document as JSON; the arguments are those of `document`."""
    return orjson.dumps(document(**settings))
