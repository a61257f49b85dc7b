"""Whatever the writers write is what the schemas of answers say, no key more."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai_bridge.v1 import chat_pb2, completions_pb2, embeddings_pb2, models_pb2

from bridge.protocol import openai_json
from bridge.protocol.openai_json import writer
from bridge.protocol.openapi.responses import ResponseSchemas
from tests.openapi_document import component, document, faults, validator
from tests.random_messages import messages

if TYPE_CHECKING:
    from google.protobuf.message import Message

GOLDEN = Path(__file__).parents[2] / "golden"
DUMPS: dict[type[Message], Any] = {
    chat_pb2.CreateChatCompletionResponse: openai_json.dump_chat_response,
    chat_pb2.CreateChatCompletionStreamResponse: lambda found: openai_json.dump_chat_chunk(found, True),
    completions_pb2.CreateCompletionResponse: openai_json.dump_completion_response,
    completions_pb2.CreateCompletionStreamResponse: (
        lambda found: openai_json.dump_completion_chunk(found, False)
    ),
    embeddings_pb2.CreateEmbeddingResponse: openai_json.dump_embedding_response,
    models_pb2.ListModelsResponse: openai_json.dump_models,
    models_pb2.Model: lambda found: openai_json.dump_model(models_pb2.RetrieveModelResponse(model=found)),
}
KINDS = [pytest.param(kind, id=kind.DESCRIPTOR.name) for kind in DUMPS]


def closed(schema: Any) -> Any:
    """Return a schema in which objects with known keys have no others."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {key: closed(item) for key, item in schema.items()}
    return shut | {"additionalProperties": False} if isinstance(schema.get("properties"), dict) else shut


CLOSED = closed(document())


def unsaid(kind: type[Message], body: bytes) -> list[str]:
    """Return what the schema of a kind of answer does not say of a body."""
    found = validator({"$ref": f"#/components/schemas/{kind.DESCRIPTOR.name}"}, CLOSED)
    return faults(found, json.loads(body))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_an_answer_is_what_its_schema_says(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    assert unsaid(kind, DUMPS[kind](message)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_answer_is_what_its_schema_says(kind: type[Message]) -> None:
    assert unsaid(kind, DUMPS[kind](kind())) == []


def test_no_number_is_null_among_log_probabilities() -> None:
    logprobs = completions_pb2.CompletionLogprobs(
        tokens=["a"], token_logprobs=[math.nan], top_logprobs=[completions_pb2.TopLogprobs()]
    )
    choice = completions_pb2.CompletionChoice(logprobs=logprobs)
    answer = completions_pb2.CreateCompletionResponse(choices=[choice])
    assert unsaid(type(answer), openai_json.dump_completion_response(answer)) == []


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        pytest.param("CreateChatCompletionResponse", {"id": None}, id="null id"),
        pytest.param("CreateChatCompletionResponse", {"object": "chat.completion.chunk"}, id="object"),
        pytest.param("CreateChatCompletionResponse", {"usage": None}, id="null usage outside a stream"),
        pytest.param("CreateChatCompletionResponse", {"created": 1.5}, id="created"),
        pytest.param("CreateChatCompletionResponse", {"choices": [{}]}, id="empty choice"),
        pytest.param("CreateChatCompletionStreamResponse", {"usage": {}}, id="empty usage"),
        pytest.param("CreateEmbeddingResponse", {"usage": None}, id="embeddings without usage"),
    ],
)
def test_a_wrong_answer_is_none(name: str, wrong: dict[str, Any]) -> None:
    good = json.loads(DUMPS[next(kind for kind in DUMPS if kind.DESCRIPTOR.name == name)](_empty(name)))
    assert faults(component(name), good) == []
    assert faults(component(name), good | wrong) != []
    assert faults(component(name), {key: good[key] for key in list(good)[1:]}) != []


def _empty(name: str) -> Message:
    return next(kind for kind in DUMPS if kind.DESCRIPTOR.name == name)()


def golden_answers() -> list[Any]:
    """Return (kind of answer, file) of the golden files of the writer."""
    kinds = {
        "chat_": chat_pb2.CreateChatCompletionResponse,
        "chunk_": chat_pb2.CreateChatCompletionStreamResponse,
        "completion_chunk_": completions_pb2.CreateCompletionStreamResponse,
        "completion": completions_pb2.CreateCompletionResponse,
        "embeddings_": embeddings_pb2.CreateEmbeddingResponse,
        "models": models_pb2.ListModelsResponse,
        "model": models_pb2.Model,
        "error": None,
        "stream_error": None,
    }
    return [
        pytest.param(
            next(kind for prefix, kind in kinds.items() if path.name.startswith(prefix)), path, id=path.stem
        )
        for path in sorted((GOLDEN / "openai_json").glob("*.json"))
    ]


@pytest.mark.parametrize(("kind", "path"), golden_answers())
def test_golden_answers_are_what_the_schemas_say(kind: type[Message] | None, path: Path) -> None:
    if kind is not None:
        assert unsaid(kind, path.read_bytes()) == []
    elif path.stem == "stream_error":
        assert faults(component("StreamError"), json.loads(path.read_bytes())) == []
    else:
        envelopes = [
            validator(found["content"]["application/json"]["schema"])
            for found in document()["components"]["responses"].values()
        ]
        assert any(faults(found, json.loads(path.read_bytes())) == [] for found in envelopes)


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.stem) for path in (GOLDEN / "sse").glob("*.txt")]
)
def test_golden_events_are_what_the_schemas_say(path: Path) -> None:
    chunk = "CreateChatCompletion" if path.stem.startswith("chat") else "CreateCompletion"
    either = {
        "anyOf": [
            {"$ref": f"#/components/schemas/{name}"} for name in (f"{chunk}StreamResponse", "StreamError")
        ]
    }
    events = [
        line.removeprefix("data: ") for line in path.read_text().split("\n") if line.startswith("data: {")
    ]
    assert events
    for event in events:
        assert faults(validator(either, CLOSED), json.loads(event)) == []


def test_reasoning_has_the_name_that_is_configured() -> None:
    for name in ("ChatCompletionMessage", "ChatDelta"):
        properties = document(reasoning_field="reasoning")["components"]["schemas"][name]["properties"]
        assert "reasoning" in properties
        assert "reasoning_content" not in properties


def test_every_message_that_json_replaces_has_a_schema() -> None:
    found = ResponseSchemas()
    for module in (chat_pb2, completions_pb2, embeddings_pb2, models_pb2):
        for message in module.DESCRIPTOR.message_types_by_name.values():
            if message.name in writer.STANDS_FOR_CONTENT:
                assert found.ref(message)
