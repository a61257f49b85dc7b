"""The gRPC client connection, fed by any peer, its bytes cut anywhere.

Any exception is a finding: a breach of the protocol must end the calls with a status, never raise.
"""

from __future__ import annotations

from bridge.protocol.h2grpc.connection import Connection
from bridge.protocol.h2grpc.stream import Limits
from fuzz.source import Source

BLOCK = b"\x82"  # a header block of one field, `:method GET`: a connection does not look into it
GREETING = bytes(3) + b"\x04" + bytes(5)  # an empty SETTINGS frame
LIMITS = Limits(message=1000, stream_window=65_535, connection_window=65_535, header_list=500)


def one_input(data: bytes) -> None:
    """Feed one input to a connection with two open calls."""
    source = Source(data)
    greeted, sizes = source.flag(), [1 + source.below(200) for _ in range(4)]
    connection: Connection[object] = Connection(LIMITS)
    if greeted:
        connection.receive(GREETING)
    for size in (10, 100_000):
        connection.open(object(), BLOCK, bytes(size))
    for size in sizes:
        connection.receive(source.take(size))
        connection.data_to_send()
    connection.receive(source.rest())
    connection.data_to_send()
    connection.lost()
