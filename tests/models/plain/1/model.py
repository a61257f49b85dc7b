"""A text model that is not decoupled: one answer per request, returned as a list, in the classic way."""

from __future__ import annotations

import time
from typing import Any

import triton_python_backend_utils as pb_utils
from standin import directive, tensors
from standin.records import Records


class TritonPythonModel:
    """What Triton's Python backend loads."""

    def initialize(self, args: dict[str, str]) -> None:
        self._records = Records(args["model_name"])

    def execute(self, requests: list[Any]) -> list[Any]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        inputs = tensors.received(request)
        wish, prompt = directive.parse(inputs["text_input"][0])
        who = {"request_id": request.request_id(), "tag": wish.tag}
        self._records.write("request", inputs=inputs, parameters=request.parameters(), **who)
        time.sleep(wish.first_delay_ms / 1000)
        if wish.raises:
            raise RuntimeError(wish.error)
        if wish.fail_at is not None:
            self._records.write("failed", sent=0, **who)
            return tensors.error(wish.error, pb_utils.TritonError.INVALID_ARG)
        pieces = wish.reply(prompt)[: inputs.get("max_tokens", [None])[0]]
        self._records.write("done", sent=1, **who)
        return tensors.response(tensors.text("text_output", b"".join(pieces)))
