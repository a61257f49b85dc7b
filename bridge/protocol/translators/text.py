"""Plain models: a text tensor in, a text tensor out, and whatever sampling inputs they declare.

Inputs and outputs are known by name. A model that declares none of the names for a field cannot
carry it, and a request that sets the field is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP

from bridge.protocol.generation import Generation, Piece
from bridge.protocol.request_fields import FORWARD_NEUTRAL, refusal
from bridge.protocol.tensors import Utf8
from bridge.protocol.translators.outputs import count, finish_reason, joined_bytes, outputs

if TYPE_CHECKING:
    from bridge.protocol.generation import FinishReason
    from bridge.protocol.kserve import ModelInferRequest, ModelInferResponse
    from bridge.protocol.signature import Signature
    from bridge.protocol.tensors import Scalar

PROMPT: Final = ("text_input", "prompt", "PROMPT")
ANSWER: Final = ("text_output", "generated_text", "OUTPUT")
STREAM: Final = ("stream", "streaming")
MAX_TOKENS: Final = ("max_tokens", "request_output_len")
EXCLUDE_PROMPT: Final = ("exclude_input_in_output", "sampling_param_exclude_input_from_output")
FLAGS: Final = {
    "return_finish_reason": "finish_reason",
    "return_num_input_tokens": "num_input_tokens",
    "return_num_output_tokens": "num_output_tokens",
}
INPUTS: Final[dict[str, tuple[str, ...]]] = {
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "top_k": ("top_k",),
    "min_p": ("min_p",),
    "presence_penalty": ("presence_penalty",),
    "frequency_penalty": ("frequency_penalty",),
    "repetition_penalty": ("repetition_penalty",),
    "seed": ("seed", "random_seed"),
    "stop": ("stop_words", "stop"),
    "bad_words": ("bad_words",),
    "min_tokens": ("min_tokens", "min_length"),
    "ignore_eos": ("ignore_eos",),
}
"""Field of class F -> the input names that carry it, the first declared one wins."""


class TextTranslator:
    """Builds requests for one model and reads its responses."""

    family = "text"

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._answer = _first(ANSWER, signature.outputs) or ANSWER[0]
        self._max_tokens = _first(MAX_TOKENS, signature.inputs)
        self._flags = tuple(name for name in FLAGS if name in signature.inputs)
        self._outputs = (self._answer, *FLAGS.values())

    @staticmethod
    def fits(signature: Signature) -> bool:
        """Tell whether a model has this layout: a prompt and an answer, both text."""
        prompt, answer = _first(PROMPT, signature.inputs), _first(ANSWER, signature.outputs)
        return bool(
            prompt
            and answer
            and signature.inputs[prompt].datatype == "BYTES"
            and signature.outputs[answer].datatype == "BYTES"
        )

    def request(self, generation: Generation) -> ModelInferRequest:
        """See `Translator.request`."""
        inputs = self._signature.inputs
        values: dict[str, tuple[Scalar, ...]] = {
            _first(PROMPT, inputs) or PROMPT[0]: (generation.prompt,),
            **dict.fromkeys(self._flags, (True,)),
        }
        if self._max_tokens:
            values[self._max_tokens] = (generation.max_tokens,)
        elif generation.max_tokens_param:
            raise refusal(generation.max_tokens_param, self._signature.name)
        if generation.logprobs is not None:
            raise refusal("logprobs", self._signature.name)
        if stream := _first(STREAM, inputs):
            values[stream] = (self._signature.decoupled,)
        if exclude := _first(EXCLUDE_PROMPT, inputs):
            values[exclude] = (True,)
        values |= self._sampling(generation)
        return self._signature.request(values, request_id=generation.request_id, outputs=self._outputs)

    def _sampling(self, generation: Generation) -> dict[str, tuple[Scalar, ...]]:
        values: dict[str, tuple[Scalar, ...]] = {}
        for name, value in generation.sampling.items():
            if tensor := _first(INPUTS.get(name, ()), self._signature.inputs):
                values[tensor] = tuple(value) if isinstance(value, list) else (value,)
            elif value not in FORWARD_NEUTRAL.get(name, ()):
                raise refusal(name, self._signature.name)
        return values

    def reader(self, generation: Generation) -> TextReader:
        """See `Translator.reader`."""
        return TextReader(generation, self._answer)


class TextReader:
    """Reads the deltas of one generation; infers the finish reason where the model gives none."""

    def __init__(self, generation: Generation, answer: str) -> None:
        self._limit = generation.max_tokens
        self._answer = answer
        self._utf8 = Utf8()
        self._said: FinishReason = FINISH_REASON_STOP
        self._tokens = 0

    def feed(self, response: ModelInferResponse) -> Piece:
        """See `Reader.feed`."""
        found = outputs(response)
        generated = count(found.get("num_output_tokens"))
        self._tokens += generated or 0
        self._said = finish_reason(joined_bytes("finish_reason", found.get("finish_reason"))) or self._said
        return Piece(
            text=self._utf8.feed(joined_bytes(self._answer, found.get(self._answer))),
            prompt_tokens=count(found.get("num_input_tokens")),
            completion_tokens=generated,
        )

    def finish(self) -> Piece:
        """See `Reader.finish`."""
        cut = self._said == FINISH_REASON_STOP and 0 < self._limit <= self._tokens
        return Piece(text=self._utf8.finish(), finish_reason=FINISH_REASON_LENGTH if cut else self._said)


def _first(names: tuple[str, ...], declared: object) -> str | None:
    return next((name for name in names if name in declared), None)  # type: ignore[operator]
