"""Other people's frontends, measured by the same client in the same run."""

from __future__ import annotations


async def start_peers(servers):
    return (), {"dynamo": "not yet"}
