"""The three loopback ports of a tritonserver: those asked for, the rest free ones.

Rule: numbers only. A free port can be taken before the server binds it; `tritonserver.py` then asks again.
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
            return Ports(
                grpc=_bound(self.grpc, held), http=_bound(self.http, held), metrics=_bound(self.metrics, held)
            )


def _bound(port: int, held: ExitStack) -> int:
    """Return the number of a port bound until `held` closes."""
    listener = held.enter_context(socket.socket())
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
    try:
        listener.bind((HOST, port))
    except OSError as error:
        raise OSError(error.errno, f"{HOST}:{port}: {error.strerror}") from error
    bound: int = listener.getsockname()[1]
    return bound
