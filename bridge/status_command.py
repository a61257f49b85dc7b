"""`openai-bridge status`: a request plane as a table, redrawn in place on a terminal, or as JSON."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TextIO

import orjson

from bridge.config import ConfigError, is_nats
from bridge.operators.status_lines import lines
from bridge.wiring import require_nats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.config import Config
    from bridge.operators.observer import Observer
    from bridge.operators.survey import Snapshot

# ECMA-48, and xterm's own 1049 and 25: the other screen, and the cursor.
ENTER: Final = "\x1b[?1049h\x1b[?25l"
LEAVE: Final = "\x1b[?25h\x1b[?1049l"
HOME: Final = "\x1b[H"
REST_OF_LINE: Final = "\x1b[K"
REST_OF_SCREEN: Final = "\x1b[J"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How to show it."""

    once: bool
    as_json: bool
    interval: float
    """Seconds between two looks; rates are averages over it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what makes a `View`."""
    parser.add_argument("--once", action="store_true", help="print one table and end, as without a terminal")
    parser.add_argument("--json", action="store_true", help="print one JSON document and end")
    parser.add_argument(
        "--interval",
        type=_seconds,
        default=1.0,
        metavar="S",
        help="seconds between two looks, over which rates are averages (default: 1)",
    )


async def run(config: Config, view: View, out: TextIO) -> int:
    """Show the plane, once or until SIGINT or SIGTERM; return the exit code.

    Raises:
        ConfigError: no plane is configured, or a file of its login is broken.
        ConnectionError: it cannot be reached.
    """
    require_nats()
    from bridge.operators.observer import Observer  # noqa: PLC0415 - optional

    urls = config.nats.url or config.upstream
    if urls is None or not is_nats(urls):
        raise ConfigError("nats.url: where is the request plane? Set it, or --nats")
    observer = Observer(config.nats, urls)
    where = f"{urls} {config.nats.prefix}"
    try:
        await observer.connect()
        first = await observer.look()
        if view.once or view.as_json or not out.isatty() or os.environ.get("TERM", "dumb") == "dumb":
            await asyncio.sleep(view.interval)
            _print(await observer.look(), view, where, out)
        else:
            await _watch(observer, first, view, where, out)
    finally:
        await observer.close()
    return 0


def _print(snapshot: Snapshot, view: View, where: str, out: TextIO) -> None:
    now = datetime.now(UTC)
    if view.as_json:
        out.write(orjson.dumps({"time": now, "plane": where, **_fields(snapshot)}).decode() + "\n")
    else:
        width, _ = _room(out) if out.isatty() else (None, None)
        out.writelines(f"{line}\n" for line in lines(snapshot, where, now, width))


def _fields(snapshot: Snapshot) -> dict[str, object]:
    return {name: getattr(snapshot, name) for name in snapshot.__slots__}


async def _watch(observer: Observer, snapshot: Snapshot, view: View, where: str, out: TextIO) -> None:
    """Redraw until a signal comes; a plane that is lost is shown as such until it is back."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    trouble = ""
    with _screen(out):
        while not stop.is_set():
            began = loop.time()
            shown = lines(snapshot, trouble or where, datetime.now(UTC), *_room(out))
            out.write(HOME + "".join(f"{line}{REST_OF_LINE}\n" for line in shown) + REST_OF_SCREEN)
            out.flush()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(began + view.interval):
                    await stop.wait()
            if not stop.is_set():
                snapshot, trouble = await _looked(observer, snapshot, bool(trouble))


def _room(out: TextIO) -> tuple[int | None, int | None]:
    """Return the terminal's columns, and its lines but for the cursor's; None: it does not tell."""
    size = os.get_terminal_size(out.fileno())
    return size.columns or None, max(size.lines - 1, 1) if size.lines else None


async def _looked(observer: Observer, snapshot: Snapshot, again: bool) -> tuple[Snapshot, str]:
    """Return the plane as it is now, or as it was and what is wrong."""
    try:
        if again:
            await observer.connect()
        return await observer.look(), ""
    except ConnectionError as exc:
        return snapshot, str(exc)


@contextmanager
def _screen(out: TextIO) -> Iterator[None]:
    """Draw on the terminal's other screen, and leave it as it was."""
    out.write(ENTER)
    try:
        yield
    finally:
        out.write(LEAVE)
        out.flush()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, not {text}")
    return seconds
