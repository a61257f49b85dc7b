"""Ports that several processes may listen on, held by one that does not."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bridge.config import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def held(host: str, port: int) -> Iterator[int]:
    """Hold a port for workers that set SO_REUSEPORT, and yield its number; 0 takes a free one.

    Raises:
        OSError: another program has the port, or there is no such address.
        ConfigError: this system cannot share a port.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ConfigError("workers: this system cannot share a port among processes (no SO_REUSEPORT): set 1")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        holder = socket.socket(family, kind, protocol)
    except OSError as exc:
        raise OSError(f"cannot listen on {host}:{port}: {exc.strerror}") from exc
    with holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
        try:
            holder.bind(address)
        except OSError as exc:
            raise OSError(f"cannot listen on {host}:{port}: {exc.strerror}") from exc
        # Bound alone: a second bridge on the port fails here, instead of taking half of the connections.
        # Only from now on may others join. A socket that does not listen gets no connections.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        number: int = holder.getsockname()[1]
        yield number
