"""Images in chat messages: from a data URL or an allowed host to the model's own input."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bridge.config import ModelConfig, Template
from tests.openai_bodies import CHAT, directed
from tests.raw_http import ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
WITH_IMAGES = (
    "{% for message in messages %}{% if message.content is string %}{{ message.content }}{% else %}"
    "{% for part in message.content %}{{ '<image>' if part.type == 'image' else part.text }}{% endfor %}"
    "{% endif %}{% endfor %}"
)


def body(url: str, tag: str, model: str = "echo_vllm") -> dict[str, Any]:
    content = [
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "text", "text": directed(tag=tag, text="a picture")},
    ]
    return {"model": model, "messages": [{"role": "user", "content": content}]}


@pytest.fixture
async def seeing(serve: Serve, triton: RunningTriton) -> Bridge:
    models = {"echo_vllm": ModelConfig(template=Template("test", WITH_IMAGES))}
    return await serve(triton=triton.address, models=models)


@pytest.fixture
async def picture_host() -> AsyncIterator[str]:
    """Serve the picture on a loopback port, which is as private as an address can be."""

    async def picture(_: web.Request) -> web.Response:
        return web.Response(body=PNG, content_type="image/png")

    app = web.Application()
    app.add_routes([web.get("/a.png", picture)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_data_url_reaches_the_model(seeing: Bridge, triton: RunningTriton) -> None:
    answer = await ask(seeing.http_port, "POST", CHAT, json=body(DATA_URL, "image-data"))
    assert answer.status == 200
    inputs = (await triton.event("image-data", "request"))["inputs"]
    assert inputs["image"] == [base64.b64encode(PNG).decode()]
    assert inputs["text_input"][0].startswith("<image>")


async def test_an_allowed_host_is_fetched_from(
    serve: Serve, triton: RunningTriton, picture_host: str
) -> None:
    bridge = await serve(
        triton=triton.address,
        models={"echo_vllm": ModelConfig(template=Template("test", WITH_IMAGES))},
        image_hosts=(picture_host,),
        image_private_hosts=(picture_host,),
    )
    url = f"http://{picture_host}/a.png"
    answer = await ask(bridge.http_port, "POST", CHAT, json=body(url, "image-host"))
    assert answer.status == 200
    inputs = (await triton.event("image-host", "request"))["inputs"]
    assert inputs["image"] == [base64.b64encode(PNG).decode()]


async def test_no_other_host_is_fetched_from(
    seeing: Bridge, triton: RunningTriton, picture_host: str
) -> None:
    url = f"http://{picture_host}/a.png"
    answer = await ask(seeing.http_port, "POST", CHAT, json=body(url, "image-refused"))
    assert answer.status == 400
    assert answer.error["param"] == "messages[0].content[0].image_url.url"
    assert picture_host not in answer.error["message"]
    assert triton.events("image-refused") == []


async def test_a_template_without_a_place_for_images_is_said_so(bridge: Bridge) -> None:
    answer = await ask(bridge.http_port, "POST", CHAT, json=body(DATA_URL, "image-template"))
    assert answer.status == 400
    assert answer.error["param"] == "messages[0].content[0].image_url.url"
    assert "chat template has no place" in answer.error["message"]


async def test_a_model_without_an_image_input_refuses_them(bridge: Bridge) -> None:
    answer = await ask(bridge.http_port, "POST", CHAT, json=body(DATA_URL, "image-plain", model="plain"))
    assert answer.status == 400
    assert answer.error["param"].startswith("messages[0].content[0]")
