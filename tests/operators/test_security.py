"""Logins and TLS towards a real NATS server, and tenants that share one."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import nkeys
import pytest

from bridge.config import Config, ConfigError, Nats
from bridge.operators import serving
from bridge.operators.serving import make_worker
from tests.certificates import Authority
from tests.doors import refusal, tell
from tests.eventually import eventually
from tests.nats_accounts import Authority as Accounts
from tests.nats_server import nats_server
from tests.operators.asking import STREAM, chat

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.operators.stage import Stage

Way = tuple[str, str, Nats]
"""The server's settings, the scheme of its address, and ours."""


def by_password(tmp: Path) -> Way:
    (tmp / "password").write_text("s3cret\n")
    settings = 'authorization { user: "bridge", password: "s3cret" }'
    return settings, "nats", Nats(user="bridge", password_file=tmp / "password")


def by_nkey(tmp: Path) -> Way:
    seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    (tmp / "seed").write_bytes(seed)
    public = nkeys.from_seed(bytearray(seed)).public_key.decode()
    return f"authorization {{ users: [ {{ nkey: {public} }} ] }}", "nats", Nats(nkey_seed=tmp / "seed")


def by_certificate(tmp: Path) -> Way:
    authority = Authority(tmp, "ca")
    server, client = authority.issue("server"), authority.issue("client")
    settings = (
        f'tls {{ cert_file: "{server.certificate}", key_file: "{server.key}", '
        f'ca_file: "{authority.certificate}", verify: true }}'
    )
    ours = Nats(ca=authority.certificate, certificate=client.certificate, key=client.key)
    return settings, "tls", ours


def by_credentials(tmp: Path) -> Way:
    accounts = Accounts()
    (tmp / "creds").write_text(accounts.credentials())
    return accounts.settings, "nats", Nats(credentials=tmp / "creds")


def by_tls(tmp: Path) -> Way:
    authority = Authority(tmp, "ca")
    server = authority.issue("server")
    settings = f'tls {{ cert_file: "{server.certificate}", key_file: "{server.key}" }}'
    return settings, "nats", Nats(ca=authority.certificate)


@pytest.mark.parametrize("way", [by_password, by_nkey, by_credentials, by_tls, by_certificate])
async def test_worker_and_front_end_log_in_and_strangers_do_not(
    stage: Stage, tmp_path: Path, way: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings, scheme, ours = way(tmp_path)
    async with another_server(stage, tmp_path, settings, scheme):
        await stage.worker(settings=ours)
        bridge = await stage.front_end(nats=ours)
        assert (await tell(bridge, STREAM, chat(words=1))).texts == ["word0 "]
        caplog.clear()
        await stage.stranger()
        await eventually(lambda: "the request plane cannot be reached" in caplog.text)
        await stage.knows(bridge, 1)


async def test_another_root_than_ours_is_not_trusted(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings, scheme, _ = by_tls(tmp_path)
    other = Authority(tmp_path, "other")
    async with another_server(stage, tmp_path, settings, scheme):
        await stage.stranger(settings=Nats(ca=other.certificate))
        await eventually(lambda: "certificate verify failed" in caplog.text)


@asynccontextmanager
async def another_server(stage: Stage, tmp: Path, settings: str, scheme: str = "nats") -> AsyncIterator[None]:
    """Run a server with these settings; what is started on it is stopped before it."""
    home = tmp / "secure"
    home.mkdir()
    with nats_server(home, settings=settings, scheme=scheme) as stage.nats:
        try:
            yield
        finally:
            await stage.stack.aclose()


PERMISSIONS = """authorization { users: [
  { user: front, password: f, permissions: {
    publish: ["icp.op.>", "icp.ctl.>", "$SRV.>", "_INBOX_icp.>"],
    subscribe: ["_INBOX_icp.>", "icp.hb.*", "$SRV.>"] } }
  { user: worker, password: w, permissions: {
    publish: ["icp.hb.*", "_INBOX_icp.>"], subscribe: ["icp.op.>", "icp.ctl.>", "$SRV.>", "_INBOX_icp.>"] } }
] }"""


async def test_the_permissions_of_the_documentation_are_enough(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "f").write_text("f")
    (tmp_path / "w").write_text("w")
    async with another_server(stage, tmp_path, PERMISSIONS):
        await stage.worker(settings=Nats(user="worker", password_file=tmp_path / "w"))
        bridge = await stage.front_end(nats=Nats(user="front", password_file=tmp_path / "f"))
        assert (await tell(bridge, STREAM, chat(words=300))).texts[0].endswith("word299 ")
    assert "permissions" not in caplog.text


async def test_a_permission_that_is_missing_is_told(
    stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "w").write_text("w")
    async with another_server(
        stage, tmp_path, PERMISSIONS.replace('"icp.op.>", "icp.ctl.>", "$SRV', '"$SRV')
    ):
        await stage.worker(settings=Nats(user="worker", password_file=tmp_path / "w"))
        await eventually(
            lambda: "permissions violation" in caplog.text and "icp.op.echo_vllm.-" in caplog.text
        )


async def test_tenants_do_not_see_each_other(stage: Stage) -> None:
    await stage.worker(settings=Nats(prefix="red"))
    await stage.front_end(nats=Nats(prefix="red"))
    other = await stage.serve(upstream=stage.nats.url, nats=Nats(prefix="blue"))
    assert await other._handlers.models.not_ready() == "the request plane has no worker"
    assert (await refusal(other, STREAM, chat(words=1))).status == 503


@pytest.mark.parametrize("key", ["password_file", "credentials", "nkey_seed", "ca"])
async def test_a_file_that_is_missing_ends_the_start(stage: Stage, tmp_path: Path, key: str) -> None:
    nats = replace(
        Nats(user="u" if key == "password_file" else None, **{key: tmp_path / "gone"}), url=stage.nats.url
    )
    with pytest.raises(ConfigError, match=r"^nats\."):
        await stage.worker(settings=nats)


async def test_a_worker_that_cannot_start_says_why_and_no_more(tmp_path: Path) -> None:
    nats = Nats(url="nats://127.0.0.1:1", nkey_seed=tmp_path / "gone")
    try:
        with pytest.raises(ConfigError, match=r"^nats\.nkey_seed"):
            await serving.serve(Config(triton="127.0.0.1:1", nats=nats))
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)


def test_a_worker_needs_a_request_plane() -> None:
    with pytest.raises(ConfigError, match=r"^nats\.url"):
        make_worker(Config(triton="localhost:1"))
