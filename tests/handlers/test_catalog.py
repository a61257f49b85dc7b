"""The models that can be asked: when Triton is asked for them, what is said of those that are missing."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from bridge.config import Config, ModelConfig
from bridge.errors import BridgeError, Reason
from bridge.wiring import make_backend, make_catalog
from tests.eventually import eventually
from tests.scripted_triton import config, refused_address, scripted_triton

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.handlers.catalog import Catalog
    from tests.scripted_triton import ScriptedTriton

UNFIT = config("unfit", "MUST_BE_GIVEN")
"""A required input that no field of a request could fill."""


@asynccontextmanager
async def running(*models: Any, **settings: Any) -> AsyncIterator[tuple[ScriptedTriton, Catalog]]:
    """Return a peer with these models and a catalog of it that has not looked yet."""
    async with scripted_triton(None, *models) as peer, catalog_of(peer.address, **settings) as catalog:
        yield peer, catalog


@asynccontextmanager
async def catalog_of(address: str, **settings: Any) -> AsyncIterator[Catalog]:
    made = Config(triton=address, **settings)
    backend = make_backend(made)
    try:
        yield make_catalog(made, backend)
    finally:
        await backend.close()


async def listed(catalog: Catalog) -> list[str]:
    return [model.id for model in (await catalog.list_models()).data]


async def refusal(catalog: Catalog, name: str) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        await catalog.route(name)
    return caught.value


async def test_the_models_that_fit_are_listed_in_order() -> None:
    async with running(config("b"), UNFIT, config("a")) as (_, catalog):
        await catalog.refresh()
        assert await listed(catalog) == ["a", "b"]
        assert catalog.found["unfit"].why_not


async def test_a_listed_model_is_routed_without_a_question() -> None:
    async with running() as (peer, catalog):
        await catalog.refresh()
        asked = len(peer.asked)
        assert (await catalog.route("m")).id == "m"
        assert len(peer.asked) == asked


async def test_many_looks_at_once_are_at_most_two_questions() -> None:
    async with running() as (peer, catalog):
        peer.index_gate.clear()
        looks = [asyncio.create_task(catalog.refresh()) for _ in range(20)]
        await eventually(lambda: peer.asked)
        peer.index_gate.set()
        await asyncio.gather(*looks)

        # The first look may have read the index before the others asked; one more answers all of them.
        assert peer.asked.count("RepositoryIndex") == 2
        assert peer.asked.count("m") == 1


async def test_an_unknown_model_asks_triton_once_and_is_not_found() -> None:
    async with running() as (peer, catalog):
        await catalog.refresh()
        peer.asked.clear()
        error = await refusal(catalog, "other")

        assert peer.asked == ["RepositoryIndex"]
        assert (error.reason, error.model) == (Reason.MODEL_NOT_FOUND, "other")
        assert "'other'" in error.message
        assert "'m'" not in error.message


async def test_a_model_that_has_just_appeared_is_served_at_its_first_request() -> None:
    async with running() as (peer, catalog):
        await catalog.refresh()
        peer.models["new"] = config("new")
        assert (await catalog.route("new")).id == "new"


async def test_a_model_that_has_gone_is_not_found_after_the_next_look() -> None:
    async with running(config("m"), config("n")) as (peer, catalog):
        await catalog.refresh()
        del peer.models["m"]
        await catalog.refresh()

        assert (await refusal(catalog, "m")).reason is Reason.MODEL_NOT_FOUND
        assert await listed(catalog) == ["n"]


async def test_no_name_is_the_default_model() -> None:
    async with running(config("m"), config("n"), default_model="n") as (_, catalog):
        await catalog.refresh()
        assert (await catalog.route("")).id == "n"


async def test_no_name_without_a_default_model_is_the_clients_fault() -> None:
    async with running() as (_, catalog):
        error = await refusal(catalog, "")

    assert (error.reason, error.param) == (Reason.MISSING_REQUIRED_PARAMETER, "model")


async def test_a_model_that_does_not_fit_is_refused_with_the_reason() -> None:
    async with running(UNFIT) as (_, catalog):
        error = await refusal(catalog, "unfit")

        assert (error.reason, error.param, error.model) == (Reason.MODEL_NOT_COMPATIBLE, "model", "unfit")
        assert "MUST_BE_GIVEN" in error.message
        with pytest.raises(BridgeError) as caught:
            await catalog.retrieve_model("unfit")
        assert caught.value.reason is Reason.MODEL_NOT_FOUND


async def test_only_a_new_version_is_asked_for_its_tensors() -> None:
    async with running(config("m"), config("n")) as (peer, catalog):
        await catalog.refresh()
        peer.asked.clear()
        await catalog.refresh()
        assert peer.asked == ["RepositoryIndex"]
        peer.versions["m"] = "2"
        await catalog.refresh()
        assert peer.asked == ["RepositoryIndex", "RepositoryIndex", "m"]


async def test_forgetting_asks_every_model_for_its_tensors() -> None:
    async with running(config("m"), config("n")) as (peer, catalog):
        await catalog.refresh()
        peer.models["m"] = UNFIT
        peer.asked.clear()
        await catalog.refresh(forget=True)

        assert sorted(peer.asked) == ["RepositoryIndex", "m", "n"]
        assert (await refusal(catalog, "m")).reason is Reason.MODEL_NOT_COMPATIBLE


async def test_a_model_keeps_the_time_at_which_it_was_first_seen() -> None:
    async with running() as (peer, catalog):
        await catalog.refresh()
        first = (await catalog.route("m")).created
        assert first > 1_500_000_000
        peer.versions["m"] = "2"
        await catalog.refresh(forget=True)
        assert (await catalog.route("m")).created == first


async def test_a_triton_that_went_away_keeps_its_models_but_is_not_ready() -> None:
    async with running() as (peer, catalog):
        await catalog.refresh()
        assert await catalog.not_ready() is None
        peer.down = True
        await catalog.refresh()

        assert await catalog.not_ready() == "Triton cannot be reached"
        assert (await catalog.route("m")).id == "m"
        assert await listed(catalog) == ["m"]
        assert (await refusal(catalog, "other")).reason is Reason.BACKEND_UNAVAILABLE

        peer.down = False
        await catalog.refresh()
        assert await catalog.not_ready() is None


async def test_a_triton_that_was_never_there_is_unavailable() -> None:
    with refused_address() as nowhere:
        async with catalog_of(nowhere) as catalog:
            await catalog.refresh()
            for question in (catalog.route("m"), catalog.list_models(), catalog.retrieve_model("m")):
                with pytest.raises(BridgeError) as caught:
                    await question
                assert caught.value.reason is Reason.BACKEND_UNAVAILABLE
            assert await catalog.not_ready() == "Triton cannot be reached"


@pytest.mark.parametrize(
    ("models", "settings", "why"),
    [
        pytest.param([UNFIT], {}, "no model that can be served", id="none fits"),
        pytest.param(
            [config("m")],
            {"models": {"big": ModelConfig()}},
            "model 'big' is configured",
            id="one is missing",
        ),
        pytest.param(
            [config("m"), UNFIT],
            {"models": {"unfit": ModelConfig()}},
            "model 'unfit' is configured",
            id="one does not fit",
        ),
    ],
)
async def test_what_keeps_the_bridge_from_being_ready_is_named(
    models: list[Any], settings: dict[str, Any], why: str
) -> None:
    async with running(*models, **settings) as (_, catalog):
        await catalog.refresh()
        reason = await catalog.not_ready()

    assert reason is not None
    assert why in reason


async def test_polling_finds_models_without_being_asked() -> None:
    async with running() as (peer, catalog):
        polling = asyncio.create_task(catalog.poll(0.01))
        await eventually(lambda: "m" in catalog.found)
        peer.models["new"] = config("new")
        await eventually(lambda: "new" in catalog.found)
        del peer.models["m"]
        await eventually(lambda: "m" not in catalog.found)
        polling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await polling


async def test_polling_survives_a_triton_that_goes_and_comes_back() -> None:
    async with running() as (peer, catalog):
        polling = asyncio.create_task(catalog.poll(0.01))
        await eventually(lambda: "m" in catalog.found)
        peer.down = True
        asked = len(peer.asked)
        await eventually(lambda: len(peer.asked) > asked + 2)
        assert await catalog.not_ready() is not None
        peer.down = False
        peer.models["new"] = config("new")
        await eventually(lambda: "new" in catalog.found)
        polling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await polling
