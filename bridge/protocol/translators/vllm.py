"""The tensors of Triton's vLLM backend, and of Python models that have the same signature.

Source: `src/utils/request.py` and `src/model.py` of triton-inference-server/vllm_backend. Sampling
parameters travel as one JSON text; text comes as deltas; each `return_*` input switches an output on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.errors import BridgeError, Reason
from bridge.protocol.generation import Alternative, Generation, Piece, Token
from bridge.protocol.request_fields import FORWARD_NEUTRAL, refusal
from bridge.protocol.tensors import Utf8
from bridge.protocol.translators.outputs import count, finish_reason, joined_bytes, outputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.protocol.kserve import ModelInferRequest, ModelInferResponse
    from bridge.protocol.signature import Signature
    from bridge.protocol.tensors import Scalar

SAMPLING_KEYS: Final = frozenset({
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "seed",
    "stop",
    "stop_token_ids",
    "bad_words",
    "ignore_eos",
    "min_tokens",
    "include_stop_str_in_output",
    "skip_special_tokens",
    "spaces_between_special_tokens",
    "allowed_token_ids",
})  # fmt: skip
"""Fields that become a key of `sampling_parameters` under their own name.

One unknown key makes the backend refuse the whole request with an unrelated text, hence a list.
"""

FLAGS: Final = {
    "return_finish_reason": "finish_reason",
    "return_num_input_tokens": "num_input_tokens",
    "return_num_output_tokens": "num_output_tokens",
}
"""Inputs that are always true where they are declared -> the output each one switches on."""


class VllmTranslator:
    """Builds requests for one model and reads its responses."""

    family = "vllm"

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._flags = tuple(name for name in FLAGS if name in signature.inputs)
        self._outputs = ("text_output", *(FLAGS[name] for name in self._flags))

    @staticmethod
    def fits(signature: Signature) -> bool:
        """Tell whether a model has this layout."""
        return signature.backend == "vllm" or {"text_input", "stream", "sampling_parameters"} <= set(
            signature.inputs
        )

    def request(self, generation: Generation) -> ModelInferRequest:
        """See `Translator.request`."""
        values: dict[str, tuple[Scalar, ...]] = {
            "text_input": (generation.prompt,),
            "sampling_parameters": (orjson.dumps(self._sampling(generation)),),
        }
        flags = dict.fromkeys(self._flags, (True,))
        # The prompt would be put in front of the text of a plain answer, and never streams.
        flags |= {"stream": (self._signature.decoupled,), "exclude_input_in_output": (True,)}
        if generation.logprobs is not None:
            flags["return_logprobs"] = (True,)
        values |= {name: value for name, value in flags.items() if name in self._signature.inputs}
        wanted = self._outputs if generation.logprobs is None else (*self._outputs, "logprobs")
        return self._signature.request(values, request_id=generation.request_id, outputs=wanted)

    def _sampling(self, generation: Generation) -> dict[str, Any]:
        """Return the keys of `sampling_parameters`, never null, never unknown."""
        model = self._signature.name
        keys: dict[str, Any] = {"max_tokens": generation.max_tokens}
        for name, value in generation.sampling.items():
            if name in SAMPLING_KEYS or (name == "logit_bias" and self._takes_logit_bias()):
                keys[name] = value
            elif value not in FORWARD_NEUTRAL.get(name, ()):
                raise refusal(name, model)
        if keys.get("top_p") == 0:
            keys["top_p"] = 1e-6  # vLLM refuses 0, which OpenAI allows: the likeliest token alone
        if generation.logprobs is not None:
            if "return_logprobs" not in self._signature.inputs:
                raise refusal("logprobs", model)
            keys["logprobs"] = generation.logprobs
        return keys

    def _takes_logit_bias(self) -> bool:
        """JSON makes the token ids text, and the real backend does not turn them back."""
        return self._signature.backend != "vllm"

    def reader(self, generation: Generation) -> VllmReader:
        """See `Translator.reader`."""
        return VllmReader(generation)


class VllmReader:
    """Reads the deltas of one generation."""

    def __init__(self, generation: Generation) -> None:
        self._top = generation.logprobs
        self._utf8 = Utf8()
        self._finish: Any = None

    def feed(self, response: ModelInferResponse) -> Piece:
        """See `Reader.feed`."""
        found = outputs(response)
        word = joined_bytes("finish_reason", found.get("finish_reason"))
        self._finish = finish_reason(word) or self._finish
        tokens = () if self._top is None else _tokens(found, self._top)
        return Piece(
            text=self._utf8.feed(joined_bytes("text_output", found.get("text_output"))),
            tokens=tokens,
            prompt_tokens=count(found.get("num_input_tokens")),
            completion_tokens=count(found.get("num_output_tokens")),
        )

    def finish(self) -> Piece:
        """See `Reader.finish`."""
        return Piece(text=self._utf8.finish(), finish_reason=self._finish)


def _tokens(found: Mapping[str, tuple[str, bytes]], top: int) -> tuple[Token, ...]:
    """Read the `logprobs` output: a JSON list with a dict per new token, or null.

    A dict holds the sampled token first, whatever its rank, then the best ones; up to top + 1 in all.
    """
    raw = joined_bytes("logprobs", found.get("logprobs"))
    try:
        entries: list[dict[str, Any]] = (orjson.loads(raw) if raw else None) or []
        return tuple(_token(list(entry.values()), top) for entry in entries if entry)
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as exc:
        raise BridgeError(Reason.BACKEND_CONTRACT, "the model sent malformed log probabilities") from exc


def _token(candidates: list[dict[str, Any]], top: int) -> Token:
    alternatives = [
        Alternative(str(item.get("decoded_token") or ""), max(float(item["logprob"]), LEAST_LOGPROB))
        for item in candidates
    ]
    best = sorted(alternatives, key=lambda item: item.logprob, reverse=True)[:top]
    return Token(alternatives[0].text, alternatives[0].logprob, tuple(best))


LEAST_LOGPROB: Final = -9999.0
"""OpenAI's number for "very unlikely"; JSON has no minus infinity."""
