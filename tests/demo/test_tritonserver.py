from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.demo.ports import Ports
from bridge.demo.tritonserver import STARTS, TritonFailed, TritonOptions, Tritonserver
from tests.tritonserver import MODELS, assemble

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - looked at, not written
ROOT = Path(__file__).parents[2]


@pytest.fixture
def options(tmp_path: Path) -> TritonOptions:
    """Serve the smallest stand-in."""
    repository = assemble(tmp_path / "repository")
    return TritonOptions(repository=repository, work_dir=tmp_path, models=("silent",), exit_timeout=1)


async def test_a_stopped_server_leaves_no_process_and_no_shared_memory(options: TritonOptions) -> None:
    lines: list[str] = []
    async with Tritonserver(options, lines.append) as server:
        group, regions = server.pid, _regions(lines)
        assert server.running
        assert regions
        assert _members(group)
    assert not server.running
    assert _is_gone(group)
    assert not [region for region in regions if region.exists()]
    await server.stop()


async def test_a_killed_server_leaves_nothing_either(options: TritonOptions) -> None:
    lines: list[str] = []
    server = Tritonserver(options, lines.append)
    await server.start()
    await server.wait_ready()
    group, regions = server.pid, _regions(lines)
    server.kill()
    assert not server.running
    assert _is_gone(group)
    assert not [region for region in regions if region.exists()]


async def test_a_cancelled_start_leaves_no_process(options: TritonOptions) -> None:
    server = Tritonserver(options)

    async def serve() -> None:
        async with server:
            raise AssertionError("it was ready at once")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(serve(), timeout=0.1)
    assert _is_gone(server.pid)


@pytest.mark.parametrize("restarts", [0, STARTS])
async def test_a_free_port_lost_during_the_start_is_replaced(options: TritonOptions, restarts: int) -> None:
    with socket.socket() as thief:
        lost: list[str] = []

        def steal(line: str) -> None:
            if "loading: silent" in line and not (restarts or lost):
                lost.append(server.address)
                host, _, port = server.address.partition(":")
                thief.bind((host, int(port)))
                thief.listen()

        server = Tritonserver(options, steal)
        try:
            while restarts:
                await server.start()
                await server.wait_ready()
                server.kill()
                restarts -= 1
            await server.start()
            await server.wait_ready()
            assert lost
            assert server.address not in lost
        finally:
            server.kill()


async def test_a_killed_server_comes_back_on_the_port_asked_for(options: TritonOptions) -> None:
    port = Ports().chosen().grpc
    server = Tritonserver(replace(options, grpc_port=port))
    try:
        for _ in range(2):
            server.start_now()
            server.wait_ready_now()
            assert server.address == f"127.0.0.1:{port}"
            server.kill()
    finally:
        server.kill()


@pytest.mark.parametrize("service", ["grpc_port", "http_port", "metrics_port"])
async def test_a_port_in_use_is_named_at_once(tmp_path: Path, service: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = TritonOptions(repository=MODELS, work_dir=tmp_path, **{service: port})
        with pytest.raises(TritonFailed, match=f"127.0.0.1:{port}: Address already in use"):
            await Tritonserver(options).start()


async def test_a_model_that_cannot_load_ends_the_wait_with_the_reason(options: TritonOptions) -> None:
    (options.repository / "silent" / "1" / "model.py").write_text("raise RuntimeError('no such weights')\n")
    server = Tritonserver(options)
    await server.start()
    with pytest.raises(TritonFailed, match="no such weights"):
        await server.wait_ready()
    assert not server.running


async def test_a_server_that_takes_too_long_is_given_up(options: TritonOptions) -> None:
    server = Tritonserver(options)
    await server.start()
    try:
        with pytest.raises(TritonFailed, match=r"not ready after 0\.1 s"):
            await server.wait_ready(timeout=0.1)
    finally:
        server.kill()


def test_the_server_ends_with_the_process_that_started_it(options: TritonOptions) -> None:
    starts = f"""
from pathlib import Path
from bridge.demo.tritonserver import TritonOptions, Tritonserver
server = Tritonserver(TritonOptions(
    repository=Path({str(options.repository)!r}), work_dir=Path({str(options.work_dir)!r}),
    models=("silent",), exit_timeout=1,
))
server.start_now()
server.wait_ready_now()
print(server.pid, flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", starts], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as starter:
        assert starter.stdout is not None
        group = int(starter.stdout.readline())
        starter.send_signal(signal.SIGKILL)
    assert _is_gone(group, within=15)


def _regions(lines: list[str]) -> list[Path]:
    """Return the shared memory of the server whose log this is."""
    (prefix,) = set(re.findall(r'shm-region-prefix-name":"([^"]+)"', "\n".join(lines)))
    return list(SHARED_MEMORY.glob(f"{prefix}*"))


def _is_gone(group: int, within: float = 2.0) -> bool:
    """Whether all processes of a group have ended before the time is over."""
    deadline = time.monotonic() + within
    while _members(group):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _members(group: int) -> list[str]:
    """Return the processes of a group that have not ended, if only to wait for their parent."""
    living = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, its_group, *_ = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended while we looked
            continue
        if int(its_group) == group and state != "Z":
            living.append(stat.parent.name)
    return living
