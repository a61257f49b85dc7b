"""What most tests need: one real Triton for the run, and bridges in front of it on free ports."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from typing import TYPE_CHECKING, Any, Protocol

import hypothesis
import pytest

from bridge.app import Bridge
from bridge.config import Config
from tests.eventually import eventually
from tests.families import families, resting
from tests.scheduling import ByServers, longest_first
from tests.tritonserver import RunningTriton, revive, start_triton

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bridge.observability.tracing import Tracing

__all__ = ["families", "resting"]  # fixtures of all directories: one server for the run


TRANSPORT = os.environ.get("TRITON_TRANSPORT", "native")

# How long an example takes says more of what else the machine does. fuzz/ draws without end.
hypothesis.settings.register_profile("tests", deadline=None, max_examples=50)
hypothesis.settings.load_profile("tests")


# Half the time of a collection went into rounds that find nothing.
gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage from now on."""
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest."""
    longest_first(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServers:
    """Share the tests out by the servers that they need."""
    return ByServers(config, log)


class Serve(Protocol):
    """Starts a bridge; see the fixture `serve`."""

    async def __call__(self, *, tracing: Tracing | None = None, **settings: Any) -> Bridge:
        """Return a running bridge with these settings of `Config`; `tracing` stands for what is sent."""


@pytest.fixture(scope="module", autouse=True)
def _light_heap() -> None:
    """Keep what is there for good, libraries above all, out of the garbage collector's rounds.

    A bridge does so at its start. A round of all that tests import takes a second, and many tests need one.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriton]:
    """Serve the demo and the stand-ins of tests/models on a real tritonserver."""
    with start_triton(tmp_path_factory.mktemp("triton"), lasting=True) as running:
        yield running


@pytest.fixture(autouse=True)
def _revived() -> None:
    """Have all servers that tests share."""
    revive()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start bridges on free ports; all are stopped after the test, and no task of theirs may be left."""
    bridges: list[Bridge] = []
    before = asyncio.all_tasks()

    async def start(*, tracing: Tracing | None = None, **settings: Any) -> Bridge:
        defaults = {
            "http_port": 0,
            "grpc_port": 0,
            "poll_interval": 0.1,
            "drain_timeout": 0.5,
            "triton_transport": TRANSPORT,
        }
        bridge = Bridge(Config(**(defaults | settings)), tracing=tracing)
        bridges.append(bridge)
        await bridge.start()
        return bridge

    yield start
    for bridge in reversed(bridges):
        await bridge.stop()

    def left() -> list[asyncio.Task[Any]]:
        tasks = asyncio.all_tasks() - before - {asyncio.current_task()}
        return [task for task in tasks if not task.done()]

    # A cancelled call of grpc.aio has a task of its own, which ends a little after the call.
    with contextlib.suppress(TimeoutError):
        await eventually(lambda: not left(), within=1)
    assert left() == []


@pytest.fixture
async def bridge(triton: RunningTriton, serve: Serve) -> Bridge:
    """Serve the real Triton with default settings."""
    return await serve(triton=triton.address)
