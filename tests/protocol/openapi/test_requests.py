"""The schemas of requests accept what the readers and the ranges accept, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest
from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest

from bridge.errors import BridgeError
from bridge.protocol import embeddings, openai_json, request_fields
from bridge.protocol.openai_json import overrides
from bridge.protocol.openapi import accepted
from tests.openapi_document import component, document, faults
from tests.protocol.openapi.bodies import FURTHER, WHOLE, Path, places, spoiled

RANGES = {
    CreateChatCompletionRequest: request_fields.CHAT,
    CreateCompletionRequest: request_fields.COMPLETION,
    CreateEmbeddingRequest: embeddings.FIELDS,
}
BODIES = WHOLE + FURTHER
PLACES = [(kind, body, path) for kind, body in BODIES for path in places(body)]

# What the schema does not say: rules between fields, what stands in encoded strings, integers beyond 64 bits.
UNSAID = (
    "'stream_options'",
    "contradicts",
    "exactly one",
    "more than one constraint",
    "no constraint",
    "'triton_parameters",
    "not base64",
    "is exact up to",
    "the string is not JSON",
)
VALUES = st.one_of(
    st.sampled_from([..., None, True, False, 0, 1, -1, 2**31, -(2**31) - 1, 2**63, 0.5, 1.0, 1e300, -0.0]),
    st.sampled_from(["", "a", "auto", "function", "custom", "text", "user", "none", "{}", "AA==", "1"]),
    st.sampled_from([[], {}, [None], [1], ["a"], [[1]], [{}], {"1": None}, {"1": 1}, {"type": "text"}]),
    st.integers(-5, 200),
    st.floats(allow_nan=False, allow_infinity=False),
)


def refusal(kind: type[Any], body: Any) -> str | None:
    """Return why a body is refused by types, widths, words, shapes and ranges; None if it is not."""
    try:
        message = openai_json.read(kind, body).message
        request_fields.forwarded(message, RANGES[kind], "m")
    except BridgeError as exc:
        return exc.message
    return None


def is_empty(body: dict[str, Any]) -> bool:
    """Tell whether a body asks for nothing: the exchanges refuse that, and so does the schema."""
    prompts, stops = body.get("prompt", body.get("input", body.get("messages"))), body.get("stop")
    return prompts == [] or (isinstance(prompts, list) and [] in prompts) or "" in (stops, *(stops or ()))


def agree(kind: type[Any], body: Any) -> None:
    """Check that the schema and the reader say the same of a body."""
    wrong = faults(component(kind.DESCRIPTOR.name), body)
    why = refusal(kind, body)
    if why is None:
        assert wrong == [] or is_empty(body)
    elif not any(rule in why for rule in UNSAID):
        assert wrong != [], why


@pytest.mark.parametrize(
    ("kind", "body"), [pytest.param(kind, body, id=f"{at}") for at, (kind, body) in enumerate(BODIES)]
)
def test_a_good_body_is_one(kind: type[Any], body: dict[str, Any]) -> None:
    assert refusal(kind, body) is None
    assert faults(component(kind.DESCRIPTOR.name), body) == []


@pytest.mark.parametrize(("kind", "body"), WHOLE, ids=["chat", "completion", "embedding"])
def test_every_key_is_tried_that_may_say_anything(kind: type[Any], body: dict[str, Any]) -> None:
    properties = document()["components"]["schemas"][kind.DESCRIPTOR.name]["properties"]
    refused = {name for name, schema in properties.items() if schema.get("x-handling") == "refused"}
    elsewhere = {name for name in properties if name.startswith("guided_")}
    assert set(properties) - refused - elsewhere <= set(body) <= set(properties)


@pytest.mark.parametrize("put", [..., None, True, 0, 0.5, "a", [], {}], ids=str)
def test_schema_and_reader_agree_wherever_a_value_is_replaced(put: Any) -> None:
    for kind, body, path in PLACES:
        agree(kind, spoiled(body, path, put))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLACES), VALUES)
def test_schema_and_reader_agree_on_any_value(place: tuple[type[Any], Any, Path], put: Any) -> None:
    kind, body, path = place
    agree(kind, spoiled(body, path, put))


@pytest.mark.parametrize("put", [{"type": "text"}, "text", 3])
def test_a_key_that_no_table_knows_is_allowed(put: Any) -> None:
    for kind, body in WHOLE:
        agree(kind, {**body, "unheard_of": put})


def test_every_reader_of_its_own_has_a_schema() -> None:
    assert {accepted.BY_READER[read] is not None for read in overrides.FIELDS.values()} == {True}
    assert set(accepted.BY_MESSAGE) == set(overrides.MESSAGES)
