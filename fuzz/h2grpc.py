"""Coverage-guided fuzzing of the gRPC client connection.

Run it from the repository's root: `pip install atheris`, then `PYTHONPATH=.:gen python fuzz/h2grpc.py
-max_total_time=60`.

The input is what a peer sends, cut where its first bytes say. Any exception is a finding: a peer's
breach of the protocol must end the calls with a status, never raise.
"""

import sys

import atheris

with atheris.instrument_imports(include=["bridge.protocol.h2grpc", "hpack"]):
    from bridge.protocol.h2grpc.connection import Connection
    from bridge.protocol.h2grpc.stream import Limits

BLOCK = b"\x82"  # a header block of one field, `:method GET`: a connection does not look into it
GREETING = bytes(3) + b"\x04" + bytes(5)  # an empty SETTINGS frame
LIMITS = Limits(message=1000, stream_window=65_535, connection_window=65_535, header_list=500)


def one_input(data: bytes) -> None:
    """Feed one input to a connection with two open calls."""
    provider = atheris.FuzzedDataProvider(data)
    pieces = [provider.ConsumeIntInRange(1, 200) for _ in range(4)]
    received = provider.ConsumeBytes(atheris.ALL_REMAINING)
    connection: Connection[object] = Connection(LIMITS)
    if pieces[0] % 2:
        connection.receive(GREETING)
    for size in (10, 100_000):
        connection.open(object(), BLOCK, bytes(size))
    for size in pieces:
        connection.receive(received[:size])
        connection.data_to_send()
        received = received[size:]
    connection.receive(received)
    connection.data_to_send()
    connection.lost()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
