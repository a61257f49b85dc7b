"""TensorRT-LLM's `ensemble` and `tensorrt_llm_bls`: one input per parameter, text by responses.

Source: `triton_backend/all_models/inflight_batcher_llm` of TensorRT-LLM. There is no finish reason: it is
inferred from the token counts. Stop strings end the generation and stay in the text. Constraints are
read by xgrammar, if the engine was set up with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.protocol.constraints import ANY_OBJECT, FIELDS
from bridge.protocol.translators import tensorrt
from bridge.protocol.translators.typed_inputs import Layout, Overrides

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.protocol.constraints import Constraint
    from bridge.protocol.signature import Signature
    from bridge.protocol.text_mode import TextMode

GUIDE_TYPE: Final = "guided_decoding_guide_type"
GUIDE: Final = "guided_decoding_guide"

GUIDE_TYPES: Final = {
    "json": "json_schema",
    "json_object": "json_schema",  # the engine's own type for JSON lets arrays pass
    "regex": "regex",
    "choice": "ebnf_grammar",
    "grammar": "ebnf_grammar",
}
"""Kind of a constraint -> the engine's word for what it is told by."""

_ESCAPES: Final = {ord('"'): r"\"", ord("\\"): r"\\"} | {
    code: f"\\u{code:04x}" for code in (*range(0x20), 0x7F)
}
"""Character that may not stand as it is in a string of EBNF -> what may."""


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

    def __init__(self, signature: Signature, overrides: Overrides = Overrides()) -> None:  # noqa: B008 - frozen
        """See `TypedTranslator`."""
        super().__init__(signature, overrides)
        guided = {GUIDE_TYPE, GUIDE} <= signature.inputs.keys() and overrides.guided_decoding != "none"
        self.constraints = frozenset(GUIDE_TYPES if guided else ())

    def guide(self, constraint: Constraint) -> Mapping[str, tuple[str, ...]]:
        """See `TypedTranslator.guide`."""
        super().guide(constraint)
        guide = constraint.value
        if constraint.kind == "json_object":
            guide = ANY_OBJECT
        elif constraint.kind == "choice":
            guide = grammar_of(constraint.choices)
        return {GUIDE_TYPE: (GUIDE_TYPES[constraint.kind],), GUIDE: (guide,)}

    def carriers(self) -> Mapping[str, str]:
        """See `Translator.carriers`."""
        guided = dict.fromkeys(FIELDS, f"input {GUIDE} BYTES") if self.constraints else {}
        return {**super().carriers(), **guided}

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


def grammar_of(choices: Sequence[str]) -> str:
    """Return the grammar of a choice between texts, in xgrammar's EBNF."""
    return "root ::= " + " | ".join(f'"{text.translate(_ESCAPES)}"' for text in choices)
