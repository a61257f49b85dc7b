"""Fetching images: what a hostile or broken web server may not achieve."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bridge.errors import Reason
from bridge.handlers.images import ImageLoader, ImagePolicy
from bridge.protocol.images import Image, ImageReference
from tests.handlers.image_web import PARAM, PNG, SOON, Web, loading, refused, reply, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving() as found:
        yield found


async def test_an_image_is_fetched_without_cookies_proxies_or_compression(web: Web) -> None:
    async with loading(web) as load:
        assert await load(f"http://a:{web.port}/ok.png") == [Image("image/png", PNG)]
    head = web.heads[0].decode().lower()
    assert head.startswith("get /ok.png http/1.1\r\n")
    assert f"host: a:{web.port}\r\n" in head
    assert "accept-encoding: identity" in head
    assert "cookie" not in head
    assert "authorization" not in head


async def test_images_come_in_the_order_of_their_references(web: Web) -> None:
    web.answers["/gif"] = [reply(b"GIF89a....", kind="image/gif")]
    data = "data:image/png;base64,iVBORw0KGgo="
    async with loading(web) as load:
        found = await load(f"http://a:{web.port}/ok.png", data, f"http://b:{web.port}/gif")
    assert [image.media_type for image in found] == ["image/png", "image/png", "image/gif"]
    assert [len(image.data) for image in found] == [len(PNG), 8, 10]


async def test_data_urls_need_no_list() -> None:
    loader = ImageLoader(ImagePolicy())
    found = await loader.load([ImageReference(PARAM, "data:image/png;base64,iVBORw0KGgo=")], deadline=0)
    assert found == [Image("image/png", PNG[:8])]
    await loader.close()


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("pieces", "what"),
    [
        pytest.param([reply(PNG + bytes(1000))], "larger than 2000", id="too large"),
        pytest.param(
            [reply(PNG + bytes(1000))[:-1000], b""], "larger than 2000", id="a length over the limit"
        ),
        pytest.param(
            [CHUNKED, *[b"400\r\n" + bytes(1024) + b"\r\n"] * 5, b""],
            "larger than 2000",
            id="no length, no end",
        ),
        pytest.param([reply(PNG)[:-5]], "could not be fetched", id="cut off"),
        pytest.param([b""], "could not be fetched in time", id="silence"),
        pytest.param([reply(PNG)[:-5], b""], "could not be fetched in time", id="a body that stops"),
        pytest.param([b"HTTP/1.1 200 OK\r\nX: y\r\n", b""], "in time", id="a head that stops"),
        pytest.param([b"SSH-2.0-x\r\n"], "could not be fetched", id="no HTTP"),
        pytest.param([reply(b"", status="404 Not Found")], "answers 404", id="404"),
        pytest.param([reply(b"", status="302 Found")], "leads nowhere", id="a redirect without a place"),
        pytest.param([reply(PNG, kind="text/html")], "is no image", id="html"),
        pytest.param([reply(PNG, kind="image/svg+xml")], "not one of", id="svg"),
        pytest.param([reply(b"<html>")], "is no PNG", id="html that says png"),
        pytest.param([reply(PNG, "Content-Encoding: gzip")], "compressed", id="compressed"),
    ],
)
async def test_a_server_that_sends_no_image_of_the_right_size_in_time_is_told(
    web: Web, pieces: list[bytes], what: str
) -> None:
    web.answers["/bad"] = pieces
    async with loading(web, max_bytes=2000, timeout=0.5) as load:
        error = await refused(load, f"http://a:{web.port}/bad")
    assert what in error.message
    assert error.param == PARAM


async def test_a_body_that_trickles_is_bounded_by_the_whole_time(web: Web) -> None:
    web.answers["/slow"] = [reply(PNG)[:-5], b""]
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with loading(web, timeout=0.2) as load:
        await refused(load, f"http://a:{web.port}/slow")
    assert 0.2 <= loop.time() - begun < 2
    async with asyncio.timeout(SOON):
        await web.left.wait()


async def test_the_deadline_of_the_request_counts_too(web: Web) -> None:
    web.answers["/slow"] = [b""]
    async with loading(web) as load:
        error = await refused(load, f"http://a:{web.port}/slow", within=0.2)
    assert error.reason is Reason.TIMEOUT


async def test_a_name_that_cannot_be_resolved_is_told(web: Web) -> None:
    async def nobody(_: str) -> list[str]:
        raise OSError("Name or service not known: a")

    async with loading(web, nobody) as load:
        error = await refused(load, f"http://a:{web.port}/ok.png")
    assert (error.reason, error.message) == (Reason.INVALID_VALUE, f"'{PARAM}' could not be fetched")


async def test_leaving_closes_the_connection(web: Web) -> None:
    web.answers["/slow"] = [b""]
    async with loading(web) as load:
        task = asyncio.create_task(load(f"http://a:{web.port}/slow"))
        async with asyncio.timeout(SOON):
            await web.connected.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await web.left.wait()


async def test_the_first_image_that_fails_ends_the_other_fetches(web: Web) -> None:
    web.answers["/slow"] = [b""]
    async with loading(web) as load:
        error = await refused(load, f"http://a:{web.port}/slow", "data:nothing")
        assert error.param == "messages[0].content[1].image_url.url"


async def test_the_number_of_images_is_bounded(web: Web) -> None:
    data = "data:image/png;base64,iVBORw0KGgo="
    async with loading(web, max_images=2) as load:
        assert len(await load(data, data)) == 2
        error = await refused(load, data, data, data)
    assert (error.reason, error.param) == (Reason.UNSUPPORTED_VALUE, "messages[0].content[2].image_url.url")
