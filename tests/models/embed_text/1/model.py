"""An embedding model that is not decoupled and does not batch: one text, one vector."""

from __future__ import annotations

from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from standin import directive, tensors
from standin.records import Records
from standin.vectors import vector


class TritonPythonModel:
    """What Triton's Python backend loads."""

    def initialize(self, args: dict[str, str]) -> None:
        self._records = Records(args["model_name"])

    def execute(self, requests: list[Any]) -> list[Any]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        inputs = tensors.received(request)
        text = inputs["query"][0]
        wish, _ = directive.parse(text)
        self._records.write("request", request_id=request.request_id(), tag=wish.tag, inputs=inputs)
        if wish.fail_at is not None:
            return tensors.error(wish.error, pb_utils.TritonError.INVALID_ARG)
        numbers = _numbers(wish.text) if wish.text else vector(text)
        return tensors.response(tensors.number("embedding", numbers, np.float32))


def _numbers(text: str) -> list[float]:
    """Read the numbers that a directive asks for: "1 nan 2"."""
    return [float(word) for word in text.split()]
