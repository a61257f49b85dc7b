"""Whom images are fetched from: what a hostile URL, redirect or name server may not achieve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.errors import Reason
from bridge.handlers.images import ImageLoader, ImagePolicy, targets
from bridge.protocol.images import Image
from tests.handlers.image_web import PARAM, PNG, Names, Web, loading, redirect, refused, reply, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving() as found:
        yield found


async def test_without_a_list_nothing_is_fetched(web: Web) -> None:
    async with loading(web, hosts=frozenset(), private_hosts=frozenset()) as load:
        error = await refused(load, f"http://a:{web.port}/ok.png")
    assert (error.reason, error.param) == (Reason.UNSUPPORTED_VALUE, PARAM)
    assert not web.connected.is_set()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("ftp://a:{port}/ok.png", Reason.INVALID_VALUE, id="ftp"),
        pytest.param("file:///etc/passwd", Reason.INVALID_VALUE, id="a file"),
        pytest.param("gopher://a:{port}/", Reason.INVALID_VALUE, id="gopher"),
        pytest.param("/ok.png", Reason.INVALID_VALUE, id="no scheme"),
        pytest.param("", Reason.INVALID_VALUE, id="empty"),
        pytest.param("http://", Reason.INVALID_VALUE, id="no host"),
        pytest.param("http://[::1/ok.png", Reason.INVALID_VALUE, id="half an address"),
        pytest.param("http://a:99999/ok.png", Reason.INVALID_VALUE, id="no port"),
        pytest.param("http://u:p@a:{port}/ok.png", Reason.INVALID_VALUE, id="a password"),
        pytest.param("http://c:{port}/ok.png", Reason.UNSUPPORTED_VALUE, id="another host"),
        pytest.param("http://a/ok.png", Reason.UNSUPPORTED_VALUE, id="another port"),
        pytest.param("http://a.b:{port}/ok.png", Reason.UNSUPPORTED_VALUE, id="a longer host"),
        pytest.param("http://c:{port}/?@a:{port}/ok.png", Reason.UNSUPPORTED_VALUE, id="host in the query"),
        pytest.param("http://c#@a:{port}/ok.png", Reason.UNSUPPORTED_VALUE, id="host in the fragment"),
        pytest.param("http://c\\@a:{port}/ok.png", Reason.INVALID_VALUE, id="a backslash"),
        pytest.param("http://127.0.0.1:{port}/ok.png", Reason.UNSUPPORTED_VALUE, id="an address"),
        pytest.param("http://[::ffff:127.0.0.1]:{port}/", Reason.UNSUPPORTED_VALUE, id="a mapped address"),
        pytest.param("http://2130706433:{port}/ok.png", Reason.UNSUPPORTED_VALUE, id="an address as number"),
    ],
)
async def test_urls_that_are_not_on_the_list_are_never_connected_to(
    web: Web, url: str, reason: Reason
) -> None:
    async with loading(web) as load:
        error = await refused(load, url.format(port=web.port))
    assert (error.reason, error.param) == (reason, PARAM)
    assert not web.connected.is_set()


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["127.0.0.1"], id="loopback"),
        pytest.param(["169.254.169.254"], id="a cloud's metadata"),
        pytest.param(["::ffff:127.0.0.1"], id="mapped loopback"),
        pytest.param(["8.8.8.8", "127.0.0.1"], id="a public one first"),
    ],
)
async def test_a_listed_name_that_means_a_private_address_is_refused(web: Web, addresses: list[str]) -> None:
    async with loading(web, Names(a=[addresses]), private_hosts=frozenset()) as load:
        error = await refused(load, f"http://a:{web.port}/ok.png")
    assert (error.reason, error.param) == (Reason.UNSUPPORTED_VALUE, PARAM)
    assert "an address that this server does not fetch from" in error.message
    assert not web.connected.is_set()


async def test_a_listed_private_address_must_be_said_to_be_private(web: Web) -> None:
    url, host = f"http://127.0.0.1:{web.port}/ok.png", frozenset({f"127.0.0.1:{web.port}"})
    async with loading(web, hosts=host, private_hosts=frozenset()) as load:
        assert (await refused(load, url)).reason is Reason.UNSUPPORTED_VALUE
    assert not web.connected.is_set()
    async with loading(web, hosts=host, private_hosts=host) as load:
        assert await load(url) == [Image("image/png", PNG)]


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to(web: Web) -> None:
    names = Names(a=[["127.0.0.1"], ["127.0.0.2"]])  # a server is at the first one only
    async with loading(web, names) as load:
        assert await load(f"http://a:{web.port}/ok.png") == [Image("image/png", PNG)]
        assert names.asked == ["a"]
        assert (await refused(load, f"http://a:{web.port}/ok.png")).reason is Reason.INVALID_VALUE
    assert names.asked == ["a", "a"]
    assert len(web.heads) == 1


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
async def test_a_redirect_to_a_listed_host_is_followed(web: Web, status: str) -> None:
    web.answers["/away"] = [redirect(f"http://b:{web.port}/ok.png", status)]
    async with loading(web) as load:
        assert await load(f"http://a:{web.port}/away") == [Image("image/png", PNG)]


async def test_a_redirect_may_be_relative(web: Web) -> None:
    web.answers["/deep/away"] = [redirect("../ok.png")]
    async with loading(web) as load:
        assert await load(f"http://a:{web.port}/deep/away") == [Image("image/png", PNG)]


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        pytest.param("http://c:{port}/ok.png", Reason.UNSUPPORTED_VALUE, id="another host"),
        pytest.param("//c:{port}/ok.png", Reason.UNSUPPORTED_VALUE, id="another host without scheme"),
        pytest.param("http://127.0.0.1:{port}/ok.png", Reason.UNSUPPORTED_VALUE, id="an address"),
        pytest.param("http://169.254.169.254/latest", Reason.UNSUPPORTED_VALUE, id="a cloud's metadata"),
        pytest.param("http://u:p@b:{port}/ok.png", Reason.INVALID_VALUE, id="a password"),
        pytest.param("file:///etc/passwd", Reason.INVALID_VALUE, id="a file"),
        pytest.param("data:image/png;base64,iVBORw0KGgo=", Reason.INVALID_VALUE, id="a data URL"),
        pytest.param("http://[", Reason.INVALID_VALUE, id="nonsense"),
        pytest.param("/away", Reason.INVALID_VALUE, id="itself, for ever"),
    ],
)
async def test_a_redirect_is_checked_like_the_first_url(web: Web, to: str, reason: Reason) -> None:
    web.answers["/away"] = [redirect(to.format(port=web.port))]
    async with loading(web) as load:
        error = await refused(load, f"http://a:{web.port}/away")
    assert (error.reason, error.param) == (reason, PARAM)
    assert b"ok.png" not in b"".join(web.heads)


async def test_a_redirect_to_a_name_of_a_private_address_is_refused(web: Web) -> None:
    web.answers["/away"] = [redirect(f"http://b:{web.port}/ok.png")]
    async with loading(web, private_hosts=frozenset({f"a:{web.port}"})) as load:
        error = await refused(load, f"http://a:{web.port}/away")
    assert error.reason is Reason.UNSUPPORTED_VALUE
    assert len(web.heads) == 1


async def test_redirects_are_counted(web: Web) -> None:
    web.answers |= {f"/{n}": [redirect(f"/{n + 1}")] for n in range(3)} | {"/3": [reply(PNG)]}
    async with loading(web, max_redirects=2) as load:
        assert len(await load(f"http://a:{web.port}/1")) == 1
        assert "more than 2 redirects" in (await refused(load, f"http://a:{web.port}/0")).message


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param("A.Example.", {("a.example", 80), ("a.example", 443)}, id="a host"),
        pytest.param("a:8443", {("a", 8443)}, id="a port"),
        pytest.param("[::1]:80", {("::1", 80)}, id="IPv6"),
        pytest.param("bücher.example:1", {("xn--bcher-kva.example", 1)}, id="no ASCII"),
    ],
)
def test_entries_of_the_list(entry: str, expected: set[tuple[str, int]]) -> None:
    assert targets([entry]) == expected


@pytest.mark.parametrize("entry", ["", "http://a", "a/b", "u@a", "a?b", "a:x", "[::1", "/"])
def test_what_is_no_host_is_refused_at_the_start(entry: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ImageLoader(ImagePolicy(hosts=frozenset({entry})))
