"""Text to token ids, one response per request."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from standin import byte_tokens, directive, tensors
from standin.records import Records


class TritonPythonModel:
    """What Triton's Python backend loads."""

    def initialize(self, args: dict[str, str]) -> None:
        self._records = Records(args["model_name"])

    def execute(self, requests: list[Any]) -> list[Any]:
        return [self._tokens(request) for request in requests]

    def _tokens(self, request: Any) -> Any:
        inputs = tensors.received(request)
        prompt = inputs["QUERY"][0]
        wish, _ = directive.parse(prompt)
        who = {"request_id": request.request_id(), "tag": wish.tag}
        self._records.write("request", inputs=inputs, parameters=request.parameters(), **who)
        time.sleep(wish.prepare_ms / 1000)
        ids = byte_tokens.encode(prompt)
        outputs = {
            "INPUT_ID": [ids],
            "REQUEST_INPUT_LEN": [[len(ids)]],
            "REQUEST_OUTPUT_LEN": [inputs["REQUEST_OUTPUT_LEN"]],
            "BAD_WORDS_IDS": [byte_tokens.word_list(inputs.get("BAD_WORDS_DICT", []))],
            "STOP_WORDS_IDS": [byte_tokens.word_list(inputs.get("STOP_WORDS_DICT", []))],
            "OUT_END_ID": [inputs.get("END_ID", [0])],
            "OUT_PAD_ID": [inputs.get("PAD_ID", [0])],
        }
        return tensors.response(*(tensors.number(name, value, np.int32) for name, value in outputs.items()))
