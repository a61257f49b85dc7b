"""What a part of the request plane says of itself to NATS' discovery, whichever part it is."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime

from bridge.protocol.icp_service import Service


def make_service(
    name: str, description: str, component_id: str, *, grouped: bool = True, **facts: str
) -> Service:
    """Return the service of something that starts now, in this process.

    Args:
        name: what all of its kind are called.
        description: for people.
        component_id: its own name.
        grouped: see `Service.grouped`.
        facts: further ones for its metadata.
    """
    return Service(
        name=name,
        description=description,
        component_id=component_id,
        started=datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        metadata={"host": socket.gethostname(), "pid": str(os.getpid()), **facts},
        grouped=grouped,
    )
