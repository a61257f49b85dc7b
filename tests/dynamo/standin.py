"""The stand-in model of a Dynamo cluster, as a test starts it, waits for it and reads what it wrote down."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import grpc

from bridge.protocol import kserve
from tests.eventually import eventually

if TYPE_CHECKING:
    from benchmarks.processes import Process
    from tests.dynamo.environment import Cluster, Frontend

WITHIN: Final = 30.0
POLL: Final = 0.02


def start_standin(cluster: Cluster, *models: str) -> Process:
    """Start a worker with these models, one named `standin` unless they are told."""
    names = models or ("standin",)
    folder = str(cluster.folder)
    return cluster.run("-m", "tests.dynamo.standin_worker", folder, *names, ready=["worker on"])


def wait_ready(frontend: Frontend, model: str) -> None:
    """Wait until a KServe frontend has a model.

    Raises:
        TimeoutError: it has not in time.
    """
    until = time.monotonic() + WITHIN
    with grpc.insecure_channel(frontend.address) as channel:
        stub: Any = kserve.GRPCInferenceServiceStub(channel)
        request = kserve.ModelReadyRequest(name=model)
        while not stub.ModelReady(request, timeout=WITHIN, wait_for_ready=True).ready:
            if time.monotonic() > until:
                raise TimeoutError(f"Dynamo has no {model}: {frontend.process.log[-2000:]}")
            time.sleep(POLL)


def events(cluster: Cluster, tag: str) -> list[dict[str, Any]]:
    """Return what the workers of a cluster wrote down of the requests with this tag, in order."""
    records = cluster.folder / "events.jsonl"
    if not records.exists():
        return []
    *lines, _unfinished = records.read_text().split("\n")
    return [event for event in map(json.loads, lines) if event["tag"] == tag]


async def event(cluster: Cluster, tag: str, name: str) -> dict[str, Any]:
    """Wait for the first event `name` of a tag: request, done, failed or cancelled."""

    def found() -> list[dict[str, Any]]:
        return [event for event in events(cluster, tag) if event["event"] == name]

    await eventually(found, WITHIN)
    return found()[0]
