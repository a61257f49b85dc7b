"""NVIDIA Dynamo's frontend: its Rust HTTP server in front of a worker that does nothing but stream.

The frontend has its own planes and cannot speak to a Triton, so its upstream is a worker of ours, joined by
file discovery and the TCP plane. There are two, each behind a frontend of its own, and both stream the same
numbered tokens at the same ticks as the mock Triton:

- `dynamo`: gets and yields token ids, as engines do; the frontend templates, tokenises and detokenises.
- `dynamo-text`: gets and yields OpenAI's JSON; the frontend passes it through, its cheapest way.
"""

from __future__ import annotations

import asyncio
import tempfile
from typing import TYPE_CHECKING, Final

import aiohttp

from benchmarks.load.http import HttpConnection
from benchmarks.peers.environment import environment
from benchmarks.peers.ports import free_port
from benchmarks.processes import START_LIMIT, Process, StartError
from benchmarks.servers import Server

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.servers import Servers

VERSION: Final = "1.6.1"
INSTALLS: Final = (
    (f"ai-dynamo-runtime=={VERSION}",),
    ("--no-deps", f"ai-dynamo=={VERSION}"),  # its frontend needs a few of its dependencies only
    (
        "aiohttp==3.14.5", "certifi==2026.10.18", "msgspec==0.22.0", "numpy==2.4.6",
        "prometheus-client==0.26.0", "pyzmq==27.3.0", "tokenizers==0.23.3",
        "tqdm==4.70.1", "transformers==5.23.0", "zstandard==0.25.0",
    ),
)  # fmt: skip
MODELS: Final = ("burst", "tick-2ms", "tick-20ms")


def installed() -> Path:
    """Return the folder of the commands of Dynamo's environment, which is made if there is none.

    Raises:
        StartError: pip failed.
    """
    return environment("dynamo", *INSTALLS)


async def start(servers: Servers) -> None:
    """Start both workers and their frontends, as `dynamo` and `dynamo-text`.

    Raises:
        StartError: they cannot be installed, or do not start.
    """
    commands = await asyncio.to_thread(installed)
    python = str(commands / "python")
    await _start(servers, "dynamo", python, "benchmarks.peers.dynamo_token_worker")
    await _start(servers, "dynamo-text", python, "benchmarks.peers.dynamo_text_worker")


async def _start(servers: Servers, name: str, python: str, worker: str) -> None:
    folder = servers.enter_context(tempfile.TemporaryDirectory(prefix="openai-bridge-bench-"))
    variables = {
        "DYN_FILE_KV": folder,
        "DYN_DISCOVERY_BACKEND": "file",
        "DYN_REQUEST_PLANE": "tcp",
        "DYN_EVENT_PLANE": "zmq",
        "HF_HUB_OFFLINE": "1",
    }
    command = [python, "-m", worker, folder, *MODELS]
    load = servers.cores.load
    servers.enter_context(Process(command, load, ready=["worker on"], environment=variables))
    port = free_port()
    command = [python, "-m", "dynamo.frontend", "--http-host", "127.0.0.1", "--http-port", str(port)]
    frontend = Process(command, servers.cores.server, ready=[], environment=variables)
    servers.enter_context(frontend)
    await _until_it_has_models(frontend, f"http://127.0.0.1:{port}/v1/models")
    servers.by_name[name] = Server(frontend, f"127.0.0.1:{port}", HttpConnection)


async def _until_it_has_models(process: Process, url: str) -> None:
    until = asyncio.get_running_loop().time() + START_LIMIT
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as answer:
                    names = {model["id"] for model in (await answer.json())["data"]}
            except aiohttp.ClientConnectionError:
                names = set()
            if names >= set(MODELS):
                return
            if not process.alive or asyncio.get_running_loop().time() > until:
                raise StartError(f"Dynamo's frontend has only {sorted(names)}:\n{process.log[-2000:]}")
            await asyncio.sleep(0.2)
