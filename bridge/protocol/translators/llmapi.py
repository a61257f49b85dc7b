"""TensorRT-LLM's model over its LLM API: `sampling_param_*` inputs, all of the text in every response.

Source: `triton_backend/all_models/llmapi/tensorrt_llm` of TensorRT-LLM. It tells the finish reason and counts
no tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.protocol.translators import tensorrt
from bridge.protocol.translators.typed_inputs import Layout

if TYPE_CHECKING:
    from bridge.protocol.signature import Signature
    from bridge.protocol.text_mode import TextMode


class LlmapiTranslator(tensorrt.TensorRtTranslator):
    """Builds requests for one model and reads its responses."""

    family = "llmapi"
    layout = Layout(
        prompt=("text_input",),
        answer=("text_output",),
        stream=("streaming",),
        max_tokens=("sampling_param_max_tokens",),
        exclude_prompt=("sampling_param_exclude_input_from_output",),
        flags={"return_finish_reason": "finish_reason", "return_stop_reason": "stop_reason"},
        cumulative_logprob=(("return_cumulative_logprob",), "cumulative_logprob"),
        fields={
            "temperature": ("sampling_param_temperature",),
            "top_p": ("sampling_param_top_p",),
            "top_k": ("sampling_param_top_k",),
            "presence_penalty": ("sampling_param_presence_penalty",),
            "frequency_penalty": ("sampling_param_frequency_penalty",),
            "seed": ("sampling_param_seed",),
            "stop": ("sampling_param_stop",),
        },
        why={"logprobs": "it gives their sum only"},
    )

    @staticmethod
    def fits(signature: Signature) -> bool:
        """Tell whether a model has this layout."""
        return {"text_input", "streaming"} <= signature.inputs.keys() and tensorrt.is_llmapi(signature)

    @staticmethod
    def usual_text_mode(signature: Signature) -> TextMode:  # noqa: ARG004 - the same for all
        """See `TypedTranslator.usual_text_mode`."""
        return "cumulative"
