"""The schema says what OpenAI's API says, keeps its numbers in order, and marks what must not be logged."""

import itertools
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.descriptor_pool import Default
from openai_bridge.v1 import chat_pb2, common_pb2, completions_pb2, embeddings_pb2, models_pb2

from tests.openai_properties import EXTENSIONS, NOT_GIVEN, PROPERTIES, TAGS

PACKAGE = "openai_bridge.v1"
FIRST_EXTENSION = 100
FILES: list[FileDescriptor] = [
    module.DESCRIPTOR for module in (chat_pb2, common_pb2, completions_pb2, embeddings_pb2, models_pb2)
]
CHAT = chat_pb2.CreateChatCompletionRequest.DESCRIPTOR
COMPLETIONS = completions_pb2.CreateCompletionRequest.DESCRIPTOR
EMBEDDINGS = embeddings_pb2.CreateEmbeddingRequest.DESCRIPTOR

# Text that a log may hold: small vocabularies, names of models, ids that a server made. The rest is redacted.
LOGGABLE_TEXT = {
    "AudioAnswer": ("id",),
    "AudioOptions": ("voice", "format"),
    "AudioReference": ("id",),
    "ChatMessage": ("tool_call_id",),
    "CreateChatCompletionRequest": (
        *("model", "reasoning_effort", "service_tier", "verbosity", "prompt_cache_retention", "modalities"),
        "truncation_side",
    ),
    "CreateChatCompletionResponse": ("id", "model", "system_fingerprint", "service_tier"),
    "CreateChatCompletionStreamResponse": (
        *("id", "model", "system_fingerprint", "service_tier", "obfuscation"),
    ),
    "CreateCompletionRequest": ("model", "truncation_side"),
    "CreateCompletionResponse": ("id", "model", "system_fingerprint"),
    "CreateCompletionStreamResponse": ("id", "model", "system_fingerprint"),
    "CreateEmbeddingRequest": ("model", "input_type"),
    "CreateEmbeddingResponse": ("model",),
    "ImageUrl": ("detail",),
    "InputAudio": ("format",),
    "Model": ("id", "owned_by", "shutdown_date", "parent", "root"),
    "ModerationOptions": ("model",),
    "PromptCacheBreakpoint": ("mode",),
    "PromptCacheOptions": ("ttl", "mode"),
    "RetrieveModelRequest": ("model",),
    "ToolCall": ("id",),
    "ToolCallDelta": ("id",),
    "WebSearchOptions": ("search_context_size",),
}

# Numbers from which text can be had back.
REDACTED_NUMBERS = (
    *("ChatChoice.token_ids", "ChatStreamChoice.token_ids", "CompletionChoice.token_ids"),
    *("CompletionChoice.prompt_token_ids", "CreateChatCompletionResponse.prompt_token_ids"),
    *("CreateChatCompletionStreamResponse.prompt_token_ids", "FloatVector.values", "TokenIds.ids"),
)

# The worst to lose, by name, so that a change of the table above alone cannot let them through.
NEVER_LOGGED = (
    *("ChatDelta.content", "ChatDelta.reasoning_content", "ChatCompletionMessage.content"),
    *("ContentPart.text", "CompletionChoice.text", "Prompt.text", "EmbeddingInput.text"),
    *("ImageUrl.url", "InputAudio.data"),
    *("File.file_data", "FunctionCall.arguments", "FunctionCallDelta.arguments", "CustomToolCall.input"),
    *("CreateChatCompletionRequest.user", "CreateChatCompletionRequest.safety_identifier"),
    *("CreateChatCompletionRequest.metadata", "CreateChatCompletionRequest.prompt_cache_key"),
    *("CreateChatCompletionRequest.cache_salt", "CreateCompletionRequest.cache_salt"),
    *("CreateCompletionRequest.suffix", "CreateCompletionRequest.user", "CreateEmbeddingRequest.user"),
)


def messages() -> Iterator[Descriptor]:
    return itertools.chain.from_iterable(file.message_types_by_name.values() for file in FILES)


def message_named(name: str) -> Descriptor:
    return Default().FindMessageTypeByName(f"{PACKAGE}.{name}")


def field_named(path: str) -> FieldDescriptor:
    message, name = path.split(".")
    return message_named(message).fields_by_name[name]


def is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def holds_text(field: FieldDescriptor) -> bool:
    """Tells whether the field itself, or a map's key or value, is a string or bytes."""
    if is_map(field):
        return any(holds_text(part) for part in field.message_type.fields)
    return field.cpp_type == FieldDescriptor.CPPTYPE_STRING


def json_names(field: FieldDescriptor) -> set[str]:
    """Returns the JSON names that the field can stand for: its own, its oneof's, or free JSON's."""
    names = {field.name, field.name.removesuffix("_json")}
    return names | ({field.containing_oneof.name} if field.containing_oneof else set())


def expected_fields(name: str) -> set[str]:
    return set(PROPERTIES[name]) - TAGS - NOT_GIVEN.get(name, frozenset())


@pytest.mark.parametrize("file", [pytest.param(file, id=file.name) for file in FILES])
def test_the_package_is_the_directory(file: FileDescriptor) -> None:
    assert file.package == PACKAGE
    assert file.name.rpartition("/")[0] == PACKAGE.replace(".", "/")


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in PROPERTIES])
def test_every_openai_property_has_a_field_below_100(name: str) -> None:
    fields = [field for field in message_named(name).fields if field.number < FIRST_EXTENSION]
    found = set().union(*(json_names(field) for field in fields))
    assert expected_fields(name) - found == set()


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in PROPERTIES])
def test_every_field_below_100_is_an_openai_property(name: str) -> None:
    fields = [field for field in message_named(name).fields if field.number < FIRST_EXTENSION]
    assert [field.name for field in fields if not json_names(field) & expected_fields(name)] == []


@pytest.mark.parametrize("message", [pytest.param(m, id=m.name) for m in messages()])
def test_the_fields_from_100_are_the_listed_extensions(message: Descriptor) -> None:
    fields = [field.name for field in message.fields if field.number >= FIRST_EXTENSION]
    assert sorted(name.removesuffix("_json") for name in fields) == sorted(EXTENSIONS.get(message.name, ()))


def test_an_extension_has_the_same_number_in_chat_and_completions() -> None:
    def extras(message: Descriptor) -> dict[str, int]:
        return {field.name: field.number for field in message.fields if field.number >= FIRST_EXTENSION}

    assert extras(COMPLETIONS).items() <= extras(CHAT).items()


def test_triton_parameters_have_one_number_everywhere() -> None:
    assert {m.fields_by_name["triton_parameters"].number for m in (CHAT, COMPLETIONS, EMBEDDINGS)} == {120}


@pytest.mark.parametrize("message", [pytest.param(m, id=m.name) for m in messages()])
def test_fields_stand_in_the_order_of_their_numbers(message: Descriptor) -> None:
    # betterproto writes fields as they stand, upb by number: in this order both write the same bytes.
    assert [field.number for field in message.fields] == sorted(field.number for field in message.fields)


@pytest.mark.parametrize("message", [pytest.param(m, id=m.name) for m in messages()])
def test_text_is_redacted_unless_it_is_listed_as_loggable(message: Descriptor) -> None:
    unmarked = {f.name for f in message.fields if holds_text(f) and not f.GetOptions().debug_redact}
    assert unmarked == set(LOGGABLE_TEXT.get(message.name, ()))


@pytest.mark.parametrize("path", [pytest.param(path, id=path) for path in REDACTED_NUMBERS + NEVER_LOGGED])
def test_user_data_is_redacted(path: str) -> None:
    assert field_named(path).GetOptions().debug_redact
