"""`python -m benchmarks.mock_triton`: prints its address, serves until a signal, prints what it has seen."""

from __future__ import annotations

import argparse
import asyncio
import signal
from dataclasses import asdict

import orjson

from benchmarks.mock_triton.server import MODELS, serve


async def _run(args: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(args.models or MODELS, host=args.host, port=args.port, http_port=args.http_port) as mock:
        print(f"HTTP (generate_stream only) on {mock.http_address}")
        print(f"Triton's mock on {mock.address}", flush=True)
        await stop.wait()
        print(orjson.dumps(asdict(mock.counts)).decode(), flush=True)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description="A Triton that streams numbered tokens and does nothing else."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8001, help="0 for a free one (default: %(default)s)")
    parser.add_argument("--http-port", type=int, default=0, help="of generate_stream (default: a free one)")
    parser.add_argument(
        "--model",
        dest="models",
        action="append",
        metavar="NAME",
        help=f"burst or tick-Nms; may be repeated (default: {', '.join(MODELS)})",
    )
    args = parser.parse_args()
    try:
        import uvloop  # noqa: PLC0415 - not everybody has it
    except ImportError:
        asyncio.run(_run(args))
    else:
        uvloop.run(_run(args))


if __name__ == "__main__":
    main()
