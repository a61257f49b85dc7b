"""The question whether one certain tritonserver is ready.

Rule: asks once and returns at once; when to ask again is the caller's.
"""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Final

from bridge.demo.ports import HOST

if TYPE_CHECKING:
    from bridge.demo.ports import Ports

ANSWER_TIMEOUT: Final = 0.5
"""Seconds an answer may take."""


def is_ready(ports: Ports, run_id: str) -> bool:
    """Whether the server named `run_id` has loaded its models and started its services.

    The name is asked on the same connection because two servers can share Triton's HTTP port unnoticed;
    metrics are asked for because that service starts last, and a server that cannot start it ends.
    """
    try:
        (_, metadata), (ready, _) = _get(ports.http, "/v2", "/v2/health/ready")
        ((metrics, _),) = _get(ports.metrics, "/metrics")
    except (OSError, http.client.HTTPException):
        return False
    return run_id.encode() in metadata and ready == metrics == http.client.OK


def _get(port: int, *paths: str) -> list[tuple[int, bytes]]:
    """Return status and body of each path, asked on one connection."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_TIMEOUT)
    try:
        answers = []
        for path in paths:
            connection.request("GET", path)
            response = connection.getresponse()
            answers.append((response.status, response.read()))
        return answers
    finally:
        connection.close()
