"""A request as it is sent over the request plane, each time it is tried."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.protocol import icp
from bridge.protocol.h2grpc.header_blocks import timeout_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.backends.base import Metadata
    from bridge.backends.nats_plane import Plane
    from bridge.protocol.kserve import ModelInferRequest


@dataclass(slots=True, kw_only=True)
class Asked:
    """What `PushBackend.open` was given."""

    request: ModelInferRequest
    model: str
    deadline: float
    placed: Callable[[str], object]
    metadata: Metadata
    stop: bytes | None
    """See `Opening.stop`."""

    def forget(self) -> None:
        """Let go of what nobody needs again: it has begun to be answered."""
        del self.request

    def send(self, plane: Plane, subject: str, request_id: str, inbox: str) -> None:
        """Send it.

        Raises:
            BridgeError: REQUEST_TOO_LARGE.
        """
        opening = icp.Opening(
            request_id=request_id,
            inbox=inbox,
            component_id=plane.address,
            batch=icp.BATCH,
            texts=True,
            stop=self.stop,
        )
        left = self.deadline - asyncio.get_running_loop().time()
        headers = dict(self.metadata) | {"grpc-timeout": timeout_value(left).decode()}
        plane.post(subject, icp.pack_request(self.request, opening), inbox, headers)
