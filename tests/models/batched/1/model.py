"""A batching text model with typed sampling inputs: it takes and gives `[1, 1]`."""

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
            answer = Answer(self._records, request)
            del answer.pieces[answer.inputs.get("max_tokens", [len(answer.pieces)])[0] :]
            answer.start(_outputs, stream=bool(answer.inputs.get("stream", [False])[0]))


def _outputs(_first: int, pieces: list[bytes], _is_last: bool) -> Any:
    return tensors.response(tensors.text("text_output", b"".join(pieces), shape=(1, 1)))
