"""The engine: generates token ids for the models around it, stops another request by its id."""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from standin import byte_tokens, tensors
from standin.answer import FINAL, Answer
from standin.records import Records

NO_ID = "A request id must be provided for request cancellation"
GUIDE_TYPES = ("json", "json_schema", "regex", "ebnf_grammar")
BAD_INPUT = "An error occurred when processing the input values for request id {}, the error was '{}'"


class Generation:
    """What one request asked for, and the outputs that follow from it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._inputs = answer.inputs
        self._stream = self._flag("streaming")
        self._limit = self._inputs["request_output_len"][0]

    def start(self, request_id: str) -> None:
        """Cut the answer at `request_output_len` tokens or after the first stop word, and send it."""
        if self._limit < 1:
            self._answer.fail(BAD_INPUT.format(request_id, "maxNewTokens must be positive"))
            return
        if (guide := self._inputs.get("guided_decoding_guide_type", ["json"])[0]) not in GUIDE_TYPES:
            self._answer.fail(BAD_INPUT.format(request_id, f"unknown guide type {guide}"))
            return
        whole = b"".join(self._answer.pieces)
        ends = [whole.find(word) + len(word) for word in self._words("stop_words_list") if word in whole]
        keep = min([self._limit, *ends])
        for at, piece in enumerate(self._answer.pieces):
            self._answer.pieces[at] = piece[:keep]
            keep -= len(self._answer.pieces[at])
        while self._answer.pieces and not self._answer.pieces[-1]:
            self._answer.pieces.pop()
        self._answer.start(self._outputs, stream=self._stream)

    def _outputs(self, _first: int, pieces: list[bytes], _is_last: bool) -> Any:
        ids = list(b"".join(pieces))
        if not self._stream and not self._flag("exclude_input_in_output"):
            ids = self._inputs["input_ids"] + ids
        outputs = [
            tensors.number("output_ids", [[ids]], np.int32),
            tensors.number("sequence_length", [[len(ids)]], np.int32),
        ]
        if self._flag("return_num_input_tokens"):
            count = self._inputs["input_lengths"]
            outputs.append(tensors.number("num_input_tokens", [count], np.int32))
        if self._flag("return_num_output_tokens"):
            outputs.append(tensors.number("num_output_tokens", [[len(ids)]], np.int32))
        return tensors.response(*outputs)

    def _words(self, name: str) -> list[bytes]:
        return [] if self._answer.wish.miss_stops else byte_tokens.words(self._inputs.get(name, []))

    def _flag(self, name: str) -> bool:
        return bool(self._inputs.get(name, [False])[0])


class TritonPythonModel:
    """What Triton's Python backend loads."""

    def initialize(self, args: dict[str, str]) -> None:
        self._records = Records(args["model_name"])
        self._running: WeakValueDictionary[str, Answer] = WeakValueDictionary()

    def execute(self, requests: list[Any]) -> None:
        for request in requests:
            inputs = tensors.received(request)
            if inputs.get("stop", [False])[0]:
                self._stop(request)
            else:
                prompt = bytes(inputs["input_ids"]).decode()
                answer = Answer(self._records, request, prompt=prompt)
                self._running[request.request_id()] = answer
                Generation(answer).start(request.request_id())

    def _stop(self, request: Any) -> None:
        sender, request_id = request.get_response_sender(), request.request_id()
        if not request_id:
            sender.send(tensors.error(NO_ID), flags=FINAL)
            return
        if request_id in self._running:
            self._running[request_id].stop()
        sender.send(tensors.response(), flags=FINAL)
