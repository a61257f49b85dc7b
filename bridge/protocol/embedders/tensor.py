"""Plain embedding models: texts in, one tensor of vectors out, with a batch dimension or without.

The one text input and the one FP32 or FP16 output are found by their datatypes; options by name.
"""

from __future__ import annotations

import struct
from math import prod
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import BridgeError, Reason
from bridge.protocol import tensors
from bridge.protocol.embedders.base import FLOAT32, Vectors
from bridge.protocol.request_fields import refusal
from bridge.protocol.translators.outputs import count, outputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.protocol.embedders.base import Input
    from bridge.protocol.kserve import ModelInferRequest, ModelInferResponse
    from bridge.protocol.signature import Signature
    from bridge.protocol.tensors import Scalar

OPTIONS: Final = ("dimensions", "truncate_prompt_tokens", "input_type")
"""Fields of class F; a model carries one by an input of the same name."""

COUNT: Final = "num_input_tokens"
COUNT_FLAG: Final = "return_num_input_tokens"


class TensorEmbedder:
    """Builds requests for one model and reads its responses."""

    family = "tensor"
    takes_token_ids = False

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self.batch_size = max(signature.max_batch_size, 1)
        self._text = _text(signature) or ""
        self._vector = _vector(signature) or ""

    @staticmethod
    def fits(signature: Signature) -> bool:
        """Tell whether a model has this layout."""
        return _text(signature) is not None and _vector(signature) is not None

    def request(
        self, inputs: Sequence[Input], *, request_id: str, options: Mapping[str, Any]
    ) -> ModelInferRequest:
        """See `Embedder.request`."""
        declared, batch = self._signature.inputs, len(inputs)
        texts = tuple(item for item in inputs if isinstance(item, str))
        values: dict[str, tuple[Scalar, ...]] = {self._text: texts}
        for name, value in options.items():
            if name not in declared:
                raise refusal(name, self._signature.name)
            values[name] = (value,) * batch
        if COUNT_FLAG in declared:
            values[COUNT_FLAG] = (True,) * batch
        return self._signature.request(
            values, request_id=request_id, outputs=(self._vector, COUNT), batch=batch
        )

    def read(self, response: ModelInferResponse) -> Vectors:
        """See `Embedder.read`."""
        found = outputs(response)
        tokens = count(found.get(COUNT))
        shape = next((tensor.shape for tensor in response.outputs if tensor.name == self._vector), None)
        if shape is None:
            return Vectors((), tokens)
        return Vectors(_rows(*found[self._vector], shape), tokens)


def _text(signature: Signature) -> str | None:
    """Return the one text input that must be given, or the only one there is."""
    texts = [
        spec for spec in signature.inputs.values() if spec.datatype == "BYTES" and spec.name not in OPTIONS
    ]
    required = [spec for spec in texts if not spec.optional]
    found = required or texts
    return found[0].name if len(found) == 1 else None


def _vector(signature: Signature) -> str | None:
    """Return the one output of numbers, where it is a vector per text and there is no text."""
    specs = signature.outputs.values()
    if any(spec.datatype == "BYTES" for spec in specs):
        return None
    found = [spec for spec in specs if spec.datatype in {"FP32", "FP16"}]
    if len(found) != 1 or sum(size != 1 for size in found[0].dims) > 1:
        return None  # two open dimensions are a vector per token, not per text
    return found[0].name


def _rows(datatype: str, raw: bytes, shape: Sequence[int]) -> list[bytes]:
    """Cut a tensor into its rows: the last dimension is the vector, the others count the texts."""
    if datatype != "FP32":
        numbers = tensors.numbers(datatype, raw)
        try:
            raw = struct.pack(f"<{len(numbers)}f", *numbers)
        except OverflowError as exc:
            raise BridgeError(Reason.BACKEND_CONTRACT, "the model sent numbers beyond float32") from exc
    rows = prod(shape[:-1])
    size = len(raw) // max(rows, 1)
    if not raw or rows * size != len(raw) or size % FLOAT32:
        raise BridgeError(Reason.BACKEND_CONTRACT, "the model sent vectors that do not fit their shape")
    return [raw[at : at + size] for at in range(0, len(raw), size)]
