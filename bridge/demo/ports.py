"""The three loopback ports of a tritonserver: those asked for, the rest free ones.

Rule: numbers only. A free port that nobody holds can be taken before the server binds it; `tritonserver.py`
then asks again.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Port numbers; 0 stands for any free one."""

    grpc: int = 0
    http: int = 0
    metrics: int = 0

    @property
    def any_free(self) -> bool:
        """Whether at least one may be any."""
        return 0 in (self.grpc, self.http, self.metrics)

    def chosen(self) -> Ports:
        """Return the same with every 0 replaced by a port that is free now.

        Raises:
            OSError: a port asked for is in use, or none is left; `strerror` names it.
        """
        with ExitStack() as held:  # all at once, so that no two are the same
            return self.bound(held)

    def bound(self, held: ExitStack) -> Ports:
        """Do the same, and keep the ports from others' choice until `held` closes; raises as `chosen`."""
        return Ports(
            grpc=bound(HOST, self.grpc, held),
            http=bound(HOST, self.http, held),
            metrics=bound(HOST, self.metrics, held),
        )


def bound(host: str, port: int, held: ExitStack) -> int:
    """Return the number of a port, 0 for any, that stays bound until `held` closes.

    A program that sets SO_REUSEADDR, as servers do, can listen on it meanwhile.

    Raises:
        OSError: it is in use, or there is no such address; `strerror` names it.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        holder = held.enter_context(socket.socket(family, kind, protocol))
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
        holder.bind(address)
    except OSError as error:
        raise OSError(error.errno, f"{host}:{port}: {error.strerror}") from error
    number: int = holder.getsockname()[1]
    return number
