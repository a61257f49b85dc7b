"""TLS on both ports: who is served, who is refused, and certificates that change while the bridge runs."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from typing import TYPE_CHECKING

import grpc
import openai
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bridge.config import ConfigError, Tls
from tests.bridge_process import serving
from tests.certificates import Authority, Pair
from tests.eventually import POLL
from tests.openai_bodies import chat
from tests.raw_http import Connection
from tests.raw_http import ask as ask_plain
from tests.tls_client import WAIT, Client, Ports

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("theirs"), "theirs")


@pytest.fixture
def files(tmp_path: Path, ours: Authority) -> Pair:
    """Return where the bridge finds its certificate."""
    pair = Pair(tmp_path / "bridge.crt", tmp_path / "bridge.key")
    ours.issue("bridge").move(pair)
    return pair


async def secured(serve: Serve, files: Pair, client_ca: Path | None = None, triton: str = "") -> Bridge:
    tls = Tls(certificate=files.certificate, key=files.key, client_ca=client_ca)
    return await serve(triton=triton or "127.0.0.1:1", tls=tls, poll_interval=0.02)


async def test_both_doors_speak_tls_and_nothing_else(
    serve: Serve, files: Pair, ours: Authority, theirs: Authority
) -> None:
    bridge = await secured(serve, files)
    assert await Client(ours.certificate).http(bridge) == (200, "http/1.1")
    assert await Client(ours.certificate).grpc(bridge) == "OK"
    assert await Client(theirs.certificate).served(bridge) == (False, False)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await ask_plain(bridge.http_port, "GET", "/health")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{bridge.grpc_port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.Check(health_pb2.HealthCheckRequest(), timeout=WAIT)


async def test_tls_begins_at_1_2(serve: Serve, files: Pair, ours: Authority) -> None:
    bridge = await secured(serve, files)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert (await Client(ours.certificate).http(bridge, version))[0] == 200


async def test_the_openai_sdk_streams_over_tls(
    serve: Serve, files: Pair, ours: Authority, triton: RunningTriton
) -> None:
    bridge = await secured(serve, files, triton=triton.address)
    context = ssl.create_default_context(cafile=str(ours.certificate))
    async with (
        openai.DefaultAsyncHttpxClient(verify=context) as http,
        openai.AsyncOpenAI(
            base_url=f"https://localhost:{bridge.http_port}/v1", api_key="x", http_client=http, max_retries=0
        ) as client,
    ):
        stream = await client.chat.completions.create(**chat(stream=True))
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


async def test_mtls_serves_only_clients_with_a_certificate_of_the_roots(
    serve: Serve, files: Pair, ours: Authority, theirs: Authority
) -> None:
    bridge = await secured(serve, files, client_ca=theirs.certificate)
    assert await Client(ours.certificate, theirs.issue("client")).served(bridge) == (True, True)
    assert await Client(ours.certificate, ours.issue("client")).served(bridge) == (False, False)
    assert await Client(ours.certificate).served(bridge) == (False, False)


async def test_a_new_certificate_is_shown_to_new_connections(
    serve: Serve, files: Pair, ours: Authority, theirs: Authority
) -> None:
    bridge = await secured(serve, files)
    assert await Client(ours.certificate).served(bridge) == (True, True)
    theirs.issue("bridge").move(files)
    await Client(theirs.certificate).until(bridge, (True, True))
    assert await Client(ours.certificate).served(bridge) == (False, False)


async def test_a_connection_outlives_its_certificate(
    serve: Serve, files: Pair, ours: Authority, theirs: Authority
) -> None:
    bridge = await secured(serve, files)
    context = ssl.create_default_context(cafile=str(ours.certificate))
    reader, writer = await asyncio.open_connection("127.0.0.1", bridge.http_port, ssl=context)
    connection = Connection(reader, writer)
    assert (await connection.ask("GET", "/health")).status == 200
    theirs.issue("bridge").move(files)
    await Client(theirs.certificate).until(bridge, (True, True))
    assert (await connection.ask("GET", "/health")).status == 200
    connection.leave()


async def test_new_roots_for_clients_hold_for_new_connections(
    serve: Serve, files: Pair, ours: Authority, theirs: Authority, tmp_path: Path
) -> None:
    roots = tmp_path / "clients.crt"
    roots.write_bytes(ours.certificate.read_bytes())
    bridge = await secured(serve, files, client_ca=roots)
    old, new = ours.issue("client"), theirs.issue("client")
    assert await Client(ours.certificate, old).served(bridge) == (True, True)
    roots.write_bytes(theirs.certificate.read_bytes())
    await Client(ours.certificate, new).until(bridge, (True, True))
    assert await Client(ours.certificate, old).served(bridge) == (False, False)


async def test_files_that_do_not_belong_together_change_nothing_until_they_do(
    serve: Serve, files: Pair, ours: Authority, theirs: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await secured(serve, files)
    new = theirs.issue("bridge")
    new.certificate.replace(files.certificate)
    async with asyncio.timeout(WAIT):
        while True:
            if "certificates not read again" in caplog.text:
                break
            await asyncio.sleep(POLL)
    assert "the key is not the certificate's" in caplog.text
    assert await Client(ours.certificate).served(bridge) == (True, True)
    new.key.replace(files.key)
    await Client(theirs.certificate).until(bridge, (True, True))


async def test_a_process_with_workers_changes_its_certificate_at_sighup(
    files: Pair, ours: Authority, theirs: Authority, tmp_path: Path
) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text(
        'triton = "127.0.0.1:1"\npoll_interval = 3600\n'
        '[tls]\ncertificate = "bridge.crt"\nkey = "bridge.key"\n'
    )
    async with serving("--config", str(config), "--workers", "2") as process:
        ports = Ports(await process.port("HTTP"), await process.port("gRPC"))
        assert (await process.said("HTTP on "))[0]["msg"].startswith("HTTP on https://")
        assert await Client(ours.certificate).served(ports) == (True, True)
        theirs.issue("bridge").move(files)
        os.kill(process.process.pid, signal.SIGHUP)
        await process.said("certificates read again", 2)
        for _ in range(8):  # by either
            assert await Client(theirs.certificate).served(ports) == (True, True)
            assert await Client(ours.certificate).served(ports) == (False, False)


@pytest.mark.parametrize(
    ("broken", "key"),
    [
        pytest.param("certificate", "tls.certificate", id="the certificate"),
        pytest.param("key", "tls.certificate", id="the key"),
        pytest.param("client_ca", "tls.client_ca", id="the roots"),
    ],
)
@pytest.mark.parametrize("content", [None, b"", b"no PEM"], ids=["missing", "empty", "no PEM"])
async def test_a_bridge_does_not_start_with_files_that_it_cannot_use(
    serve: Serve, files: Pair, tmp_path: Path, broken: str, key: str, content: bytes | None
) -> None:
    path = tmp_path / "broken"
    if content is not None:
        path.write_bytes(content)
    else:
        key = f"tls.{broken}"
    good = {"certificate": files.certificate, "key": files.key}
    with pytest.raises(ConfigError) as caught:
        await serve(triton="127.0.0.1:1", tls=Tls(**(good | {broken: path})))
    assert str(caught.value).startswith(f"{key}: ")
    assert str(path) in str(caught.value)
