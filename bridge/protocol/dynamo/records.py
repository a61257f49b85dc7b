"""What a worker tells of itself where frontends look: an instance and a model card for each model."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final

import orjson

from bridge.protocol.dynamo.control import CODEC

ENDPOINT: Final = "generate"
INSTANCES: Final = "v1/instances"
CARDS: Final = "v1/mdc"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Where a record stands."""

    bucket: str
    """`INSTANCES` or `CARDS`: a folder, or what begins the key in etcd."""
    name: str
    """`<namespace>/<component>/<endpoint>/<instance, hexadecimal>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a worker is, in its cluster."""

    namespace: str
    instance: int
    """Of 64 bits, the worker's own."""
    address: str
    """IP:PORT of its request plane."""

    def path(self, model: str) -> str:
        """Return where requests for a model go; see `frames.Request`."""
        return f"{self.instance:x}/{self.namespace}/{component(model)}/{ENDPOINT}"


def component(model: str) -> str:
    """Return the component that the workers of a model are together: letters, digits, `-` and `_`.

    Names that Dynamo cannot take as they are get a few digits more, so that no two models share one.
    """
    slug = re.sub(r"[^a-z0-9_-]", "-", model.lower())
    if slug != model:
        slug += "-" + hashlib.blake2s(model.encode(), digest_size=4).hexdigest()
    return f"openai-bridge-{slug}"


def records(place: Place, model: str, max_model_len: int | None) -> dict[Key, bytes]:
    """Return the records of one model, in the order in which they should be written.

    Workers that serve a model together must say the same of it.

    Args:
        place: where the worker is.
        model: its name, as listed.
        max_model_len: its longest prompt plus answer, in tokens, when known.
    """
    name = f"{place.namespace}/{component(model)}/{ENDPOINT}/{place.instance:x}"
    common = {
        "namespace": place.namespace,
        "component": component(model),
        "endpoint": ENDPOINT,
        "instance_id": place.instance,
    }
    instance: dict[str, Any] = {
        "type": "Endpoint",
        **common,
        "request_plane_codec": CODEC,
        "transport": {"tcp": f"{place.address}/{place.path(model)}"},
    }
    card: dict[str, Any] = {
        "display_name": model,
        "slug": component(model),
        "model_type": "Chat | Completions",
        "model_input": "Text",
        "worker_type": "aggregated",
        "needs": [],
        "context_length": max_model_len or 0,
        "kv_cache_block_size": 0,
        "migration_limit": 0,
    }
    return {
        Key(INSTANCES, name): orjson.dumps(instance),
        Key(CARDS, name): orjson.dumps({"type": "Model", **common, "card_json": card}),
    }
