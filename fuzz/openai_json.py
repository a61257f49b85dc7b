"""The converter: bodies to requests, and what they hold back to JSON.

A body is refused by a BridgeError that can be told, or read the same whatever the order of its keys and the
unknown ones beside them; whatever it says can be said back.
"""

from __future__ import annotations

import json
import re
from typing import Any

from openai_bridge.v1 import chat_pb2
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest

from bridge.errors import MAX_NAME, BridgeError
from bridge.protocol import openai_json, openapi, request_fields, rpc_status
from bridge.protocol.embeddings import FIELDS
from bridge.protocol.openai_json.requests import MAX_NAME as MAX_NAME_SENT
from bridge.protocol.openai_json.requests import MAX_NAMES
from bridge.protocol.tokenize import read_detokenize, read_tokenize
from fuzz.source import Source
from tests.protocol.openapi.bodies import FURTHER, WHOLE, places, spoiled

GOOD = WHOLE + FURTHER
KINDS: dict[type[Any], Any] = {
    CreateChatCompletionRequest: request_fields.CHAT,
    CreateCompletionRequest: request_fields.COMPLETION,
    CreateEmbeddingRequest: FIELDS,
}
HARMLESS = re.compile(r"[A-Za-z0-9_.\[\], -]*")
SCHEMAS = openapi.document(version="0")["components"]["schemas"]


def _found(value: Any, key: str) -> set[str]:
    """Return the words that stand under a key anywhere in the schemas."""
    if isinstance(value, list):
        return set().union(*(_found(item, key) for item in value))
    if not isinstance(value, dict):
        return set()
    here = value.get(key, ())
    own = {here} if isinstance(here, str) else {word for word in here if isinstance(word, str)}
    return own.union(*(_found(item, key) for item in value.values()))


NAMES = sorted(_found(SCHEMAS, "properties"))
WORDS = [
    *sorted(_found(SCHEMAS, "enum") | _found(SCHEMAS, "const")),
    *("", "f", "{}", "[1]", "AA==", "é😀", "\x00"),
]


def one_input(data: bytes) -> None:
    """Read one body as every request."""
    source = Source(data)
    match source.below(8):
        case 0:
            body = source.rest()
        case 1 | 2:
            keys = [source.pick(NAMES) for _ in range(1 + source.below(8))]
            body = json.dumps({key: source.json(NAMES, WORDS) for key in keys}).encode()
        case _:
            body = json.dumps(_spoiled(source)).encode()
    check(body)


def _spoiled(source: Source) -> dict[str, Any]:
    """Return a good body with other values in some places."""
    _, body = source.pick(GOOD)
    for _ in range(source.below(4)):
        found = list(places(body))
        if not found:
            break
        path = source.pick(found)
        body = spoiled(body, path, source.json(NAMES, WORDS, 2) if source.below(6) else ...)
    return body


def check(body: bytes) -> None:
    """Check what must hold of any body."""
    try:
        found = openai_json.parse_body(body)
    except BridgeError as error:
        tell(error)
        return
    for kind in KINDS:
        read = outcome(kind, found)
        if isinstance(read, BridgeError):
            tell(read)
            assert isinstance(outcome(kind, dict(reversed(found.items()))), BridgeError)
        else:
            agree(kind, found, read)
    for reader in (read_tokenize, read_detokenize):
        try:
            reader(found)
        except BridgeError as error:
            tell(error)


def outcome(kind: type[Any], found: dict[str, Any]) -> openai_json.Read[Any] | BridgeError:
    """Return what a body is read as, ranges included, or why it is refused."""
    try:
        read: openai_json.Read[Any] = openai_json.read(kind, found)
        request_fields.forwarded(read.message, KINDS[kind], "m")
    except BridgeError as error:
        return error
    return read


def agree(kind: type[Any], found: dict[str, Any], read: openai_json.Read[Any]) -> None:
    """Check a body that was read."""
    turned = outcome(kind, dict(reversed(found.items())))
    assert isinstance(turned, openai_json.Read)
    assert turned.message == read.message
    more = outcome(kind, {**found, "unheard\r\nof": 1})
    assert isinstance(more, openai_json.Read)
    assert more.message == read.message
    header = openai_json.header_names(more.ignored)
    assert HARMLESS.fullmatch(header)
    assert len(header) <= (MAX_NAME_SENT + 2) * (MAX_NAMES + 1)
    said = str(read.message)
    message = chat_pb2.ChatCompletionMessage(content=said)
    answer = chat_pb2.CreateChatCompletionResponse(model=read.message.model, choices=[{"message": message}])
    told = json.loads(openai_json.dump_chat_response(answer))
    assert (told["model"], told["choices"][0]["message"]["content"]) == (read.message.model, said)


def tell(error: BridgeError) -> None:
    """Check that a refusal can be told at both doors."""
    told = json.loads(openai_json.dump_error(error))["error"]
    assert told["message"] == error.message
    assert told["param"] is None or len(told["param"].encode()) <= MAX_NAME
    rpc_status.to_status(error)
