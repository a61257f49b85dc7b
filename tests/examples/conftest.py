"""Two bridges before the real Triton, and each gateway before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.examples.gateway import NAMES, Gateway, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Which gateway."""
    chosen: str = request.param
    return chosen


@pytest.fixture
async def bridges(triton: RunningTriton, serve: Serve) -> list[Bridge]:
    """Two of them."""
    return [await serve(triton=triton.address) for _ in range(2)]


@pytest.fixture
async def gateway(name: str, bridges: list[Bridge], tmp_path: Path) -> AsyncIterator[Gateway]:
    """Run the gateway before both bridges."""
    http, grpc = [one.http_port for one in bridges], [one.grpc_port for one in bridges]
    async with running(name, tmp_path, http, grpc) as gateway:
        yield gateway
