"""Triton's own test model: copies of its prompt, then the final flag by itself.

The request parameters REPETITION, DELAY (milliseconds) and FAIL_LAST say how many, how fast and how it ends.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from standin import tensors
from standin.answer import Answer
from standin.records import Records


class TritonPythonModel:
    """What Triton's Python backend loads."""

    def initialize(self, args: dict[str, str]) -> None:
        self._records = Records(args["model_name"])

    def execute(self, requests: list[Any]) -> None:
        for request in requests:
            wanted = json.loads(request.parameters() or "{}")
            answer = Answer(self._records, request)
            streams = bool(answer.inputs["stream"][0])
            answer.final = "separate" if streams else "data"
            if "REPETITION" in wanted:
                answer.pieces[:] = [answer.prompt.encode()] * int(wanted["REPETITION"])
            fail_at = len(answer.pieces) - 1 if wanted.get("FAIL_LAST") else answer.wish.fail_at
            answer.wish = replace(
                answer.wish, delay_ms=float(wanted.get("DELAY", answer.wish.delay_ms)), fail_at=fail_at
            )
            answer.start(_outputs, stream=streams)


def _outputs(_first: int, pieces: list[bytes], _is_last: bool) -> Any:
    return tensors.response(tensors.text("text_output", b"".join(pieces), shape=(1, 1)))
