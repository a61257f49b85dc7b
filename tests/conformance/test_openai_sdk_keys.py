"""Keys and limits as the unmodified openai SDK sees them: the right exceptions, retried as it should."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import openai
import pytest

from tests.key_files import secret, write_keys
from tests.openai_bodies import chat, directed
from tests.openai_sdk import Flavour, both_flavours, sdk

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

CREATE = "chat.completions.create"


@pytest.fixture
async def bridge(serve: Serve, triton: RunningTriton, tmp_path: Path) -> Bridge:
    keys = write_keys(
        tmp_path / "keys.toml",
        alice={},
        limited={"models": ("plain",)},
        rare={"requests_per_minute": 1},
        brisk={"requests_per_minute": 60, "tokens_per_minute": 60},
    )
    return await serve(triton=triton.address, key_file=keys)


@both_flavours
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_a_wrong_key_is_an_authentication_error_and_not_retried(
    bridge: Bridge, flavour: Flavour, stream: bool
) -> None:
    async with sdk(bridge, flavour, max_retries=2) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.call(CREATE, **chat(stream=stream))
    assert (caught.value.status_code, caught.value.code) == (401, "invalid_api_key")
    assert bridge.metrics.text().count(b'code="UNAUTHENTICATED"') == 1
    assert b'code="UNAUTHENTICATED",door="http",endpoint="chat",model=""} 1.0' in bridge.metrics.text()


@both_flavours
async def test_a_hidden_model_is_a_not_found_error_and_not_listed(bridge: Bridge, flavour: Flavour) -> None:
    async with sdk(bridge, flavour, api_key=secret("limited")) as client:
        assert [model.id for model in (await client.call("models.list")).data] == ["plain"]
        with pytest.raises(openai.NotFoundError) as caught:
            await client.call(CREATE, **chat())
        assert caught.value.code == "model_not_found"
        with pytest.raises(openai.NotFoundError):
            await client.call("models.retrieve", model="demo")


@both_flavours
async def test_one_request_too_many_is_a_rate_limit_error(bridge: Bridge, flavour: Flavour) -> None:
    async with sdk(bridge, flavour, api_key=secret("rare")) as client:
        await client.call(CREATE, **chat())
        with pytest.raises(openai.RateLimitError) as caught:
            await client.call(CREATE, **chat())
    assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", "rate_limit_error")
    assert 55 <= int(caught.value.response.headers["retry-after"]) <= 60


@both_flavours
async def test_the_sdk_waits_as_long_as_it_is_told_and_is_served(bridge: Bridge, flavour: Flavour) -> None:
    body = chat(directed(words=60, input_tokens=1), max_tokens=60)
    async with sdk(bridge, flavour, api_key=secret("brisk"), max_retries=1) as client:
        await client.call(CREATE, **body)
        begun = time.monotonic()
        assert (await client.call(CREATE, **body)).choices[0].message.content
        assert 0.9 < time.monotonic() - begun < 5


async def test_a_key_that_is_right_is_served_on_every_route(bridge: Bridge) -> None:
    async with sdk(bridge, api_key=secret("alice")) as client:
        assert (await client.call(CREATE, **chat())).choices
        assert await client.stream(CREATE, **chat())
        assert (await client.call("completions.create", model="plain", prompt="x")).choices
