"""Keys that come, go and expire while the bridge runs, alone or with workers."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from bridge.config import ConfigError
from tests.bridge_process import serving
from tests.eventually import POLL, eventually
from tests.key_files import bearer, write_keys
from tests.openai_bodies import CHAT, chat, directed
from tests.raw_http import ask, connected

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

WAIT = 10.0


async def status(port: int, name: str) -> int:
    return (await ask(port, "GET", "/v1/models", headers=bearer(name))).status


async def until(port: int, name: str, wanted: int) -> None:
    """Wait until a key is answered with a status: the file is looked at now and then."""
    async with asyncio.timeout(WAIT):
        while True:
            if await status(port, name) == wanted:
                return
            await asyncio.sleep(POLL)


def written(keys: Path, text: str) -> None:
    keys.write_text(text)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return write_keys(tmp_path / "keys.toml", alice={})


async def test_a_new_key_holds_and_a_revoked_one_does_not(
    serve: Serve, triton: RunningTriton, keys: Path
) -> None:
    bridge = await serve(triton=triton.address, key_file=keys, poll_interval=0.02)
    assert (await status(bridge.http_port, "alice"), await status(bridge.http_port, "bob")) == (200, 401)
    write_keys(keys, bob={})
    await until(bridge.http_port, "bob", 200)
    assert await status(bridge.http_port, "alice") == 401


async def test_an_answer_that_has_begun_outlives_its_key(
    serve: Serve, triton: RunningTriton, keys: Path
) -> None:
    bridge = await serve(triton=triton.address, key_file=keys, poll_interval=0.02)
    async with connected(bridge.http_port) as connection:
        body = chat(directed(words=60, delay_ms=10), stream=True, max_tokens=60)
        await connection.send("POST", CHAT, json=body, headers=bearer("alice"))
        await connection.until(b"word1 ")
        write_keys(keys)
        await until(bridge.http_port, "alice", 401)
        assert b"word59" in await connection.until(b"data: [DONE]\n\n")


async def test_a_broken_file_keeps_the_old_keys_until_it_is_mended(
    serve: Serve, triton: RunningTriton, keys: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = await serve(triton=triton.address, key_file=keys, poll_interval=0.02)
    written(keys, "[keys.alice")
    await eventually(lambda: "keys not read again" in caplog.text)
    assert f"key_file: {keys}: not TOML" in caplog.text
    assert await status(bridge.http_port, "alice") == 200
    written(keys, "")
    write_keys(keys, bob={})
    await until(bridge.http_port, "bob", 200)


async def test_a_key_expires_while_the_bridge_runs(serve: Serve, triton: RunningTriton, keys: Path) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=0.5)
    write_keys(keys, alice={"expires": moment}, bob={})
    bridge = await serve(triton=triton.address, key_file=keys, poll_interval=3600)
    assert await status(bridge.http_port, "alice") == 200
    await until(bridge.http_port, "alice", 401)
    assert datetime.now(UTC) >= moment
    answer = await ask(bridge.http_port, "GET", "/v1/models", headers=bearer("alice"))
    assert answer.error["message"] == "the API key has expired"


@pytest.mark.parametrize("name", ["broken", "nowhere"])
async def test_a_bridge_does_not_start_with_keys_that_it_cannot_read(
    serve: Serve, tmp_path: Path, name: str
) -> None:
    written(tmp_path / "broken", "[keys.a]")
    with pytest.raises(ConfigError, match=f"key_file: .*{name}"):
        await serve(triton="127.0.0.1:1", key_file=tmp_path / name)


async def test_a_file_without_keys_lets_nobody_in_and_says_so(
    serve: Serve, triton: RunningTriton, keys: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_keys(keys)
    bridge = await serve(triton=triton.address, key_file=keys)
    assert f"{keys} holds no key: nobody is let in" in caplog.messages
    assert await status(bridge.http_port, "alice") == 401


@pytest.mark.parametrize("workers", [1, 2])
async def test_sighup_reads_the_keys_again_in_every_process(
    triton: RunningTriton, keys: Path, tmp_path: Path, workers: int
) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text('key_file = "keys.toml"\npoll_interval = 3600\n')
    arguments = ("--triton", triton.address, "--config", str(config), "--workers", str(workers))
    async with serving(*arguments) as bridge:
        port = await bridge.port("HTTP")
        write_keys(keys, bob={})
        assert await status(port, "alice") == 200
        os.kill(bridge.process.pid, signal.SIGHUP)
        await bridge.said("keys read again", workers)
        for _ in range(8):  # by either
            assert (await status(port, "alice"), await status(port, "bob")) == (401, 200)


async def test_without_anything_to_read_sighup_ends_the_bridge() -> None:
    async with serving("--triton", "127.0.0.1:1") as bridge:
        await bridge.port("HTTP")
        os.kill(bridge.process.pid, signal.SIGHUP)
        assert await bridge.ended() == -signal.SIGHUP
