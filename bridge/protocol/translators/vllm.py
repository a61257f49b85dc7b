"""The tensors of Triton's vLLM backend, and of Python models that have the same signature.

Source: `src/utils/request.py` and `src/model.py` of triton-inference-server/vllm_backend. Sampling
parameters travel as one JSON text; text comes as deltas; each `return_*` input switches an output on.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.errors import BridgeError, Reason
from bridge.protocol.constraints import FIELDS, check_carried
from bridge.protocol.generation import Alternative, Generation, Piece, Token
from bridge.protocol.images import image_input, image_inputs
from bridge.protocol.request_fields import FORWARD_NEUTRAL, refusal
from bridge.protocol.text_mode import text_decoder
from bridge.protocol.translators.outputs import count, finish_reason, joined_bytes, number, outputs
from bridge.protocol.translators.typed_inputs import REFUSED, Overrides
from bridge.protocol.translators.vllm_constraints import CONSTRAINTS, constraint_key, constraint_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bridge.protocol.generation import FinishReason
    from bridge.protocol.kserve import ModelInferRequest, ModelInferResponse
    from bridge.protocol.signature import Signature
    from bridge.protocol.tensors import Scalar
    from bridge.protocol.text_mode import TextMode

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

LEAST_LOGPROB: Final = -9999.0
"""OpenAI's number for "very unlikely"; JSON has no minus infinity."""

_TOKEN_IDS_AS_TEXT: Final = orjson.OPT_NON_STR_KEYS
"""The keys of `logit_bias`."""


class VllmTranslator:
    """Builds requests for one model and reads its responses."""

    family = "vllm"
    cuts_stop_strings = True
    adds_special_tokens = True
    why: Mapping[str, str] = MappingProxyType({})

    def __init__(self, signature: Signature, overrides: Overrides = Overrides()) -> None:  # noqa: B008 - frozen
        """Find the model's flags; only the text mode can differ, for models that look like vLLM's."""
        self._signature = signature
        self._text_mode: TextMode = overrides.text_mode or "delta"
        self._flags = tuple(name for name in FLAGS if name in signature.inputs)
        self._outputs = ("text_output", *(FLAGS[name] for name in self._flags))
        self._constraint_key = constraint_key(signature, overrides.guided_decoding)
        self.constraints: Collection[str] = CONSTRAINTS if self._constraint_key else frozenset()
        self.takes_images = image_input(signature) is not None
        self.ranks = "return_cumulative_logprob" in signature.inputs

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
            "sampling_parameters": (orjson.dumps(self._sampling(generation), option=_TOKEN_IDS_AS_TEXT),),
        }
        flags = dict.fromkeys(self._flags, (True,))
        # The prompt would be put in front of the text of a plain answer, and never streams.
        flags |= {"stream": (self._signature.decoupled,), "exclude_input_in_output": (True,)}
        wanted = self._outputs
        for asked, flag, output in (
            (generation.logprobs is not None, "return_logprobs", "logprobs"),
            (generation.cumulative_logprob, "return_cumulative_logprob", "cumulative_logprob"),
        ):
            if asked:
                flags[flag] = (True,)
                wanted = (*wanted, output)
        values |= {name: value for name, value in flags.items() if name in self._signature.inputs}
        values |= image_inputs(self._signature, generation.images, generation.image_references)
        return self._signature.request(
            values, request_id=generation.request_id, outputs=wanted, parameters=generation.parameters
        )

    def _sampling(self, generation: Generation) -> dict[str, Any]:
        """Return the keys of `sampling_parameters`, never null, never unknown."""
        model = self._signature.name
        keys: dict[str, Any] = {"max_tokens": generation.max_tokens}
        for name, value in generation.sampling.items():
            if self._carries(name):
                keys[name] = value
            elif value not in FORWARD_NEUTRAL.get(name, ()):
                raise refusal(name, model)
        if keys.get("top_p") == 0:
            keys["top_p"] = 1e-6  # vLLM refuses 0, which OpenAI allows: the likeliest token alone
        if generation.logprobs is not None:
            if "return_logprobs" not in self._signature.inputs:
                raise refusal("logprobs", model)
            keys["logprobs"] = generation.logprobs
        if generation.constraint is not None:
            check_carried(generation.constraint, self.constraints, model)
            keys[self._constraint_key] = constraint_text(generation.constraint)
        if generation.lora is not None:
            keys["lora_name"] = generation.lora
        return keys

    def _carries(self, name: str) -> bool:
        """Tell whether a field may become a key."""
        # JSON makes the token ids of logit_bias text, and the real backend does not turn them back.
        return name in SAMPLING_KEYS or (name == "logit_bias" and self._signature.backend != "vllm")

    def reader(self, generation: Generation) -> VllmReader:
        """See `Translator.reader`."""
        return VllmReader(generation, self._text_mode)

    def stop(self, request_id: str) -> None:
        """See `Translator.stop`: a cancel reaches this backend."""

    def carriers(self) -> Mapping[str, str]:
        """See `Translator.carriers`."""
        keys = {name: self._carries(name) for name in FORWARD_NEUTRAL}
        keys = {"max_tokens": True, **keys, "logprobs": "return_logprobs" in self._signature.inputs}
        found = {name: f"sampling_parameters.{name}" if yes else REFUSED for name, yes in keys.items()}
        key = self._constraint_key
        return found | dict.fromkeys(FIELDS, f"sampling_parameters.{key}" if key else REFUSED)


class VllmReader:
    """Reads the deltas of one generation."""

    def __init__(self, generation: Generation, text_mode: TextMode = "delta") -> None:
        self.limit: int | None = generation.max_tokens
        self._top = generation.logprobs
        self._text = text_decoder(text_mode)
        self._finish: FinishReason | None = None

    def feed(self, response: ModelInferResponse) -> Piece:
        """See `Reader.feed`."""
        found = outputs(response)
        word = joined_bytes("finish_reason", found.get("finish_reason"))
        self._finish = finish_reason(word) or self._finish
        tokens = () if self._top is None else _tokens(found, self._top)
        return Piece(
            text=self._text.feed(joined_bytes("text_output", found.get("text_output"))),
            tokens=tokens,
            prompt_tokens=count(found.get("num_input_tokens")),
            completion_tokens=count(found.get("num_output_tokens")),
            cumulative_logprob=number(found.get("cumulative_logprob")),
        )

    def again(self, text: bytes) -> str:
        """See `Reader.again`."""
        return self._text.feed(text)

    def finish(self) -> Piece:
        """See `Reader.finish`."""
        return Piece(text=self._text.finish(), finish_reason=self._finish)


def _tokens(found: Mapping[str, tuple[str, bytes]], top: int) -> tuple[Token, ...]:
    """Read the `logprobs` output: a JSON list with a dict per new token, or null.

    A dict holds the sampled token first, whatever its rank, then the best ones; up to top + 1 in all.
    """
    raw = joined_bytes("logprobs", found.get("logprobs"))
    try:
        # Not orjson: the backend writes minus infinity as Python's json does.
        entries: list[dict[str, Any]] = (json.loads(raw) if raw else None) or []
        return tuple(_token(entry, top) for entry in entries if entry)
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise BridgeError(Reason.BACKEND_CONTRACT, "the model sent malformed log probabilities") from exc


def _token(candidates: dict[str, dict[str, Any]], top: int) -> Token:
    alternatives = [
        Alternative(str(item.get("decoded_token") or ""), _finite(float(item["logprob"])), int(number))
        for number, item in candidates.items()
    ]
    best = sorted(alternatives, key=lambda item: item.logprob, reverse=True)[:top]
    chosen = alternatives[0]
    return Token(chosen.text, chosen.logprob, chosen.id, tuple(best))


def _finite(logprob: float) -> float:
    return max(LEAST_LOGPROB, logprob)  # in this order: NaN is not greater, so it becomes the least
