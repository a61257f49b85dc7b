"""Names, versions and adapters of the configuration, as the catalog finds and lists them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import Config, ModelConfig
from bridge.errors import BridgeError, Reason
from bridge.handlers.catalog import Catalog
from bridge.routes import Routes
from bridge.wiring import make_backend
from tests.scripted_triton import config, scripted_triton

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.scripted_triton import ScriptedTriton

NOW = 1_700_000_000.9


@asynccontextmanager
async def running(*names: str, **settings: Any) -> AsyncIterator[tuple[ScriptedTriton, Catalog]]:
    """Return a peer with plain models of these names and a catalog of it that has looked once."""
    async with scripted_triton(None, *map(config, names)) as peer:
        made = Config(triton=peer.address, **settings)
        backend = make_backend(made)
        catalog = Catalog(backend, Routes(made), clock=lambda: NOW)
        await catalog.refresh()
        try:
            yield peer, catalog
        finally:
            await backend.close()


async def listed(catalog: Catalog) -> list[str]:
    return [model.id for model in (await catalog.list_models()).data]


async def test_several_names_may_stand_for_one_model() -> None:
    limited = ModelConfig(triton_model="m", max_tokens=5, unsupported="ignore")
    models = {"fast": limited, "slow": ModelConfig(triton_model="m")}
    async with running("m", "n", models=models) as (_, catalog):
        assert await listed(catalog) == ["fast", "n", "slow"]
        fast, slow = await catalog.route("fast"), await catalog.route("slow")
        assert (fast.id, fast.default_max_tokens) == ("fast", 5)
        assert (slow.id, slow.default_max_tokens) == ("slow", None)
        with pytest.raises(BridgeError) as caught:
            await catalog.route("m")
        assert caught.value.reason is Reason.MODEL_NOT_FOUND


async def test_only_configured_models_may_be_served() -> None:
    settings = {"models": {"m": ModelConfig()}, "serve_unconfigured": False}
    async with running("m", "n", **settings) as (peer, catalog):
        assert await listed(catalog) == ["m"]
        assert "n" not in peer.asked


async def test_a_model_is_asked_in_its_version() -> None:
    models = {"old": ModelConfig(triton_model="m", version="3"), "new": ModelConfig(triton_model="m")}
    async with running("m", models=models) as (_, catalog):
        assert catalog.found["old"].signature.version == "3"
        assert catalog.found["new"].signature.version == ""


async def test_a_default_may_be_a_name_of_the_configuration() -> None:
    models = {"chat": ModelConfig(triton_model="m")}
    async with running("m", models=models, default_model="chat") as (_, catalog):
        assert (await catalog.route("")).id == "chat"


async def test_a_listed_model_tells_its_owner_its_length_and_when_it_was_seen() -> None:
    models = {"m": ModelConfig(owned_by="me", max_model_len=99)}
    async with running("m", "n", models=models) as (_, catalog):
        first, second = (await catalog.list_models()).data
        assert (first.id, first.owned_by, first.max_model_len, first.created) == ("m", "me", 99, int(NOW))
        assert (second.id, second.owned_by, second.HasField("max_model_len")) == ("n", "triton", False)
        assert not first.HasField("parent")


async def test_an_adapter_that_its_model_cannot_take_is_missed_and_says_why() -> None:
    async with running("m", models={"m": ModelConfig(loras=("sql",))}) as (_, catalog):
        assert await listed(catalog) == ["m"]
        assert await catalog.not_ready() == "model 'm:sql' is configured but not ready"
        with pytest.raises(BridgeError) as caught:
            await catalog.route("m:sql")
        assert caught.value.reason is Reason.MODEL_NOT_COMPATIBLE
        assert "vLLM" in caught.value.message


async def test_an_unknown_adapter_is_not_found() -> None:
    async with running("m", models={"m": ModelConfig(loras=("sql",))}) as (_, catalog):
        with pytest.raises(BridgeError) as caught:
            await catalog.route("m:other")
        assert caught.value.reason is Reason.MODEL_NOT_FOUND


async def test_a_name_vanishes_with_its_model() -> None:
    models = {"chat": ModelConfig(triton_model="m")}
    async with running("m", models=models) as (peer, catalog):
        del peer.models["m"]
        await catalog.refresh()
        assert await listed(catalog) == []
        assert await catalog.not_ready() == "model 'chat' is configured but not ready"
