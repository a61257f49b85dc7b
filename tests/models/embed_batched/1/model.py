"""An embedding model that takes batches and answers each with one tensor of half precision."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from standin import tensors
from standin.answer import Answer
from standin.records import Records
from standin.vectors import token_count, vector


class TritonPythonModel:
    """What Triton's Python backend loads."""

    def initialize(self, args: dict[str, str]) -> None:
        self._records = Records(args["model_name"])

    def execute(self, requests: list[Any]) -> None:
        for request in requests:
            answer = Answer(self._records, request, final="separate")
            answer.start(partial(_outputs, answer.inputs), stream=False)


def _outputs(inputs: dict[str, list[Any]], _first: int, _pieces: list[bytes], _is_last: bool) -> Any:
    texts = inputs["text_input"]
    outputs = [tensors.number("vector", [vector(text) for text in texts], np.float16)]
    if all(inputs.get("return_num_input_tokens", [False])):
        counts = [[token_count(text)] for text in texts]
        outputs.append(tensors.number("num_input_tokens", counts, np.int32))
    return tensors.response(*outputs)
