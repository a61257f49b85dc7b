"""The NATS servers and the settings of examples/kubernetes/request-plane, run but for addresses."""

from __future__ import annotations

import asyncio
import os
import subprocess
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.config import load
from bridge.demo.ports import Ports
from bridge.observability.metrics import Metrics
from bridge.operators.health import Health
from bridge.operators.observer import Observer
from bridge.operators.serving import make_worker
from tests.doors import tell
from tests.eventually import eventually
from tests.examples.manifests import Manifest, metric_of, named, pods, settings
from tests.nats_server import COMMAND
from tests.operators.asking import STREAM, chat
from tests.raw_http import ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.config import Config
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

VARIANT = "request-plane"
WITHIN = 20.0
PASSWORDS = {"front-end": "f12e4", "worker": "w0x1"}
"""What the secret holds; by NATS' rules some texts of digits would be numbers."""
PODS = {one.name: one for one in pods(VARIANT)}


@contextmanager
def nats_servers(tmp: Path) -> Iterator[list[Ports]]:
    """Run as many servers as there are pods. Their ports: `grpc` for clients, `metrics` for each other."""
    container, text = PODS["nats"].container("nats"), named(VARIANT, "ConfigMap", "nats")["data"]["nats.conf"]
    all_ = [Ports().chosen() for _ in range(PODS["nats"].maker["spec"]["replicas"])]
    for at, ports in enumerate(all_):
        text = text.replace(f"nats-{at}.nats-peers:6222", f"127.0.0.1:{ports.metrics}")
    assert "peers" not in text
    with ExitStack() as stack:
        for at, ports in enumerate(all_):
            numbers = {4222: ports.grpc, 6222: ports.metrics, 8222: ports.http}
            stack.callback(_end, _started(tmp, container, text, f"nats-{at}", numbers))
        yield all_


def _started(
    tmp: Path, container: Manifest, text: str, pod: str, numbers: dict[int, int]
) -> subprocess.Popen[bytes]:
    for port, mine in numbers.items():
        assert text.count(f": {port}\n") + text.count(f": {port} ") == 1, port
        text = text.replace(f": {port}", f': "127.0.0.1:{mine}"')
    path = tmp / f"{pod}.conf"
    path.write_text(text.replace("port: ", "listen: "))
    values = {"POD_NAME": pod} | {
        it["name"]: PASSWORDS[it["valueFrom"]["secretKeyRef"]["key"]]
        for it in container["env"]
        if "secretKeyRef" in it["valueFrom"]
    }
    arguments = [str(path) if it == "/etc/nats/nats.conf" else it for it in container["args"]]
    with (tmp / f"{pod}.log").open("wb") as log:
        return subprocess.Popen([COMMAND, *arguments], env=os.environ | values, stderr=log)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(WITHIN)


def configured(tmp: Path, pod: str, container: str, url: str) -> Config:
    """Return a container's settings, with the files and addresses that this machine has."""
    path = tmp / f"{container}.toml"
    path.write_text(settings(PODS[pod], PODS[pod].container(container)))
    config = load(path, {})
    user = config.nats.user or ""
    (tmp / user).write_text(PASSWORDS[user])
    return replace(config, nats=replace(config.nats, url=url, password_file=tmp / user))


async def until_well(port: int, container: Manifest) -> None:
    """Ask as the readiness probe does, until it is content."""
    path = container["readinessProbe"]["httpGet"]["path"]
    async with asyncio.timeout(WITHIN):
        while True:
            try:
                if (await ask(port, "GET", path)).status == 200:
                    return
            except OSError:
                pass
            await asyncio.sleep(0.02)


async def test_the_example_serves_through_its_three_servers(
    triton: RunningTriton, serve: Serve, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        three = stack.enter_context(nats_servers(tmp_path))
        urls = [f"nats://127.0.0.1:{ports.grpc}" for ports in three]
        for ports in three:
            await until_well(ports.http, PODS["nats"].container("nats"))
        config = configured(tmp_path, "triton", "worker", urls[0])
        metrics = Metrics()
        worker = make_worker(replace(config, triton=triton.address, drain_timeout=0.5), metrics)
        health = Health(metrics, worker.not_ready)
        port = await health.start("127.0.0.1", 0)
        stack.push_async_callback(health.stop)
        await worker.start()
        stack.push_async_callback(worker.stop)
        await until_well(port, PODS["triton"].container("worker"))
        front_end = configured(tmp_path, "bridge", "bridge", urls[1]).nats
        bridge = await serve(upstream=urls[1], nats=front_end)
        stack.push_async_callback(bridge.stop)
        await eventually(lambda: "echo_vllm" in bridge._handlers.catalog.found, WITHIN)
        told = await tell(bridge, STREAM, chat(words=300))
        assert told.texts[0].endswith("word299 ")
        exposed = (await ask(port, "GET", "/metrics")).body.decode()
        assert f"# TYPE {metric_of(named(VARIANT, 'HorizontalPodAutoscaler', 'triton'))} gauge" in exposed
        observer = Observer(front_end, urls[2])
        await observer.connect()
        stack.push_async_callback(observer.close)
        async with asyncio.timeout(WITHIN):  # the servers tell one another where a new inbox is
            while not (seen := await observer.look()).workers:
                pass
        assert ([one.state for one in seen.workers], len(seen.front_ends)) == (["ready"], 1)
