"""A stand-in with the vLLM backend's signature, send order and error texts, steered by the prompt."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from standin import tensors
from standin.answer import Answer
from standin.records import Records

SAMPLING_KEYS = frozenset(
    (
        *("presence_penalty", "frequency_penalty", "repetition_penalty"),
        *("temperature", "top_p", "top_k", "min_p", "seed"),
        *("stop", "stop_token_ids", "bad_words", "ignore_eos", "max_tokens", "min_tokens"),
        *("logprobs", "skip_special_tokens", "spaces_between_special_tokens", "include_stop_str_in_output"),
        *("structured_outputs", "guided_decoding", "allowed_token_ids", "logit_bias", "lora_name"),
    )
)
CONSTRAINTS = frozenset(("json", "json_object", "regex", "choice", "grammar", "structural_tag"))
CONSTRAINT_OPTIONS = frozenset(
    ("whitespace_pattern", "disable_any_whitespace", "disable_additional_properties")
)
DEFAULT_MAX_TOKENS = 16
# All that vLLM says about a wrong sampling key or value.
BAD_SAMPLING = "Error generating stream: 'NoneType' object has no attribute 'lora_name'"
PROMPT_IN_STREAM = (
    "Error generating stream: When streaming, `exclude_input_in_output` = False is not allowed."
)
LOGPROB = -0.25


class Generation:
    """What one request asked for, and the outputs that follow from it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._inputs = answer.inputs
        self.stream = self._flag("stream")
        self.sampling: dict[str, Any] = json.loads(self._inputs.get("sampling_parameters", ["{}"])[0])
        self._is_cut = False

    def refusal(self) -> str | None:
        """Return the error vLLM's backend would send instead of an answer."""
        if self.sampling.keys() - SAMPLING_KEYS or None in self.sampling.values():
            return BAD_SAMPLING
        if not all(map(self._understood, ("structured_outputs", "guided_decoding"))):
            return BAD_SAMPLING
        if self.stream and self._inputs.get("exclude_input_in_output") == [False]:
            return PROMPT_IN_STREAM
        return None

    def _understood(self, key: str) -> bool:
        """Tell whether the JSON text of a constraint, if there is one, makes vLLM's parameters."""
        if key not in self.sampling:
            return True
        members = json.loads(self.sampling[key])
        return len(CONSTRAINTS & members.keys()) == 1 and members.keys() <= CONSTRAINTS | CONSTRAINT_OPTIONS

    def start(self) -> None:
        """Cut the answer to `max_tokens` and send it."""
        most = self.sampling.get("max_tokens", DEFAULT_MAX_TOKENS)
        self._is_cut = len(self._answer.pieces) > most
        del self._answer.pieces[most:]
        self._answer.start(self._outputs, stream=self.stream)

    def _outputs(self, first: int, pieces: list[bytes], is_last: bool) -> Any:
        text = b"".join(pieces)
        if not self.stream and not self._flag("exclude_input_in_output"):
            text = self._inputs["text_input"][0].encode() + text
        outputs = [tensors.text("text_output", text)]
        if self._flag("return_finish_reason"):
            outputs.append(tensors.text("finish_reason", self._finish_reason(is_last).encode()))
        if self._flag("return_cumulative_logprob"):
            total = LOGPROB * (first + len(pieces))
            outputs.append(tensors.number("cumulative_logprob", [total], np.float32))
        if self._flag("return_logprobs"):
            outputs.append(tensors.text("logprobs", self._logprobs(first, pieces).encode()))
        if self._flag("return_num_input_tokens"):
            outputs.append(tensors.number("num_input_tokens", self._num_input_tokens(), np.uint32))
        if self._flag("return_num_output_tokens"):
            outputs.append(tensors.number("num_output_tokens", [len(pieces)], np.uint32))
        return tensors.response(*outputs)

    def _finish_reason(self, is_last: bool) -> str:
        if not is_last:
            return "None"
        return "length" if self._is_cut else self._answer.wish.finish

    def _num_input_tokens(self) -> int:
        claimed = self._answer.wish.input_tokens
        return len(self._answer.prompt.split()) if claimed is None else claimed

    def _logprobs(self, first: int, pieces: list[bytes]) -> str:
        """Return the sampled token and the alternatives asked for, per piece; the sampled one has rank 1."""
        wanted = self.sampling.get("logprobs")
        if wanted is None:
            return "null"
        steps = []
        for index, piece in enumerate(pieces, start=first):
            tokens = [piece.decode(errors="replace"), *(f"other{rank}" for rank in range(2, wanted + 1))]
            steps.append(
                {
                    str(1000 * rank + index): {
                        "logprob": LOGPROB * rank,
                        "rank": rank,
                        "decoded_token": token,
                    }
                    for rank, token in enumerate(tokens, start=1)
                }
            )
        return json.dumps(steps)

    def _flag(self, name: str) -> bool:
        return bool(self._inputs.get(name, [False])[0])


class TritonPythonModel:
    """What Triton's Python backend loads."""

    def initialize(self, args: dict[str, str]) -> None:
        self._records = Records(args["model_name"])

    def execute(self, requests: list[Any]) -> None:
        for request in requests:
            answer = Answer(self._records, request)
            generation = Generation(answer)
            refusal = generation.refusal()
            if refusal is not None:
                answer.fail(refusal)
            else:
                generation.start()
