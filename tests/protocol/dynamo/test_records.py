"""What a worker tells of itself: keys, addresses and cards as Dynamo reads them."""

from __future__ import annotations

import json
import re

import pytest

from bridge.protocol.dynamo.records import CARDS, INSTANCES, Key, Place, component, records

PLACE = Place(namespace="dynamo", instance=0xABC, address="10.0.0.7:9000")


def test_a_model_has_an_instance_and_then_a_card() -> None:
    found = records(PLACE, "llama", 4096)
    name = "dynamo/openai-bridge-llama/generate/abc"
    assert list(found) == [Key(INSTANCES, name), Key(CARDS, name)]
    instance, told = (json.loads(value) for value in found.values())
    common = {"namespace": "dynamo", "component": "openai-bridge-llama", "endpoint": "generate"}
    assert instance == {
        "type": "Endpoint",
        **common,
        "instance_id": 0xABC,
        "request_plane_codec": "json",
        "transport": {"tcp": "10.0.0.7:9000/abc/dynamo/openai-bridge-llama/generate"},
    }
    card = told.pop("card_json")
    assert told == {"type": "Model", **common, "instance_id": 0xABC}
    assert card == {
        "display_name": "llama",
        "slug": "openai-bridge-llama",
        "model_type": "Chat | Completions",
        "model_input": "Text",
        "worker_type": "aggregated",
        "needs": [],
        "context_length": 4096,
        "kv_cache_block_size": 0,
        "migration_limit": 0,
    }


def test_requests_come_to_the_path_of_the_instance() -> None:
    (instance, _) = records(PLACE, "Qwen/Qwen3", None).values()
    assert json.loads(instance)["transport"]["tcp"] == f"{PLACE.address}/{PLACE.path('Qwen/Qwen3')}"


def test_an_unknown_length_is_0() -> None:
    (_, card) = records(PLACE, "llama", None).values()
    assert json.loads(card)["card_json"]["context_length"] == 0


@pytest.mark.parametrize("name", ["llama", "Llama", "a/b", "a.b", "a b", "ü", "sql:sales", "a" * 300])
def test_a_component_has_characters_that_dynamo_takes(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9_-]+", component(name))


def test_no_two_models_share_a_component() -> None:
    names = ["a-b", "a.b", "a/b", "A-B", "A.B", "ä-b"]
    assert len({component(name) for name in names}) == len(names)
