"""TensorRT-LLM's `ensemble` and `tensorrt_llm_bls`: one input per parameter, text by responses.

Source: `triton_backend/all_models/inflight_batcher_llm` of TensorRT-LLM. There is no finish reason: it is
inferred from the token counts. Stop strings end the generation and stay in the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.protocol.translators import tensorrt
from bridge.protocol.translators.typed_inputs import Layout

if TYPE_CHECKING:
    from bridge.protocol.signature import Signature
    from bridge.protocol.text_mode import TextMode


class TrtllmTranslator(tensorrt.TensorRtTranslator):
    """Builds requests for one model and reads its responses."""

    family = "trtllm"
    layout = Layout(
        prompt=("text_input",),
        answer=("text_output",),
        stream=("stream",),
        max_tokens=("max_tokens",),
        exclude_prompt=("exclude_input_in_output",),
        flags={
            "return_num_input_tokens": "num_input_tokens",
            "return_num_output_tokens": "num_output_tokens",
        },
        fields={
            "temperature": ("temperature",),
            "top_p": ("top_p",),
            "top_k": ("top_k",),
            "presence_penalty": ("presence_penalty",),
            "frequency_penalty": ("frequency_penalty",),
            "repetition_penalty": ("repetition_penalty",),
            "seed": ("seed", "random_seed"),
            "stop": ("stop_words",),
            "bad_words": ("bad_words",),
            "min_tokens": ("min_tokens", "min_length"),
        },
        cumulative_logprob=(("return_log_probs",), "cum_log_probs"),
        why={
            "logprobs": "it gives the values of the chosen tokens only, without the tokens",
            "logit_bias": "its engine takes words, not token ids",
        },
    )

    @staticmethod
    def fits(signature: Signature) -> bool:
        """Tell whether a model has this layout: an ensemble by its platform, a script by its parameters."""
        if not {"text_input", "max_tokens"} <= signature.inputs.keys():
            return False
        script = {"tensorrt_llm_model_name", "accumulate_tokens"} & signature.parameters.keys()
        return signature.platform == "ensemble" or (signature.backend == "python" and bool(script))

    @staticmethod
    def usual_text_mode(signature: Signature) -> TextMode:
        """See `TypedTranslator.usual_text_mode`."""
        return "cumulative" if tensorrt.accumulates(signature) else "delta"
