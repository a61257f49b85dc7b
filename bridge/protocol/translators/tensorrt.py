"""What the two families of TensorRT-LLM have in common: how they mark themselves and word sampling values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.protocol.translators.typed_inputs import TypedTranslator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.protocol.generation import Generation
    from bridge.protocol.signature import Signature

LEAST_TOP_P: Final = 1e-6
"""The likeliest token alone: 0, which OpenAI allows, means to the engine that nothing was set."""

_TRUE: Final = frozenset({"true", "yes", "1", "t"})


def is_llmapi(signature: Signature) -> bool:
    """Tell the models over the LLM API by their inputs."""
    return any(name.startswith("sampling_param_") for name in signature.inputs)


def accumulates(signature: Signature) -> bool:
    """Tell whether a business logic script repeats its text; an unfilled `${...}` of the template is no."""
    return signature.parameters.get("accumulate_tokens", "").lower() in _TRUE


class TensorRtTranslator(TypedTranslator):
    """A translator that words sampling values as TensorRT-LLM's engines take them."""

    def asked(self, generation: Generation) -> Mapping[str, Any]:
        """See `TypedTranslator.asked`."""
        asked = dict(generation.sampling)
        if asked.get("top_k") == -1:
            asked["top_k"] = 0  # no limit; the engine refuses negative numbers
        if asked.get("top_p") == 0:
            asked["top_p"] = LEAST_TOP_P
        if asked.get("temperature") == 0 and self._carrier("top_k"):
            # Some engines ignore a temperature that comes alone, others refuse 0: this is greedy in all.
            del asked["temperature"]
            asked["top_k"] = 1
        return asked
