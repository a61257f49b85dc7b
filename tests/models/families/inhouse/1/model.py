"""Somebody's own model: it answers one request at a time, `LENGTH` pieces after the number of its version."""

from __future__ import annotations

import time
from typing import Any

from standin import directive, tensors
from standin.records import Records


class TritonPythonModel:
    """What Triton's Python backend loads."""

    def initialize(self, args: dict[str, str]) -> None:
        self._records = Records(args["model_name"])
        self._version = args["model_version"]

    def execute(self, requests: list[Any]) -> list[Any]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        inputs = tensors.received(request)
        wish, prompt = directive.parse(inputs["INPUT0"][0])
        facts = {"inputs": inputs, "parameters": request.parameters()}
        self._records.write("request", request_id=request.request_id(), tag=wish.tag, **facts)
        time.sleep(wish.first_delay_ms / 1000)
        pieces = wish.reply(prompt)[: inputs.get("LENGTH", [None])[0]]
        text = f"v{self._version} ".encode() + b"".join(pieces)
        return tensors.response(tensors.text("OUTPUT0", text, shape=(1, 1)))
