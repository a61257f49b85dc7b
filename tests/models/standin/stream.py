"""How a stand-in sends its answer: pieces, pauses, failures, silences, the final flag and cancellation."""

from __future__ import annotations

import os
import threading
import time

import triton_python_backend_utils as pb_utils
from standin import directive, tensors
from standin.records import Records

FINAL = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL
CHECK_SECONDS = 0.01


class Cancelled(Exception):
    """The client is gone."""


class Answer:
    """One request being answered in a thread of its own.

    `make(index, piece, is_last)` turns piece number `index` into the response to send.
    """

    def __init__(self, records: Records, request, inputs: dict[str, list]) -> None:
        self.inputs = inputs
        self.wish, self.prompt = directive.parse(inputs["text_input"][0])
        self.pieces = self.wish.reply(self.prompt)
        self._records = records
        self._id = request.request_id()
        self._sender = request.get_response_sender()
        self._sent = 0
        self.record("request", inputs=inputs, parameters=request.parameters())

    def record(self, event: str, **facts: object) -> None:
        """Write down an event of this request."""
        self._records.write(event, request_id=self._id, tag=self.wish.tag, **facts)

    def start(self, make) -> None:
        """Answer in the background, so that requests run side by side."""
        threading.Thread(target=self._run, args=(make,), daemon=True).start()

    def fail(self, message: str) -> None:
        """End with an error, in the way the directive says."""
        self.record("failed", sent=self._sent, error=message)
        if self.wish.error_final:
            self._sender.send(tensors.error(message), flags=FINAL)
        else:
            self._sender.send(tensors.error(message))
            self._sender.send(flags=FINAL)

    def _run(self, make) -> None:
        try:
            self._wait(self.wish.first_delay_ms)
            for index, piece in enumerate(self.pieces):
                if self._departs_at(index):
                    return
                self._send(make, index, piece)
            self._finish()
        except Cancelled:
            self.record("cancelled", sent=self._sent)
            self._sender.send(tensors.error("Request was cancelled", pb_utils.TritonError.CANCELLED), flags=FINAL)

    def _departs_at(self, index: int) -> bool:
        """Leave the straight path where the directive says so; whether that ended the request."""
        if index == self.wish.crash_at:
            os._exit(1)
        if index == self.wish.hang_at:
            self._wait(float("inf"))
        if index == self.wish.fail_at:
            self.fail(self.wish.error)
            return True
        return False

    def _send(self, make, index: int, piece: bytes) -> None:
        is_last = index == len(self.pieces) - 1
        if is_last and self.wish.final == "data":
            self._sender.send(make(index, piece, is_last), flags=FINAL)
        else:
            self._sender.send(make(index, piece, is_last))
        self._sent += 1
        if not is_last:
            self._wait(self.wish.delay_ms)

    def _finish(self) -> None:
        self.record("done", sent=self._sent)
        if self.wish.final == "separate" or not self.pieces:
            self._sender.send(flags=FINAL)

    def _wait(self, milliseconds: float) -> None:
        """Pass the time, looking at once and then every 10 ms whether anybody still waits for us."""
        until = time.monotonic() + milliseconds / 1000
        while True:
            if not self.wish.ignore_cancel and self._sender.is_cancelled():
                raise Cancelled
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, CHECK_SECONDS))
