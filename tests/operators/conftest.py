"""A request plane: a NATS server for each test, two Tritons for all of them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from tests.nats_server import NatsServer, nats_server
from tests.operators.stage import Stage
from tests.tritonserver import RunningTriton, start_tritons

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.conftest import Serve


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RunningTriton]]:
    """Two Tritons with the same model."""
    with start_tritons(tmp_path_factory.mktemp("pair"), "echo_vllm", servers=2, lasting=True) as running:
        yield running


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path) as running:
        yield running


@pytest.fixture
async def stage(nats: NatsServer, pair: list[RunningTriton], serve: Serve) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        yield Stage(nats, pair, serve, stack)
