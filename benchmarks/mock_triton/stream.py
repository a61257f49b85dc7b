"""One call: its request as it arrives, its windows, its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tritonclient.grpc import service_pb2

from benchmarks.mock_triton import answers, frames
from benchmarks.mock_triton.engine import Generation
from benchmarks.mock_triton.frames import Kind
from benchmarks.mock_triton.questions import UNIMPLEMENTED, StatusError

if TYPE_CHECKING:
    from benchmarks.mock_triton.connection import Connection
    from benchmarks.mock_triton.engine import Model

STREAM_INFER: Final = "ModelStreamInfer"
SERVICE: Final = "/inference.GRPCInferenceService/"
MAX_REQUEST: Final = 16 * 1024 * 1024

_CONTENT_TYPE: Final = ("content-type", "application/grpc")
_BEGIN: Final = b"\x88" + frames.literal(_CONTENT_TYPE)  # index 8 of HPACK's static table is ":status 200"
_OK: Final = frames.literal(("grpc-status", "0"))


class Stream:
    """See the module."""

    __slots__ = ("_body", "_running", "begun", "connection", "half_closed", "method", "number", "window")

    def __init__(self, connection: Connection, number: int, path: str, window: int) -> None:
        """Begin a call; `window` is what the client takes of its answer, in bytes."""
        self.connection = connection
        self.number = number
        self.window = window
        self.method = path.removeprefix(SERVICE)
        self.half_closed = self.begun = False
        self._body = bytearray()
        self._running: dict[Generation, Model] = {}

    def received(self, data: bytes, *, last: bool) -> None:
        """Take a part of the request; every whole message in it is answered."""
        self._body += data
        self.half_closed = last
        while len(self._body) >= frames.PREFIX:
            end = frames.PREFIX + int.from_bytes(self._body[1 : frames.PREFIX], "big")
            if self._body[0] or end > MAX_REQUEST:
                self.refuse(UNIMPLEMENTED, "the mock takes plain messages of up to 16 MiB")
                return
            if len(self._body) < end:
                return
            content = bytes(self._body[frames.PREFIX : end])
            del self._body[:end]
            if self.method == STREAM_INFER:
                self._infer(content)
            else:
                self._ask(content)
        self._finish()

    def send(self, frame: bytes) -> bool:
        """See `Outlet.send`."""
        size = len(frame) - frames.HEAD
        connection = self.connection
        if size > self.window or size > connection.window or connection.full:
            return False
        if not self.begun:
            self._begin()
        self.window -= size
        connection.window -= size
        connection.put(frame)
        return True

    def ended(self, generation: Generation) -> None:
        """See `Outlet.ended`."""
        self._running.pop(generation).forget(generation)
        self.connection.counts.complete += 1
        self._finish()

    def pump(self) -> None:
        """Go on where a window or the socket had no room."""
        for generation, model in list(self._running.items()):
            model.pump(generation)

    def cancel(self) -> int:
        """End all answers; return how many were running."""
        running, self._running = self._running, {}
        return sum(model.forget(generation) for generation, model in running.items())

    def refuse(self, code: int, text: str) -> None:
        """End the call with a status."""
        self.cancel()
        status = frames.literal(("grpc-status", str(code)), ("grpc-message", text[:120].replace("%", "%25")))
        self._end(status if self.begun else _BEGIN + status)

    def _infer(self, content: bytes) -> None:
        request = service_pb2.ModelInferRequest.FromString(content)
        model = self.connection.models.get(request.model_name)
        if model is None:
            self._fail(f"Request for unknown model: '{request.model_name}' is not found")
            return
        try:
            generation = Generation(request, self, self.connection.counts)
        except answers.BadRequestError as exc:
            self._fail(str(exc))
            return
        self.connection.counts.requests += 1
        self._running[generation] = model
        model.begin(generation)

    def _fail(self, text: str) -> None:
        message = frames.message(answers.error(text))
        self.send(frames.frame(Kind.DATA, 0, self.number, message))

    def _ask(self, content: bytes) -> None:
        try:
            answer = self.connection.questions.answer(self.method, content)
        except StatusError as exc:
            self.refuse(*exc.args)
            return
        self.send(frames.frame(Kind.DATA, 0, self.number, frames.message(answer)))

    def _begin(self) -> None:
        self.begun = True
        self.connection.put(frames.frame(Kind.HEADERS, frames.END_HEADERS, self.number, _BEGIN))

    def _finish(self) -> None:
        """End the call if nothing is left to answer."""
        if self.half_closed and not self._running:
            if not self.begun:
                self._begin()
            self._end(_OK)

    def _end(self, trailers: bytes) -> None:
        flags = frames.END_HEADERS | frames.END_STREAM
        if self.connection.forget(self.number):
            self.connection.put(frames.frame(Kind.HEADERS, flags, self.number, trailers))
