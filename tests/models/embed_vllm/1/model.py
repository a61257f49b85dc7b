"""A stand-in for an embedding model of the vLLM backend: a JSON text in, a JSON text out."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import numpy as np
from standin import tensors
from standin.answer import Answer
from standin.records import Records
from standin.vectors import LENGTH, token_count, vector


class TritonPythonModel:
    """What Triton's Python backend loads."""

    def initialize(self, args: dict[str, str]) -> None:
        self._records = Records(args["model_name"])

    def execute(self, requests: list[Any]) -> None:
        for request in requests:
            inputs = tensors.received(request)
            if "embedding_request" not in inputs:
                Answer(self._records, request).fail("Model embed_vllm does not support 'generate' request")
                continue
            asked = json.loads(inputs["embedding_request"][0])
            given = asked["input"]
            answer = Answer(self._records, request, prompt=given if isinstance(given, str) else "")
            # As in the real backend: only `dimensions` is read, and only as a list.
            length = asked["pooling_params"].get("dimensions", [LENGTH])[0]
            if answer.wish.text is None:
                answer.pieces = [json.dumps(vector(given, length)).encode()]
            answer.start(partial(_outputs, inputs, given), stream=False)


def _outputs(inputs: dict[str, list[Any]], given: Any, _first: int, pieces: list[bytes], _: bool) -> Any:
    outputs = [tensors.text("text_output", b"".join(pieces))]
    if inputs.get("return_num_input_tokens") == [True]:
        outputs.append(tensors.number("num_input_tokens", token_count(given), np.uint32))
    if inputs.get("return_num_output_tokens") == [True]:
        outputs.append(tensors.number("num_output_tokens", 0, np.uint32))
    return tensors.response(*outputs)
