"""A bridge in front of another one that has keys and TLS: it shows its own key, never its callers'."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from bridge.config import Tls, UpstreamTls
from tests import grpc_client
from tests.certificates import Authority, Pair
from tests.eventually import eventually
from tests.key_files import bearer, metadata, secret, write_keys
from tests.openai_bodies import CHAT, COMPLETIONS, chat, completion, said
from tests.raw_http import ask

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

EMBED = {"model": "embed_text", "input": "x"}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def certificate(ours: Authority) -> Pair:
    return ours.issue("inner")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """Return the file of the key that the outer bridge shows."""
    path = tmp_path / "outer-key"
    path.write_text(secret("outer") + "\n")
    return path


@pytest.fixture
async def inner(serve: Serve, triton: RunningTriton, tmp_path: Path, certificate: Pair) -> Bridge:
    """Serve with TLS, to callers with the key of `outer`, which sees two models."""
    keys = write_keys(tmp_path / "inner.toml", outer={"models": ("echo_vllm", "embed_text")}, direct={})
    tls = Tls(certificate=certificate.certificate, key=certificate.key)
    return await serve(triton=triton.address, key_file=keys, tls=tls, poll_interval=0.02)


async def in_front(serve: Serve, inner: Bridge, ours: Authority, shows: Path | None, **more: Any) -> Bridge:
    return await serve(
        upstream=f"grpcs://127.0.0.1:{inner.grpc_port}",
        upstream_key_file=shows,
        upstream_tls=UpstreamTls(ca=ours.certificate),
        poll_interval=0.02,
        **more,
    )


async def test_every_question_is_asked_with_the_bridges_own_key(
    serve: Serve, inner: Bridge, ours: Authority, key_file: Path
) -> None:
    outer = await in_front(serve, inner, ours, key_file)
    port = outer.http_port
    assert (await ask(port, "POST", CHAT, json=chat())).status == 200
    assert said((await ask(port, "POST", CHAT, json=chat(stream=True))).body)
    assert (await ask(port, "POST", COMPLETIONS, json=completion())).status == 200
    assert (await ask(port, "POST", "/v1/embeddings", json=EMBED)).status == 200
    models = (await ask(port, "GET", "/v1/models")).json["data"]
    assert [model["id"] for model in models] == ["echo_vllm", "embed_text"]
    assert (await ask(port, "GET", "/v1/models/echo_vllm")).status == 200
    assert (await ask(port, "POST", CHAT, json=chat("x", model="plain"))).status == 404
    assert (await ask(port, "GET", "/v1/health/ready")).status == 200


@pytest.mark.parametrize("shown", [None, "nobody"], ids=["none", "a wrong one"])
async def test_a_key_that_is_refused_is_no_fault_of_the_caller(
    serve: Serve, inner: Bridge, ours: Authority, tmp_path: Path, shown: str | None
) -> None:
    if shown is not None:
        (tmp_path / "key").write_text(secret(shown))
    outer = await in_front(serve, inner, ours, None if shown is None else tmp_path / "key")
    for method, path, body in (
        ("POST", CHAT, chat()),
        ("POST", CHAT, chat(stream=True)),
        ("POST", "/v1/embeddings", EMBED),
        ("GET", "/v1/models", None),
    ):
        # A caller's key of the other bridge does not help: it ends at this one.
        answer = await ask(outer.http_port, method, path, json=body, headers=bearer("direct"))
        assert (answer.status, answer.error["message"]) == (502, "the upstream refuses this bridge's key")
        assert "www-authenticate" not in answer.headers
    assert (await ask(outer.http_port, "GET", "/v1/health/ready")).status == 503
    async with grpc_client.connected(outer.grpc_port) as stubs:
        call = stubs.chat.CreateChatCompletion(
            grpc_client.chat({}), metadata=metadata("direct"), timeout=grpc_client.WAIT
        )
        assert (await grpc_client.failure(call)).code() is grpc.StatusCode.INTERNAL


async def test_callers_show_the_outer_bridges_keys_and_are_let_in_with_its_own(
    serve: Serve, inner: Bridge, ours: Authority, key_file: Path, tmp_path: Path
) -> None:
    keys = write_keys(tmp_path / "outer.toml", alice={})
    outer = await in_front(serve, inner, ours, key_file, key_file=keys)
    for shown, status in ((bearer("alice"), 200), (bearer("direct"), 401), (bearer("outer"), 401), ({}, 401)):
        assert (await ask(outer.http_port, "POST", CHAT, json=chat(), headers=shown)).status == status


async def test_a_new_key_is_shown_without_a_restart(
    serve: Serve, inner: Bridge, ours: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "key"
    path.write_text(secret("old"))
    outer = await in_front(serve, inner, ours, path)
    assert (await ask(outer.http_port, "POST", CHAT, json=chat())).status == 502
    path.write_text(secret("outer"))
    await eventually(lambda: "key for the upstream read again" in caplog.text)
    assert (await ask(outer.http_port, "POST", CHAT, json=chat())).status == 200
    assert not [name for name in ("old", "outer") if secret(name) in caplog.text]


@pytest.mark.parametrize("case", ["no TLS", "other roots", "another name"])
async def test_a_bridge_that_is_not_who_it_should_be_is_not_asked(
    serve: Serve, inner: Bridge, ours: Authority, key_file: Path, tmp_path: Path, case: str
) -> None:
    tls: UpstreamTls | None = None
    if case == "other roots":
        tls = UpstreamTls(ca=Authority(tmp_path, "theirs").certificate)
    elif case == "another name":
        tls = UpstreamTls(ca=ours.certificate, server_name="elsewhere.example")
    scheme = "grpc" if tls is None else "grpcs"
    outer = await serve(
        upstream=f"{scheme}://127.0.0.1:{inner.grpc_port}", upstream_key_file=key_file, upstream_tls=tls
    )
    answer = await ask(outer.http_port, "POST", CHAT, json=chat())
    assert (answer.status, answer.error["message"]) == (503, "the upstream cannot be reached")
    assert (await ask(outer.http_port, "GET", "/v1/health/ready")).status == 503


async def test_a_bridge_that_asks_for_a_certificate_gets_one(
    serve: Serve, triton: RunningTriton, ours: Authority, certificate: Pair
) -> None:
    tls = Tls(certificate=certificate.certificate, key=certificate.key, client_ca=ours.certificate)
    inner = await serve(triton=triton.address, tls=tls)
    mine = ours.issue("outer")
    for shown, status in ((mine, 200), (None, 503)):
        pair = {} if shown is None else {"certificate": shown.certificate, "key": shown.key}
        outer = await serve(
            upstream=f"grpcs://localhost:{inner.grpc_port}",
            upstream_tls=UpstreamTls(ca=ours.certificate, **pair),
        )
        assert (await ask(outer.http_port, "POST", CHAT, json=chat())).status == status
