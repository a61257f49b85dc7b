"""LiteLLM's proxy: one worker of its default server in front of the mock Triton's HTTP generate_stream.

That is the only way of its `triton/` provider to stream. Everything is at its defaults; no database, one key.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from benchmarks.load.http import HttpConnection
from benchmarks.peers.environment import environment
from benchmarks.peers.ports import free_port
from benchmarks.processes import Process
from benchmarks.servers import Server

if TYPE_CHECKING:
    from benchmarks.servers import Servers

VERSION: Final = "1.106.0"
MODELS: Final = ("burst", "tick-2ms")


async def start(servers: Servers) -> None:
    """Start the proxy, as `litellm`.

    Raises:
        StartError: it cannot be installed, or does not start.
    """
    commands = await asyncio.to_thread(environment, "litellm", (f"litellm[proxy]=={VERSION}",))
    folder = Path(servers.enter_context(tempfile.TemporaryDirectory(prefix="openai-bridge-bench-")))
    base = f"http://{servers.mock.found[1]}/v2/models"
    entries = []
    for name in MODELS:
        settings = {"model": f"triton/{name}", "api_base": f"{base}/{name}/generate"}
        entries.append({"model_name": name, "litellm_params": settings})
    config = folder / "config.yaml"
    config.write_bytes(orjson.dumps({"model_list": entries}))  # JSON is YAML
    port = free_port()
    key = f"sk-{secrets.token_hex(32)}"  # without one it refuses to start
    command = [str(commands / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    proxy = Process(
        command,
        servers.cores.server,
        ready=["Uvicorn running on"],
        environment={"LITELLM_MASTER_KEY": key},
        limit=120,
    )
    servers.enter_context(proxy)
    servers.by_name["litellm"] = Server(proxy, f"127.0.0.1:{port}", partial(HttpConnection, key=key))
