"""What strangers send cannot forge a line of the log, and no prompt, answer or key stands in one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests import grpc_client
from tests.bridge_process import serving
from tests.eventually import eventually
from tests.grpc_client import WAIT
from tests.key_files import bearer, metadata, secret, write_keys
from tests.openai_bodies import CHAT, COMPLETIONS, chat, completion, directed
from tests.raw_http import ask, connected

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tritonserver import RunningTriton

FORGED = "x\n12:00:00.000 INFO bridge.access request forged=1\r\x1b[2J\u2028"
LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{3} (DEBUG|INFO|WARNING|ERROR) \S+ ")
PRIVATE = "Zaphod's towel"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_keys(tmp_path / "keys.toml", alice={})
    path = tmp_path / "bridge.toml"
    path.write_text('key_file = "keys.toml"\nlog_level = "debug"\n')
    return path


async def ask_all(http: int, grpc_port: int) -> None:
    """Send what is private and what is forged, right and wrong, through both doors."""
    told = directed(text=f"answer: {PRIVATE}", pieces=[PRIVATE, "x"])
    shown = bearer("alice")
    bodies = [
        chat(told + PRIVATE),
        chat(told + PRIVATE, stream=True),
        chat(PRIVATE, temperature=PRIVATE),
        chat(PRIVATE, **{FORGED: 1, "model": FORGED}),
        chat(directed(fail_at=0) + PRIVATE),
        chat(directed(words=2, fail_at=1) + PRIVATE, stream=True),
        chat(PRIVATE, **{FORGED: PRIVATE}),
        chat(PRIVATE, tools=[{"type": "function", "function": {"name": FORGED}}]),
    ]
    for body in bodies:
        await ask(http, "POST", CHAT, json=body, headers=shown)
    await ask(http, "POST", COMPLETIONS, json=completion(told + PRIVATE), headers=shown)
    await ask(http, "POST", CHAT, json=chat(PRIVATE), headers={"Authorization": "Bearer sk-wrong-key"})
    await ask(http, "GET", "/%0a12:00:00.000%20INFO", headers={**shown, "X-Request-Id": "a b=c"})
    async with connected(http) as connection:
        await connection.write(f"GET / HTTP/1.1\r\n{FORGED}: {PRIVATE}\r\n\r\n".encode())
        await connection.answer()
    async with grpc_client.connected(grpc_port) as stubs:
        request = grpc_client.chat({"text": PRIVATE})
        await stubs.chat.CreateChatCompletion(request, metadata=metadata("alice"), timeout=WAIT)
        request.model = FORGED
        await grpc_client.failure(
            stubs.chat.CreateChatCompletion(request, metadata=metadata("alice"), timeout=WAIT)
        )


@pytest.mark.parametrize("form", ["text", "json"])
async def test_a_log_is_neither_forged_nor_told_secrets(
    triton: RunningTriton, config: Path, form: str
) -> None:
    arguments = ("--triton", triton.address, "--config", str(config), "--log-format", "json")
    async with serving(*arguments, "--log-format", form) as bridge:
        if form == "json":
            http, grpc_port = await bridge.port("HTTP"), await bridge.port("gRPC")
        else:
            http, grpc_port = await ports(bridge.rest)
        await ask_all(http, grpc_port)
    log = "".join(bridge.rest) + repr(bridge.log)
    assert "alice" in log
    for private in (PRIVATE, "towel", secret("alice"), "secret-of", "sk-wrong"):
        assert private not in log
    if form == "json":
        assert bridge.rest == []
        assert [line for line in bridge.log if line.get("forged")] == []
        return
    assert [line for line in bridge.rest if not LINE.match(line)] == []
    assert [line for line in bridge.rest if "forged=1" in line and "\\n" not in line] == []
    assert "\x1b" not in log


async def ports(lines: list[str]) -> tuple[int, int]:
    """Wait until both ports are told."""
    await eventually(lambda: "gRPC on" in "".join(lines), within=10)
    text = "".join(lines)
    found = [re.search(rf"{door} on \S+:(\d+)", text) for door in ("HTTP", "gRPC")]
    return tuple(int(match[1]) for match in found if match)  # type: ignore[return-value]
