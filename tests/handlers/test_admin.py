"""Loading and unloading: who may, and what happens to the models."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from bridge.access.keys import ANYONE, Key
from bridge.config import Config, ModelConfig
from bridge.errors import BridgeError, Reason
from bridge.handlers.admin import ModelAdmin
from bridge.handlers.catalog import Catalog
from bridge.protocol.signature import Signature
from bridge.routes import Routes
from tests.scripted_triton import config

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from bridge.backends.base import Backend

ADMIN = Key(name="operator", admin=True)


class Repository:
    """A backend with models that can be loaded, and which were asked for."""

    def __init__(self, *models: str) -> None:
        self.known = dict.fromkeys(models, False)
        self.asked: list[tuple[str, str]] = []
        self.looks = 0
        self.fails: BridgeError | None = None

    async def ready_models(self) -> dict[str, str]:
        self.looks += 1
        return {name: "1" for name, ready in self.known.items() if ready}

    async def signature(self, name: str, version: str = "") -> Signature:
        return Signature.from_config(config(name), version)

    async def load_model(self, name: str) -> None:
        await self._change("load", name, ready=True)

    async def unload_model(self, name: str) -> None:
        await self._change("unload", name, ready=False)

    async def _change(self, what: str, name: str, *, ready: bool) -> None:
        self.asked.append((what, name))
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        if name not in self.known:
            raise BridgeError(Reason.MODEL_NOT_FOUND, "the model is not available", model=name)
        self.known[name] = ready

    def stream(self, request: Any, *, model: str, deadline: float) -> AsyncGenerator[Sequence[Any], None]:
        raise NotImplementedError

    async def close(self) -> None:
        pass


@asynccontextmanager
async def administered(repository: Repository, **settings: Any) -> AsyncIterator[tuple[ModelAdmin, Catalog]]:
    routes = Routes(Config(**settings))
    backend: Backend = repository
    catalog = Catalog(backend, routes, clock=lambda: 1.0)
    yield ModelAdmin(catalog, triton_name=routes.triton_name), catalog


async def listed(catalog: Catalog) -> list[str]:
    return [model.id for model in (await catalog.list_models()).data]


async def test_a_loaded_model_is_served_and_an_unloaded_one_is_not() -> None:
    repository = Repository("m", "n")
    async with administered(repository) as (admin, catalog):
        await catalog.refresh()
        assert await listed(catalog) == []
        await admin.load("m", ADMIN)
        assert await listed(catalog) == ["m"]
        await admin.unload("m", ADMIN)
        assert await listed(catalog) == []
    assert repository.asked == [("load", "m"), ("unload", "m")]


async def test_a_model_is_named_as_in_requests() -> None:
    repository = Repository("llama_3")
    models = {"llama": ModelConfig(triton_model="llama_3")}
    async with administered(repository, models=models) as (admin, catalog):
        await admin.load("llama", ADMIN)
        assert await listed(catalog) == ["llama"]
    assert repository.asked == [("load", "llama_3")]


@pytest.mark.parametrize(
    "key", [ANYONE, Key(name="a"), Key(name="b", models=("m",))], ids=lambda key: key.name
)
@pytest.mark.parametrize("change", ["load", "unload"])
async def test_nobody_else_may_and_nothing_is_told_of_the_model(change: str, key: Key) -> None:
    repository = Repository("m")
    async with administered(repository) as (admin, _):
        for model in ("m", "unknown", ""):
            with pytest.raises(BridgeError) as caught:
                await getattr(admin, change)(model, key)
            assert caught.value.reason is Reason.MODEL_NOT_ALLOWED
            assert caught.value.message == "this key may not load or unload models"
    assert repository.asked == []
    assert repository.looks == 0


@pytest.mark.parametrize("change", ["load", "unload"])
async def test_an_admin_changes_no_model_that_its_key_does_not_see(change: str) -> None:
    repository = Repository("m", "n")
    async with administered(repository) as (admin, _):
        with pytest.raises(BridgeError) as caught:
            await getattr(admin, change)("n", Key(name="of-m", admin=True, models=("m",)))
        assert caught.value.reason is Reason.MODEL_NOT_FOUND
    assert repository.asked == []


async def test_a_name_is_required() -> None:
    repository = Repository("m")
    async with administered(repository) as (admin, _):
        with pytest.raises(BridgeError) as caught:
            await admin.load("", ADMIN)
    assert (caught.value.reason, caught.value.param) == (Reason.MISSING_REQUIRED_PARAMETER, "model")
    assert repository.asked == []


@pytest.mark.parametrize("reason", [Reason.MODEL_NOT_FOUND, Reason.UNSUPPORTED_OPERATION])
async def test_what_the_backend_refuses_is_told_and_changes_nothing(reason: Reason) -> None:
    repository = Repository("m")
    async with administered(repository) as (admin, catalog):
        await admin.load("m", ADMIN)
        repository.fails = BridgeError(reason, "no")
        for change in (admin.load, admin.unload):
            with pytest.raises(BridgeError) as caught:
                await change("m", ADMIN)
            assert caught.value.reason is reason
        assert await listed(catalog) == ["m"]


async def test_loading_again_looks_at_the_models_tensors_again() -> None:
    repository = Repository("m")
    async with administered(repository) as (admin, catalog):
        await admin.load("m", ADMIN)
        before = catalog.found["m"]
        await admin.load("m", ADMIN)
        assert catalog.found["m"] is not before


async def test_many_at_once_all_come_true() -> None:
    repository = Repository(*map(str, range(20)))
    async with administered(repository) as (admin, catalog):
        await asyncio.gather(*(admin.load(str(number), ADMIN) for number in range(20)))
        assert await listed(catalog) == sorted(map(str, range(20)))
        await asyncio.gather(*(admin.unload(str(number), ADMIN) for number in range(20)))
        assert await listed(catalog) == []


async def test_a_change_is_logged_with_the_name_of_the_key(caplog: pytest.LogCaptureFixture) -> None:
    async with administered(Repository("m")) as (admin, _):
        with caplog.at_level(logging.DEBUG):
            await admin.load("m", ADMIN)
            await admin.unload("m", ADMIN)
    assert "model m: loaded by operator" in caplog.messages
    assert "model m: unloaded by operator" in caplog.messages
