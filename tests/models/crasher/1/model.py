"""Its process dies in mid-stream: after the first piece, unless the directive says `crash_at`."""

from __future__ import annotations

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
            answer = Answer(self._records, request)
            if answer.wish.crash_at is None:
                answer.wish = replace(answer.wish, crash_at=1)
            answer.start(_outputs)


def _outputs(_first: int, pieces: list[bytes], _is_last: bool) -> Any:
    return tensors.response(tensors.text("text_output", *pieces))
