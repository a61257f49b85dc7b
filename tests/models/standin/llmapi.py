"""TensorRT-LLM's model over its LLM API: every response has the whole text so far, and no token counts."""

from __future__ import annotations

import json
from typing import Any
from weakref import WeakValueDictionary

import triton_python_backend_utils as pb_utils
from standin import tensors
from standin.answer import FINAL, Answer
from standin.records import Records

DEFAULT_MAX_TOKENS = 32
NOT_DECOUPLED = "Error generating request: Streaming is only supported in decoupled mode."
STOPPED = "Request cancelled by client"


class Generation:
    """What one request asked for, and the outputs that follow from it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._inputs = answer.inputs
        self.stream = self._flag("streaming")
        self._is_cut = False

    def start(self) -> None:
        """Cut the answer to `sampling_param_max_tokens` and send it."""
        most = self._inputs.get("sampling_param_max_tokens", [DEFAULT_MAX_TOKENS])[0]
        self._is_cut = len(self._answer.pieces) > most
        del self._answer.pieces[most:]
        self._answer.start(self._outputs, stream=self.stream)

    def _outputs(self, first: int, pieces: list[bytes], is_last: bool) -> Any:
        whole = b"".join(self._answer.pieces[: first + len(pieces)])
        if not self._flag("sampling_param_exclude_input_from_output"):
            whole = self._inputs["text_input"][0].encode() + whole
        text = whole.decode(errors="replace")  # a character that is not yet whole ends as U+FFFD
        outputs = [tensors.text("text_output", text.encode())]
        if self._flag("return_finish_reason"):
            outputs.append(tensors.text("finish_reason", self._finish_reason(is_last).encode()))
        if self._flag("return_cumulative_logprob"):  # declared FP32, and yet sent as text
            outputs.append(tensors.text("cumulative_logprob", b"-0.25"))
        return tensors.response(*outputs)

    def _finish_reason(self, is_last: bool) -> str:
        if not is_last:
            return "None"
        return "length" if self._is_cut else self._answer.wish.finish

    def _flag(self, name: str) -> bool:
        return bool(self._inputs.get(name, [False])[0])


class LlmapiModel:
    """The model of both configurations, decoupled or not."""

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        self._decoupled = pb_utils.using_decoupled_model_transaction_policy(config)
        self._records = Records(args["model_name"])
        self._running: WeakValueDictionary[str, Answer] = WeakValueDictionary()

    def execute(self, requests: list[Any]) -> None:
        for request in requests:
            if tensors.received(request).get("stop", [False])[0]:
                self._stop(request)
                continue
            answer = Answer(self._records, request)
            self._running[request.request_id()] = answer
            generation = Generation(answer)
            if generation.stream and not self._decoupled:
                answer.fail(NOT_DECOUPLED)
            else:
                generation.start()

    def _stop(self, request: Any) -> None:
        if request.request_id() in self._running:
            self._running[request.request_id()].stop()
        request.get_response_sender().send(tensors.error(STOPPED), flags=FINAL)
