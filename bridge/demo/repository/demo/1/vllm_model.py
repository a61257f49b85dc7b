"""A Triton Python model with the vLLM backend's tensors, send order and refusals.

Rule: requests, responses, pace and cancellation; what a model answers is its subclass's. The models of this
repository share it: each adds this directory to its path.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import triton_python_backend_utils as pb_utils
from ngram_lm import parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ngram_lm.generation import Candidate, Generation, Step
    from ngram_lm.parameters import SamplingParameters

FINAL: Final = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL
REFUSAL: Final = "'NoneType' object has no attribute 'lora_name'"
"""All that the vLLM backend says about sampling parameters that vLLM does not take."""
CHECK_SECONDS: Final = 0.02
"""How often a waiting request looks whether its client is gone."""


class VllmModel:
    """What Triton's Python backend loads, all but the answers."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the configuration's parameters."""
        settings = json.loads(args["model_config"])["parameters"]
        self._delay = float(settings["token_delay_ms"]["string_value"]) / 1000
        self.max_model_len = int(settings["max_model_len"]["string_value"])

    def execute(self, requests: list[Any]) -> None:
        """Read the requests and answer each in a thread of its own."""
        for request in requests:
            answer = Answer(request, delay=self._delay)
            threading.Thread(target=answer.run, args=(self.generation,), daemon=True).start()

    def generation(self, prompt: str, sampling: Mapping[str, Any]) -> Generation:
        """Return the answer to a prompt; `sampling` is as sent.

        Raises:
            ValueError: what the client is told.
        """
        raise NotImplementedError


def checked(sampling: Mapping[str, Any], *, vocabulary: int) -> SamplingParameters:
    """Return the sampling parameters of a request.

    Raises:
        ValueError: one is unknown or wrong, in the words of the vLLM backend.
    """
    if "lora_name" in sampling:
        raise ValueError("LoRA feature is not enabled.")
    try:
        return parameters.parse(sampling, vocabulary=vocabulary)
    except ValueError as error:
        raise ValueError(REFUSAL) from error


class Answer:
    """One request being answered."""

    def __init__(self, request: Any, *, delay: float) -> None:
        """Read the inputs, which are gone once `execute` has returned.

        Raises:
            ValueError: the sampling parameters are no JSON object.
        """
        self._sender = request.get_response_sender()
        self._inputs = {tensor.name(): tensor.as_numpy().reshape(-1)[0] for tensor in request.inputs()}
        self._prompt: str = self._inputs["text_input"].decode()
        sampling = self._inputs.get("sampling_parameters")
        self._sampling = json.loads(request.parameters() if sampling is None else sampling)
        self._delay = delay
        self._next_at = time.monotonic() + delay
        self._cumulative_logprob = 0.0

    def run(self, generate: Callable[[str, Mapping[str, Any]], Generation]) -> None:
        """Generate and send the answer, or the error that came in its way."""
        try:
            self._check_flags()
            generation = generate(self._prompt, self._sampling)
            if self._flag("stream"):
                self._stream(generation)
            else:
                self._send_whole(generation)
        except Exception as error:  # noqa: BLE001 - a request must end, whatever happened to it
            self._send_error(f"Error generating stream: {error}", pb_utils.TritonError.INTERNAL)

    def _check_flags(self) -> None:
        if self._flag("stream") and not self._flag("exclude_input_in_output", absent=True):
            raise ValueError("When streaming, `exclude_input_in_output` = False is not allowed.")

    def _stream(self, generation: Generation) -> None:
        for step in generation.steps():
            response = self._response(generation, step.text, [step])
            self._sender.send(response, flags=FINAL if step.finish_reason else 0)
            if step.finish_reason is None and self._is_cancelled_meanwhile():
                return

    def _send_whole(self, generation: Generation) -> None:
        steps = []
        for step in generation.steps():
            steps.append(step)
            if step.finish_reason is None and self._is_cancelled_meanwhile():
                return
        text = b"".join(step.text for step in steps)
        if not self._flag("exclude_input_in_output"):
            text = self._prompt.encode() + text
        self._sender.send(self._response(generation, text, steps), flags=FINAL)

    def _is_cancelled_meanwhile(self) -> bool:
        """Wait until the next token is due; whether the client left, which ends the request."""
        while not self._sender.is_cancelled():
            left = self._next_at - time.monotonic()
            if left <= 0:
                self._next_at += self._delay
                return False
            time.sleep(min(left, CHECK_SECONDS))
        self._send_error("Request was cancelled", pb_utils.TritonError.CANCELLED)
        return True

    def _response(self, generation: Generation, text: bytes, steps: Sequence[Step]) -> Any:
        """Return a response of new text and the outputs that were asked for."""
        self._cumulative_logprob += sum(step.candidates[0].logprob for step in steps)
        reason = steps[-1].finish_reason or "None"
        tensors = [_text("text_output", text)]
        if self._flag("return_finish_reason"):
            tensors.append(_text("finish_reason", reason.encode()))
        if self._flag("return_cumulative_logprob"):
            tensors.append(_number("cumulative_logprob", [self._cumulative_logprob], np.float32))
        if self._flag("return_logprobs"):
            tensors.append(_text("logprobs", self._logprobs(steps)))
        if self._flag("return_num_input_tokens"):  # without a dimension, as vLLM's backend sends it
            tensors.append(_number("num_input_tokens", generation.num_input_tokens, np.uint32))
        if self._flag("return_num_output_tokens"):
            tensors.append(_number("num_output_tokens", [len(steps)], np.uint32))
        return pb_utils.InferenceResponse(output_tensors=tensors)

    def _logprobs(self, steps: Sequence[Step]) -> bytes:
        if "logprobs" not in self._sampling:
            return b"null"
        return json.dumps([dict(map(_described, step.candidates)) for step in steps]).encode()

    def _flag(self, name: str, *, absent: bool = False) -> bool:
        return bool(self._inputs.get(name, absent))

    def _send_error(self, message: str, code: int) -> None:
        error = pb_utils.TritonError(message, code)
        self._sender.send(pb_utils.InferenceResponse(error=error), flags=FINAL)


def _described(candidate: Candidate) -> tuple[str, dict[str, object]]:
    """Return a token's entry as vLLM writes it: under its id as text."""
    return str(candidate.token), {
        "logprob": candidate.logprob,
        "rank": candidate.rank,
        "decoded_token": candidate.text,
    }


def _text(name: str, value: bytes) -> Any:
    return pb_utils.Tensor(name, np.array([value], dtype=np.object_))


def _number(name: str, value: float | list[float], kind: type[np.generic]) -> Any:
    return pb_utils.Tensor(name, np.asarray(value, dtype=kind))
