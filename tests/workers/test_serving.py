"""What a start says of who may come in, and how several processes close their doors."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.bridge_process import serving
from tests.certificates import Authority
from tests.eventually import POLL
from tests.key_files import bearer, write_keys
from tests.openai_bodies import CHAT, chat, directed
from tests.raw_http import Answer, ask, connected

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tritonserver import RunningTriton

NOWHERE = ("--triton", "127.0.0.1:1")


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_public_address_without_keys_and_tls_is_warned_of_once(workers: str) -> None:
    async with serving(*NOWHERE, "--host", "0.0.0.0", "--workers", workers) as bridge:
        await bridge.port("gRPC")
        warnings = [line["msg"] for line in await bridge.said("listening on 0.0.0.0", 2, level="warning")]
    assert ["WITHOUT KEYS (key_file)" in text for text in warnings] == [True, False]
    assert ["WITHOUT TLS ([tls])" in text for text in warnings] == [False, True]


async def test_with_both_or_at_home_nothing_is_warned_of(tmp_path: Path) -> None:
    pair = Authority(tmp_path, "ca").issue("bridge")
    write_keys(tmp_path / "keys.toml", alice={})
    config = tmp_path / "bridge.toml"
    tls = f'[tls]\ncertificate = "{pair.certificate}"\nkey = "{pair.key}"\n'
    config.write_text(f'key_file = "keys.toml"\n{tls}')
    for arguments in ((), ("--host", "0.0.0.0", "--config", str(config))):
        async with serving(*NOWHERE, *arguments) as bridge:
            await bridge.port("gRPC")
        assert bridge.lines("WITHOUT") == []


async def refused(port: int, method: str, path: str) -> Answer:
    """Ask until somebody who still listens refuses: a process without requests ends at once."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await ask(port, method, path, json=chat() if method == "POST" else None)
            except (ConnectionError, asyncio.IncompleteReadError):
                await asyncio.sleep(POLL)


async def test_workers_that_stop_are_live_but_not_ready_and_take_nothing_new(
    triton: RunningTriton, tmp_path: Path
) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text("drain_timeout = 60")
    async with serving("--triton", triton.address, "--config", str(config), "--workers", "2") as bridge:
        port = await bridge.port("HTTP")
        async with connected(port) as connection:
            body = chat(directed(tag="drains", words=3, hang_at=2), stream=True)
            await connection.send("POST", CHAT, json=body)
            await connection.until(b"word1")
            os.kill(bridge.process.pid, signal.SIGTERM)
            await bridge.said("stopping", 3)
            for method, path, status in (
                ("GET", "/v1/health/ready", 503),
                ("GET", "/v1/health/live", 200),
                ("POST", CHAT, 503),
                ("GET", "/v1/models", 503),
            ):
                answer = await refused(port, method, path)
                assert answer.status == status
                assert status == 200 or answer.headers["retry-after"] == "1"
            os.kill(bridge.process.pid, signal.SIGTERM)
            rest = await connection.rest()
        assert b'"code":"service_unavailable"' in rest
        assert rest.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        assert await bridge.ended() == 0
    await triton.event("drains", "cancelled")


async def test_a_key_that_is_revoked_while_workers_run_opens_none_of_them(
    triton: RunningTriton, tmp_path: Path
) -> None:
    keys = write_keys(tmp_path / "keys.toml", alice={})
    config = tmp_path / "bridge.toml"
    config.write_text('key_file = "keys.toml"\npoll_interval = 0.05\n')
    async with serving("--triton", triton.address, "--config", str(config), "--workers", "2") as bridge:
        port = await bridge.port("HTTP")
        assert (await ask(port, "GET", "/v1/models", headers=bearer("alice"))).status == 200
        write_keys(keys)
        await bridge.said("keys read again", 2)
        for _ in range(8):  # by either
            assert (await ask(port, "GET", "/v1/models", headers=bearer("alice"))).status == 401
