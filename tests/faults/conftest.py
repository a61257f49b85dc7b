"""A Triton of its own for tests that kill, stop or change it; each test finds it whole again."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from tritonclient.grpc import service_pb2

from bridge.protocol import kserve
from tests.faults.fleet import MODEL, Fleet
from tests.tritonserver import RunningTriton, start_triton, start_tritons

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

MODELS = ("echo_vllm", "plain", "crasher")
LOADING = 20.0


@pytest.fixture(scope="package")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriton]:
    """Start it on a port that it takes again after a restart."""
    with start_triton(tmp_path_factory.mktemp("mortal"), *MODELS) as running:
        yield running


@pytest.fixture(scope="package")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Start three servers with one model, on ports that they take again after a restart."""
    with start_tritons(tmp_path_factory.mktemp("fleet"), MODEL, servers=3) as running:
        yield Fleet(running)


@pytest.fixture
async def fleet(three: Fleet) -> Fleet:
    """Return the servers, the first two of them ready; a test may kill them."""
    return await three.running(2)


@pytest.fixture
def dead(mortal: RunningTriton) -> RunningTriton:
    """Return the server, killed; its address is known."""
    mortal.server.kill()
    return mortal


@pytest.fixture
async def own(mortal: RunningTriton) -> RunningTriton:
    """Return the server, running; a test may kill it."""
    if not mortal.server.running:
        await restart(mortal)
    return mortal


async def restart(triton: RunningTriton) -> None:
    """Start a killed server again on its port; return when it is ready."""
    await triton.server.start()
    await triton.server.wait_ready()


@asynccontextmanager
async def repository(triton: RunningTriton) -> AsyncIterator[Repository]:
    """Connect to the server past the bridge."""
    async with grpc.aio.insecure_channel(triton.address) as channel:
        yield Repository(kserve.GRPCInferenceServiceStub(channel))


class Repository:
    """Loads and unloads models as an operator would."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def unload(self, name: str) -> None:
        request = service_pb2.RepositoryModelUnloadRequest(model_name=name)
        await self._stub.RepositoryModelUnload(request, timeout=LOADING)

    async def load(self, name: str) -> None:
        request = service_pb2.RepositoryModelLoadRequest(model_name=name)
        await self._stub.RepositoryModelLoad(request, timeout=LOADING)

    async def state(self, name: str) -> str:
        """Return the state of a model, such as READY, UNLOADING or UNAVAILABLE."""
        index = await self._stub.RepositoryIndex(service_pb2.RepositoryIndexRequest(), timeout=LOADING)
        (state,) = [str(model.state) for model in index.models if model.name == name]
        return state
