"""NVIDIA Dynamo's language models behind its KServe frontend: a prompt goes in, text comes out.

Source: `lib/llm/src/grpc` of ai-dynamo/dynamo, and release 1.6.1 as it behaves. The frontend makes a
completion of `text_input` and reads nothing else of a request: no parameter reaches the engine, which
generates with its model's own defaults. It tokenizes the prompt as it is: the chat template is the bridge's,
and so is the token that begins the sequence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.protocol.request_fields import FORWARD_NEUTRAL
from bridge.protocol.signature import DYNAMO
from bridge.protocol.translators.typed_inputs import Layout, Overrides, TypedTranslator

if TYPE_CHECKING:
    from bridge.protocol.signature import Signature

WHY: Final = "Dynamo's KServe frontend passes on the prompt alone"


class DynamoTranslator(TypedTranslator):
    """Builds requests for one model and reads its responses."""

    family = "dynamo"
    adds_special_tokens = False
    layout = Layout(
        prompt=("text_input",),
        answer=("text_output",),
        stream=("streaming",),
        max_tokens=(),
        exclude_prompt=(),
        flags={},
        fields={},
        why=dict.fromkeys(("max_tokens", "max_completion_tokens", "logprobs", *FORWARD_NEUTRAL), WHY),
    )

    def __init__(self, signature: Signature, overrides: Overrides = Overrides()) -> None:  # noqa: B008 - frozen
        """See `TypedTranslator`."""
        super().__init__(signature, overrides)
        self._outputs = (self._answer, "finish_reason")

    @staticmethod
    def fits(signature: Signature) -> bool:
        """Tell whether a model has this layout; its tensor models have whatever layout they declare."""
        return signature.backend == DYNAMO and {"text_input", "streaming"} == signature.inputs.keys()
