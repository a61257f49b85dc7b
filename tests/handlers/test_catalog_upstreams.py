"""The models of several Tritons: what stays served when one goes away, and models of only some of them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from bridge.config import Config, ModelConfig, Upstream
from bridge.errors import BridgeError, Reason
from bridge.wiring import make_backend, make_catalog
from tests.scripted_triton import config, scripted_triton

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from bridge.handlers.catalog import Catalog
    from tests.scripted_triton import ScriptedTriton

BACK = 5.0
"""Seconds within which a server that is back is asked again."""

Both = tuple["ScriptedTriton", "ScriptedTriton", "Catalog"]


@asynccontextmanager
async def running(
    first: str, second: str, models: Callable[[str, str], dict[str, ModelConfig]] = lambda _a, _b: {}
) -> AsyncIterator[Both]:
    """Return two peers with these models, and a catalog over them that has looked.

    Args:
        first: names of the models of one.
        second: of the other.
        models: makes the configured models of the two addresses.
    """
    async with AsyncExitStack() as stack:
        a, b = [
            await stack.enter_async_context(scripted_triton(None, *map(config, names.split())))
            for names in (first, second)
        ]
        made = Config(
            triton=(Upstream(address=a.address), Upstream(address=b.address)),
            models=models(a.address, b.address),
        )
        backend = make_backend(made)
        stack.push_async_callback(backend.close)
        catalog = make_catalog(made, backend)
        await catalog.refresh()
        yield a, b, catalog


async def listed(catalog: Catalog) -> list[str]:
    return [model.id for model in (await catalog.list_models()).data]


async def refusal(catalog: Catalog, name: str) -> Reason:
    with pytest.raises(BridgeError) as caught:
        await catalog.route(name)
    return caught.value.reason


def required(*names: str) -> Callable[[str, str], dict[str, ModelConfig]]:
    return lambda _a, _b: {name: ModelConfig() for name in names}


async def test_the_models_of_both_are_listed() -> None:
    async with running("m n", "n o") as (_, _, catalog):
        assert await listed(catalog) == ["m", "n", "o"]


async def test_the_models_of_one_that_went_away_stay_listed() -> None:
    async with running("m", "n") as (_, b, catalog):
        b.down = True
        await catalog.refresh()
        assert await listed(catalog) == ["m", "n"]
        assert (await catalog.route("n")).id == "n"


async def test_ready_fails_only_when_a_configured_model_has_no_server() -> None:
    async with running("m n", "n", required("m", "n")) as (a, b, catalog):
        assert await catalog.not_ready() is None
        b.down = True
        await catalog.refresh()
        assert await catalog.not_ready() is None
        a.down, b.down = True, False
        await catalog.refresh()
        assert await catalog.not_ready() == "model 'm' is configured but not ready"


async def test_where_none_is_configured_one_model_is_enough() -> None:
    async with running("m", "n") as (a, b, catalog):
        a.down = True
        await catalog.refresh()
        assert await catalog.not_ready() is None
        b.down = True
        await catalog.refresh()
        assert await catalog.not_ready() == "Triton cannot be reached"


async def test_looking_anew_while_one_is_away_loses_nothing() -> None:
    async with running("m", "n", required("m", "n")) as (_, b, catalog):
        b.down = True
        await catalog.refresh(forget=True)
        assert await listed(catalog) == ["m", "n"]
        assert (await catalog.route("n")).id == "n"
        assert await catalog.not_ready() == "model 'n' is configured but not ready"
        b.down = False
        async with asyncio.timeout(BACK):
            while await catalog.not_ready() is not None:  # a look does not wait for one that was away
                await catalog.refresh()


async def test_a_model_whose_tensors_nobody_can_tell_yet_is_unavailable_and_not_unknown() -> None:
    async with running("m", "n") as (_, b, catalog):
        b.models["o"] = config("o")
        await catalog.backend.ready_models()
        b.down = True
        await catalog.refresh()
        assert await refusal(catalog, "o") is Reason.BACKEND_UNAVAILABLE
        assert await refusal(catalog, "p") is Reason.MODEL_NOT_FOUND
        assert await catalog.not_ready() is None


def only_on_the_second(_: str, second: str) -> dict[str, ModelConfig]:
    return {
        "everywhere": ModelConfig(triton_model="m"),
        "there": ModelConfig(triton_model="m", upstreams=(second,), loras=()),
    }


async def test_a_model_of_some_servers_is_found_only_there() -> None:
    async with running("m", "n", only_on_the_second) as (a, b, catalog):
        assert await listed(catalog) == ["everywhere", "n"]
        assert await catalog.not_ready() == "model 'there' is configured but not ready"
        b.models["m"] = config("m")
        await catalog.refresh()
        assert await catalog.not_ready() is None
        a.down = True
        b.asked.clear()
        await catalog.refresh(forget=True)
        assert await listed(catalog) == ["everywhere", "n", "there"]
        assert b.asked.count("RepositoryIndex") == 1


async def test_a_model_of_some_servers_stays_when_these_go_away() -> None:
    async with running("m", "m n", only_on_the_second) as (_, b, catalog):
        b.down = True
        await catalog.refresh()
        assert await listed(catalog) == ["everywhere", "n", "there"]
        assert await catalog.not_ready() == "model 'there' is configured but not ready"
