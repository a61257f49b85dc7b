"""The routes of the HTTP door; a test compares them with the door's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openai_bridge.v1 import chat_pb2, completions_pb2, embeddings_pb2, models_pb2

from bridge.protocol.openapi import errors
from bridge.protocol.openapi.accepted import INT32
from bridge.protocol.openapi.operation import JSON, OPEN, answers, asks, operation, request_id
from bridge.protocol.openapi.shapes import (
    BOOLEAN,
    JSON_TEXT,
    NULL,
    OBJECT,
    STRING,
    Schema,
    array,
    constant,
    nullable,
    record,
    reference,
    told,
)

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

    from bridge.protocol.openapi.requests import RequestSchemas
    from bridge.protocol.openapi.responses import ResponseSchemas

_CHAT: Final = chat_pb2.CreateChatCompletionRequest.DESCRIPTOR
_COMPLETION: Final = completions_pb2.CreateCompletionRequest.DESCRIPTOR
_INTEGER: Final[Schema] = {"type": "integer"}
_STREAM: Final = (
    "One event of many, with `stream: true`. Its data is JSON; the last one's is `[DONE]`. A failure after"
    " the first byte is an event, too."
)
_ID: Final[Schema] = {
    "name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1},
    "description": "Model name, which may contain slashes.",
}  # fmt: skip
_MODEL: Final = "my-model"
"""Name of the model in the examples; "my-embedder" is that of the other one."""
_CHAT_EXAMPLE: Final = {"model": _MODEL, "messages": [{"role": "user", "content": "Hi"}]}
_TEXT_EXAMPLE: Final = {"model": _MODEL, "prompt": "Hi"}


def paths(requests: RequestSchemas, responses: ResponseSchemas, *, protects_metrics: bool) -> dict[str, Any]:
    """Return every route with its operation; the schemas that they need are made on the way."""
    return {
        **_generating(requests, responses),
        **_models(responses),
        **_tokenizing(requests),
        **_health(),
        **_about(protects_metrics=protects_metrics),
    }


def _generating(requests: RequestSchemas, responses: ResponseSchemas) -> dict[str, Any]:
    def generation(
        request: Descriptor, example: dict[str, Any], whole: Descriptor, chunk: Descriptor
    ) -> dict[str, Any]:
        event = {"anyOf": [responses.ref(chunk), reference("StreamError")]}
        data = {"anyOf": [constant("[DONE]"), {**JSON_TEXT, "contentSchema": event}]}
        # OpenAPI 3.1 has no word for streams: as its tools have it, and `itemSchema` of 3.2, an event.
        stream = told(record({"data": data}, all_required=True), _STREAM)
        whole_answer = {"schema": responses.ref(whole)}
        content = {JSON: whole_answer, "text/event-stream": {"schema": stream}}
        return asks(requests.ref(request), example, content)

    chat = generation(
        _CHAT,
        _CHAT_EXAMPLE,
        chat_pb2.CreateChatCompletionResponse.DESCRIPTOR,
        chat_pb2.CreateChatCompletionStreamResponse.DESCRIPTOR,
    )
    completion = generation(
        _COMPLETION,
        _TEXT_EXAMPLE,
        completions_pb2.CreateCompletionResponse.DESCRIPTOR,
        completions_pb2.CreateCompletionStreamResponse.DESCRIPTOR,
    )
    vectors = responses.ref(embeddings_pb2.CreateEmbeddingResponse.DESCRIPTOR)
    embedding = asks(
        requests.ref(embeddings_pb2.CreateEmbeddingRequest.DESCRIPTOR),
        {"model": "my-embedder", "input": ["Hi", "Hello"]},
        {JSON: {"schema": vectors}},
    )
    return {
        "/v1/chat/completions": operation("post", "createChatCompletion", "Answer a conversation.", chat),
        "/v1/completions": operation("post", "createCompletion", "Continue a text.", completion),
        "/v1/embeddings": operation("post", "createEmbedding", "Turn texts into vectors.", embedding),
    }


def _models(responses: ResponseSchemas) -> dict[str, Any]:
    several = answers(
        responses.ref(models_pb2.ListModelsResponse.DESCRIPTOR), errors.references(400, 404, 408, 413)
    )
    one = answers(
        responses.ref(models_pb2.RetrieveModelResponse.DESCRIPTOR), errors.references(400, 408, 413)
    )
    changed = record({"id": STRING, "object": constant("model"), "loaded": BOOLEAN}, all_required=True)
    change = {
        "description": "For holders of an admin key; 404 where no keys are configured.",
        "security": [{"bearer": []}],
        "parameters": [_ID, request_id()],
        **answers(changed, errors.references()),
    }
    return {
        "/v1/models": operation("get", "listModels", "List the models that can be asked.", several),
        "/v1/models/{id}": operation(
            "get", "retrieveModel", "Describe one model.", {"parameters": [_ID, request_id()]}, one
        ),
        "/v1/models/{id}/load": operation("post", "loadModel", "Load a model.", change),
        "/v1/models/{id}/unload": operation("post", "unloadModel", "Unload a model.", change),
    }


def _tokenizing(requests: RequestSchemas) -> dict[str, Any]:
    strings = record({"return_token_strs": nullable(BOOLEAN)})
    of_chat = {"allOf": [requests.ref(_CHAT), record({"prompt": NULL}), strings]}
    of_text = {"allOf": [requests.ref(_COMPLETION), record({"prompt": STRING, "messages": NULL}), strings]}
    tokens = record(
        {
            "count": _INTEGER,
            "max_model_len": nullable(_INTEGER),
            "tokens": array(_INTEGER),
            "token_strs": nullable(array(STRING)),
        },
        all_required=True,
    )
    tokenize = asks({"anyOf": [of_chat, of_text]}, _TEXT_EXAMPLE, {JSON: {"schema": tokens}})
    ids = record({"model": nullable(STRING), "tokens": array(INT32)}, ["tokens"])
    text = record({"prompt": STRING}, all_required=True)
    detokenize = asks(ids, {"model": _MODEL, "tokens": [0, 1]}, {JSON: {"schema": text}})
    found: dict[str, Any] = {}
    for root, suffix in (("/v1", ""), ("", "AtRoot")):
        found[f"{root}/tokenize"] = operation(
            "post", f"tokenize{suffix}", "Count the tokens of the very body that would be sent.", tokenize
        )
        found[f"{root}/detokenize"] = operation(
            "post", f"detokenize{suffix}", "Turn token ids into text.", detokenize
        )
    return found


def _health() -> dict[str, Any]:
    message = record({"message": STRING}, all_required=True)
    live = {
        path: operation("get", name, "Tell that the process lives.", OPEN, answers(message, {}))
        for path, name in (("/v1/health/live", "live"), ("/health", "health"), ("/ping", "ping"))
    }
    failures = errors.only(500, 503)
    ready = operation(
        "get", "ready", "Tell whether the models can be asked.", OPEN, answers(message, failures)
    )
    return {**live, "/v1/health/ready": ready}


def _about(*, protects_metrics: bool) -> dict[str, Any]:
    version = OPEN | answers(record({"version": STRING}, all_required=True), {})
    metrics = answers(STRING, errors.only(401), "text/plain")
    if not protects_metrics:
        metrics = OPEN | answers(STRING, {}, "text/plain")
    document = OPEN | answers(OBJECT, {"304": {"description": "It is what the client has."}})
    return {
        "/v1/version": operation("get", "version", "Tell the version.", version),
        "/version": operation("get", "versionAtRoot", "Tell the version.", version),
        "/metrics": operation("get", "metrics", "Show counts, as Prometheus reads them.", metrics),
        "/openapi.json": operation("get", "openapi", "Show this document.", document),
    }
