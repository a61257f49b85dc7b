"""One HTTP/2 connection of a client: frames in, frames out, one write per turn of the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from hpack import Decoder

from benchmarks.mock_triton import frames
from benchmarks.mock_triton.frames import Kind
from benchmarks.mock_triton.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.mock_triton.counts import Counts
    from benchmarks.mock_triton.engine import Model
    from benchmarks.mock_triton.questions import Questions

HIGH_WATER: Final = 1024 * 1024
"""Bytes that wait for the socket before answers pause: more than one step of 1000 streams."""
_TOP_UP: Final = 32 * 1024
_INITIAL_WINDOW: Final = 4
_GREETING: Final = frames.settings(max_concurrent_streams=frames.MAX_STREAMS, initial_window_size=1 << 20)


class Connection(asyncio.Protocol):
    """See the module."""

    def __init__(self, models: dict[str, Model], questions: Questions, counts: Counts) -> None:
        """Prepare for a client of these models."""
        self.models, self.questions, self.counts = models, questions, counts
        self.window = frames.DEFAULT_WINDOW
        """Bytes of all answers together that the client takes."""
        self.full = False
        """Whether the socket takes nothing at the moment."""
        self._streams: dict[int, Stream] = {}
        self._initial = frames.DEFAULT_WINDOW
        self._out: list[bytes] = []
        self._tail = b""
        self._greeted = False
        self._consumed = 0
        self._block: tuple[int, int, bytes] | None = None
        self._decoder = Decoder()
        self._transport: asyncio.Transport
        self._on: dict[int, Callable[[int, int, bytes], None]] = {
            Kind.DATA: self._data,
            Kind.HEADERS: self._headers,
            Kind.RST_STREAM: self._reset,
            Kind.SETTINGS: self._settings,
            Kind.PING: self._ping,
            Kind.WINDOW_UPDATE: self._window_update,
            Kind.CONTINUATION: self._continuation,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(HIGH_WATER)
        self.counts.connections += 1
        self.put(_GREETING)

    def connection_lost(self, _: Exception | None) -> None:
        """End all answers."""
        streams, self._streams = self._streams, {}
        self.counts.lost += sum(stream.cancel() for stream in streams.values())

    def pause_writing(self) -> None:
        """Let answers wait."""
        self.full = True

    def resume_writing(self) -> None:
        """Go on."""
        self.full = False
        self._pump()

    def put(self, frame: bytes) -> None:
        """Send a frame with all others of this turn of the loop."""
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(frame)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def forget(self, number: int) -> Stream | None:
        """End a call; return it if it was not ended."""
        return self._streams.pop(number, None)

    def data_received(self, data: bytes) -> None:
        """Take what one read brought."""
        data = self._tail + data
        at = 0
        if not self._greeted:
            if len(data) < len(frames.PREFACE) and frames.PREFACE.startswith(data):
                self._tail = data
                return
            if not data.startswith(frames.PREFACE):
                self._transport.abort()
                return
            self._greeted, at = True, len(frames.PREFACE)
        while at + frames.HEAD <= len(data):
            size, kind, flags, number = frames.read_head(data, at)
            end = at + frames.HEAD + size
            if end > len(data):
                break
            if (handler := self._on.get(kind)) is not None:
                handler(flags, number, data[at + frames.HEAD : end])
            at = end
        self._tail = data[at:]

    def _flush(self) -> None:
        data = b"".join(self._out)
        self._out.clear()
        self._transport.write(data)

    def _pump(self) -> None:
        for stream in list(self._streams.values()):
            stream.pump()

    def _headers(self, flags: int, number: int, payload: bytes) -> None:
        block = frames.unpadded(flags, payload)
        if not flags & frames.END_HEADERS:
            self._block = number, flags, block
            return
        path = next((str(value) for name, value in self._decoder.decode(block) if str(name) == ":path"), "")
        self._streams[number] = stream = Stream(self, number, path, self._initial)
        if flags & frames.END_STREAM:
            stream.received(b"", last=True)

    def _continuation(self, flags: int, number: int, payload: bytes) -> None:
        if self._block is not None and self._block[0] == number:
            _, first, block = self._block
            self._block = None
            kept = first & frames.END_STREAM | flags & frames.END_HEADERS
            self._headers(kept, number, block + payload)

    def _data(self, flags: int, number: int, payload: bytes) -> None:
        last = bool(flags & frames.END_STREAM)
        self._consumed += len(payload)
        if self._consumed >= _TOP_UP:
            self.put(frames.window_update(0, self._consumed))
            self._consumed = 0
        if (stream := self._streams.get(number)) is None:
            return
        if payload and not last:
            self.put(frames.window_update(number, len(payload)))
        stream.received(frames.unpadded(flags, payload), last=last)

    def _reset(self, _: int, number: int, _payload: bytes) -> None:
        if (stream := self.forget(number)) is not None:
            self.counts.cancels += stream.cancel()

    def _settings(self, flags: int, _: int, payload: bytes) -> None:
        if flags & frames.ACK:
            return
        initial = frames.read_settings(payload).get(_INITIAL_WINDOW, self._initial)
        change, self._initial = initial - self._initial, initial
        for stream in self._streams.values():
            stream.window += change
        self.put(frames.frame(Kind.SETTINGS, frames.ACK, 0))
        self._pump()

    def _ping(self, flags: int, _: int, payload: bytes) -> None:
        if not flags & frames.ACK:
            self.put(frames.frame(Kind.PING, frames.ACK, 0, payload))

    def _window_update(self, _: int, number: int, payload: bytes) -> None:
        increment = int.from_bytes(payload, "big")
        if not number:
            self.window += increment
            self._pump()
        elif (stream := self._streams.get(number)) is not None:
            stream.window += increment
            stream.pump()
