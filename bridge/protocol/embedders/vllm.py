"""The embedding tensors of Triton's vLLM backend.

Source: `EmbedRequest` in `src/utils/request.py` of triton-inference-server/vllm_backend. The request is one
JSON text and no `text_input`; of the pooling parameters it reads `dimensions` alone, as a list of one.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.errors import BridgeError, Reason
from bridge.protocol.embedders.base import Vectors
from bridge.protocol.request_fields import refusal
from bridge.protocol.translators.outputs import count, joined_bytes, outputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.protocol.embedders.base import Input
    from bridge.protocol.kserve import ModelInferRequest, ModelInferResponse
    from bridge.protocol.signature import Signature
    from bridge.protocol.tensors import Scalar

REQUEST: Final = "embedding_request"
UNREAD: Final = "text_input"
ANSWER: Final = "text_output"
FLAGS: Final = {
    "return_num_input_tokens": "num_input_tokens",
    "return_num_output_tokens": "num_output_tokens",
}
"""Inputs that are true where they are declared -> the output each one switches on."""


class VllmEmbedder:
    """Builds requests for one model and reads its responses."""

    family = "vllm"
    batch_size = 1
    takes_token_ids = True

    def __init__(self, signature: Signature) -> None:
        # `text_input` is declared as required, yet the backend does not read it here, and Triton only
        # counts: one input is enough.
        inputs = {
            name: replace(spec, optional=spec.optional or name == UNREAD)
            for name, spec in signature.inputs.items()
        }
        self._signature = replace(signature, inputs=inputs)
        self._flags = tuple(name for name in FLAGS if name in signature.inputs)

    @staticmethod
    def fits(signature: Signature) -> bool:
        """Tell whether a model has this layout."""
        return REQUEST in signature.inputs and ANSWER in signature.outputs

    def request(
        self, inputs: Sequence[Input], *, request_id: str, options: Mapping[str, Any]
    ) -> ModelInferRequest:
        """See `Embedder.request`."""
        pooling = {}
        for name, value in options.items():
            if name != "dimensions":
                raise refusal(name, self._signature.name)
            pooling["dimensions"] = [value]
        values: dict[str, tuple[Scalar, ...]] = {
            REQUEST: (orjson.dumps({"input": inputs[0], "pooling_params": pooling}),),
            **dict.fromkeys(self._flags, (True,)),
        }
        wanted = (ANSWER, *(FLAGS[name] for name in self._flags))
        return self._signature.request(values, request_id=request_id, outputs=wanted)

    def read(self, response: ModelInferResponse) -> Vectors:
        """See `Embedder.read`."""
        found = outputs(response)
        text = joined_bytes(ANSWER, found.get(ANSWER))
        return Vectors((_vector(text),) if text else (), count(found.get("num_input_tokens")))


def _vector(text: bytes) -> bytes:
    """Turn a JSON list of numbers into float32."""
    try:
        numbers = orjson.loads(text)
        return struct.pack(f"<{len(numbers)}f", *numbers)
    except (orjson.JSONDecodeError, TypeError, struct.error, OverflowError) as exc:
        raise BridgeError(
            Reason.BACKEND_CONTRACT, "the model sent a vector that is no list of numbers"
        ) from exc
