"""Plain models: a text tensor in, a text tensor out, and whatever sampling inputs they declare.

Inputs and outputs are known by name. A model that declares none of the names for a field cannot
carry it, and a request that sets the field is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.protocol.translators import tensorrt
from bridge.protocol.translators.text_reader import TextReader
from bridge.protocol.translators.typed_inputs import Layout, Names, TypedTranslator, first

if TYPE_CHECKING:
    from bridge.protocol.signature import Signature
    from bridge.protocol.text_mode import TextMode

__all__ = ["INPUTS", "TextReader", "TextTranslator"]

INPUTS: Final[dict[str, Names]] = {
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


class TextTranslator(TypedTranslator):
    """Builds requests for one model and reads its responses."""

    family = "text"
    layout = Layout(
        prompt=("text_input", "prompt", "PROMPT"),
        answer=("text_output", "generated_text", "OUTPUT"),
        stream=("stream", "streaming"),
        max_tokens=("max_tokens", "request_output_len"),
        exclude_prompt=("exclude_input_in_output", "sampling_param_exclude_input_from_output"),
        flags={
            "return_finish_reason": "finish_reason",
            "return_num_input_tokens": "num_input_tokens",
            "return_num_output_tokens": "num_output_tokens",
        },
        fields=INPUTS,
    )

    @classmethod
    def fits(cls, signature: Signature) -> bool:
        """Tell whether a model has this layout: a prompt and an answer, both text."""
        prompt = first(cls.layout.prompt, signature.inputs)
        answer = first(cls.layout.answer, signature.outputs)
        return bool(
            prompt
            and answer
            and signature.inputs[prompt].datatype == "BYTES"
            and signature.outputs[answer].datatype == "BYTES"
        )

    @staticmethod
    def usual_text_mode(signature: Signature) -> TextMode:
        """See `TypedTranslator.usual_text_mode`: this layout may be named for TensorRT-LLM's models too."""
        repeats = tensorrt.accumulates(signature) or tensorrt.is_llmapi(signature)
        return "cumulative" if repeats else "delta"
