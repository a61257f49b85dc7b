"""A decoupled text model that knows text only: a response per piece, then the final flag alone."""

from __future__ import annotations

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
            Answer(self._records, request, final="separate").start(_outputs)


def _outputs(_first: int, pieces: list[bytes], _is_last: bool) -> Any:
    return tensors.response(tensors.text("text_output", *pieces))
