"""How a stand-in sends its answer: pieces, pauses, failures, silences, the final flag and cancellation."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import triton_python_backend_utils as pb_utils
from standin import directive, tensors

if TYPE_CHECKING:
    from collections.abc import Callable

    from standin.records import Records

    # (index of the first piece, the pieces of this response, whether it is the last) -> the response
    Make = Callable[[int, list[bytes], bool], Any]

FINAL = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL
CHECK_SECONDS = 0.01


class CancelledByClientError(Exception):
    """Nobody waits for the answer any more."""


class StoppedError(Exception):
    """Another request asked for the end of this one."""


class Answer:
    """One request, answered in a thread of its own so that requests run side by side.

    The directive stands in `text_input` unless the model gets its prompt in another form.
    """

    def __init__(
        self, records: Records, request: Any, *, final: str = "data", prompt: str | None = None
    ) -> None:
        self.inputs = tensors.received(request)
        self.wish, self.prompt = directive.parse(self.inputs["text_input"][0] if prompt is None else prompt)
        self.pieces = self.wish.reply(self.prompt)
        self.final = self.wish.final or ("separate" if self.wish.end_delay_ms else final)
        self._records = records
        self._id = request.request_id()
        self._sender = request.get_response_sender()
        self._sent = 0
        self._stopped = threading.Event()
        self._record("request", inputs=self.inputs, parameters=request.parameters())

    def start(self, make: Make, *, stream: bool = True) -> None:
        """Answer in the background, with one response per piece or with one for all."""
        threading.Thread(target=self._run, args=(make, stream), daemon=True).start()

    def stop(self) -> None:
        """End the answer at its next step, in good order."""
        self._stopped.set()

    def fail(self, message: str) -> None:
        """End with an error, followed by the final flag in the way the directive says."""
        self._record("failed", sent=self._sent)
        if self.wish.error_final:
            self._sender.send(tensors.error(message), flags=FINAL)
        else:
            self._sender.send(tensors.error(message))
            self._sender.send(flags=FINAL)

    def _run(self, make: Make, stream: bool) -> None:
        try:
            self._wait(self.wish.first_delay_ms)
            for index, piece in enumerate(self.pieces):
                if self._leaves_at(index):
                    return
                if stream:
                    self._send(make, index, [piece])
                if index < len(self.pieces) - 1:
                    self._wait(self.wish.delay_ms)
            if not stream:
                self._send(make, 0, self.pieces)
            if self.wish.end_delay_ms:
                self._wait(self.wish.end_delay_ms)
            if self.final == "separate" or (self._sent == 0 and self.final == "data"):
                self._sender.send(flags=FINAL)
            self._record("done", sent=self._sent)
        except CancelledByClientError:
            self._record("cancelled", sent=self._sent)
            gone = tensors.error("Request was cancelled", pb_utils.TritonError.CANCELLED)
            self._sender.send(gone, flags=FINAL)
        except StoppedError:
            self._record("stopped", sent=self._sent)  # first: who has seen the end looks for it
            self._sender.send(make(self._sent, [], True), flags=FINAL)

    def _leaves_at(self, index: int) -> bool:
        """Whether the request ended here because the directive says so."""
        if index == self.wish.crash_at:
            os._exit(1)
        if index == self.wish.hang_at:
            self._wait(float("inf"))
        if index == self.wish.fail_at:
            self.fail(self.wish.error)
            return True
        return False

    def _send(self, make: Make, first: int, pieces: list[bytes]) -> None:
        is_last = first + len(pieces) == len(self.pieces)
        response = make(first, pieces, is_last)
        if is_last and self.final == "data":
            self._sender.send(response, flags=FINAL)
        else:
            self._sender.send(response)
        self._sent += 1

    def _wait(self, milliseconds: float) -> None:
        """Pass the time, looking now and every 10 ms whether somebody still waits for the answer."""
        until = time.monotonic() + milliseconds / 1000
        while True:
            if self._stopped.is_set():
                raise StoppedError
            if not self.wish.ignore_cancel and self._sender.is_cancelled():
                raise CancelledByClientError
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, CHECK_SECONDS))

    def _record(self, event: str, **facts: object) -> None:
        self._records.write(event, request_id=self._id, tag=self.wish.tag, **facts)
