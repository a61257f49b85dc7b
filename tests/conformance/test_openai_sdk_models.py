"""Models by the openai SDK."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import openai
import pytest

from bridge.config import ModelConfig
from tests.openai_sdk import Flavour, both_flavours, sdk

if TYPE_CHECKING:
    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton


@both_flavours
async def test_the_list_names_every_model_that_generates_text(bridge: Bridge, flavour: Flavour) -> None:
    async with sdk(bridge, flavour) as client:
        page = await client.call("models.list")
    names = [model.id for model in page.data]
    assert names == sorted(names)
    assert {"demo", "echo_vllm", "plain", "plain_decoupled", "batched"} <= set(names)
    assert "identity" not in names
    assert {model.object for model in page.data} == {"model"}
    assert {model.owned_by for model in page.data} == {"triton"}
    assert all(0 <= time.time() - model.created < 60 for model in page.data)


@both_flavours
async def test_a_listed_model_can_be_retrieved(bridge: Bridge, flavour: Flavour) -> None:
    async with sdk(bridge, flavour) as client:
        listed = {model.id: model for model in (await client.call("models.list")).data}
        assert await client.call("models.retrieve", model="demo") == listed["demo"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("nobody", id="plain"),
        pytest.param("org/model", id="one slash"),
        pytest.param("a/b/c d%2F", id="slashes, a space and a percent sign"),
        pytest.param("identity", id="a model without text"),
    ],
)
@both_flavours
async def test_retrieving_an_unknown_model_is_not_found(bridge: Bridge, flavour: Flavour, name: str) -> None:
    async with sdk(bridge, flavour) as client:
        with pytest.raises(openai.NotFoundError) as caught:
            await client.call("models.retrieve", model=name)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert caught.value.type == "invalid_request_error"
    assert repr(name) in caught.value.message
    assert caught.value.request_id


async def test_settings_of_a_model_show_in_its_entry(serve: Serve, triton: RunningTriton) -> None:
    settings = ModelConfig(owned_by="us", max_model_len=8192)
    bridge = await serve(triton=triton.address, models={"demo": settings})
    async with sdk(bridge) as client:
        model = await client.call("models.retrieve", model="demo")
    assert (model.owned_by, model.max_model_len) == ("us", 8192)
