"""An embedding request from its checks to its Triton calls, and their answers to OpenAI's.

Synchronous and door-blind, as `exchange` is for generations. An embedder knows the tensors of one
model; this file knows OpenAI, the order of the inputs and the two forms of a vector.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any, Final

from openai_bridge.v1 import embeddings_pb2

from bridge.errors import BridgeError, Reason
from bridge.protocol.embedders.base import FLOAT32
from bridge.protocol.prompt_tokens import prompt_text
from bridge.protocol.request_fields import Field, Handling, forwarded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.protocol.embedders.base import Input
    from bridge.protocol.kserve import ModelInferRequest, ModelInferResponse
    from bridge.protocol.model import EmbeddingModel

MAX_INPUTS: Final = 2048
"""Inputs of one request, as OpenAI has it."""

FIELDS: Final[dict[str, Field]] = {
    "model": Field(Handling.BRIDGE),
    "input": Field(Handling.BRIDGE),
    "encoding_format": Field(Handling.BRIDGE),
    "dimensions": Field(Handling.FORWARD, 1),
    "user": Field(Handling.IGNORED),
    "truncate_prompt_tokens": Field(Handling.FORWARD, -1),
    "input_type": Field(Handling.FORWARD),
    "triton_parameters": Field(Handling.REFUSED, message="no parameter is on the operator's list"),
}
"""Fields of CreateEmbeddingRequest."""


def embedding_exchange(
    request: embeddings_pb2.CreateEmbeddingRequest, model: EmbeddingModel, *, request_id: str
) -> EmbeddingExchange:
    """Check a request and prepare its Triton calls.

    Args:
        request: never changed.
        model: the one it goes to.
        request_id: prefix of the ids of the Triton calls, unique.

    Raises:
        BridgeError: the request is at fault; `param` names the field.
    """
    options = forwarded(request, FIELDS, model.id)
    known = embeddings_pb2.EmbeddingEncodingFormat.values()
    if request.encoding_format not in known:
        raise BridgeError(
            Reason.INVALID_VALUE, "'encoding_format' must be float or base64", param="encoding_format"
        )
    return EmbeddingExchange(request, model, _inputs(request, model), options, request_id)


def _inputs(request: embeddings_pb2.CreateEmbeddingRequest, model: EmbeddingModel) -> list[Input]:
    if not request.input:
        raise BridgeError(
            Reason.MISSING_REQUIRED_PARAMETER, "'input' must hold at least one input", param="input"
        )
    if len(request.input) > MAX_INPUTS:
        raise BridgeError(
            Reason.INVALID_VALUE,
            f"'input' holds {len(request.input)} inputs, more than {MAX_INPUTS}",
            param="input",
        )
    single = len(request.input) == 1
    return [
        _input(item, "input" if single else f"input[{at}]", model) for at, item in enumerate(request.input)
    ]


def _input(item: embeddings_pb2.EmbeddingInput, param: str, model: EmbeddingModel) -> Input:
    if not (item.text or item.token_ids.ids):
        raise BridgeError(Reason.INVALID_VALUE, f"{param!r} must not be empty", param=param)
    if item.text:
        return item.text
    ids = tuple(item.token_ids.ids)
    if model.embedder.takes_token_ids:
        _check_ids(ids, param)
        return ids
    if model.tokenizer is None:
        raise BridgeError(
            Reason.UNSUPPORTED_VALUE,
            f"{param!r} as token ids is not supported with model {model.id!r}: it takes text",
            param=param,
            model=model.id,
        )
    return prompt_text(ids, model.tokenizer, param=param, adds_special_tokens=True)


def _check_ids(ids: Sequence[int], param: str) -> None:
    if min(ids) < 0:
        at = f"{param}[{next(at for at, number in enumerate(ids) if number < 0)}]"
        raise BridgeError(Reason.INTEGER_BELOW_MIN_VALUE, f"{at!r} must be at least 0", param=at)


class EmbeddingExchange:
    """One request's state machine: `feed` every batch of responses, `end` every call, then `response`."""

    def __init__(
        self,
        request: embeddings_pb2.CreateEmbeddingRequest,
        model: EmbeddingModel,
        inputs: Sequence[Input],
        options: Mapping[str, Any],
        request_id: str,
    ) -> None:
        """Prepare the Triton calls; `embedding_exchange` checks what goes in here."""
        embedder, size = model.embedder, model.embedder.batch_size
        batches = [inputs[at : at + size] for at in range(0, len(inputs), size)]
        self.requests: list[ModelInferRequest] = [
            embedder.request(batch, request_id=f"{request_id}:{at}", options=options)
            for at, batch in enumerate(batches)
        ]
        """Each for a ModelStreamInfer of its own."""
        self._model = model
        self._inputs = inputs
        self._name = request.model or model.id
        self._base64 = request.encoding_format == embeddings_pb2.EMBEDDING_ENCODING_FORMAT_BASE64
        self._length: int | None = options.get("dimensions")
        self._wanted = [len(batch) for batch in batches]
        self._rows: list[list[bytes]] = [[] for _ in batches]
        self._tokens: list[int | None] = [None for _ in batches]

    def feed(self, index: int, responses: Sequence[ModelInferResponse]) -> None:
        """Take a batch of responses of call `index`.

        Raises:
            BridgeError: BACKEND_CONTRACT when there are more vectors than inputs, or they are of another
                length than was asked for; BACKEND_ERROR when one holds NaN or infinity.
        """
        rows = self._rows[index]
        for response in responses:
            vectors = self._model.embedder.read(response)
            rows.extend(vectors.rows)
            if vectors.prompt_tokens is not None:
                self._tokens[index] = vectors.prompt_tokens
            for row in vectors.rows:
                self._check(row)
        if len(rows) > self._wanted[index]:
            raise self._contract("sent more vectors than it got inputs")

    def end(self, index: int) -> None:
        """Note that call `index` has ended.

        Raises:
            BridgeError: BACKEND_CONTRACT when vectors are missing.
        """
        if len(self._rows[index]) != self._wanted[index]:
            raise self._contract("sent fewer vectors than it got inputs")

    def response(self) -> embeddings_pb2.CreateEmbeddingResponse:
        """Return the answer, after every call has ended; usage is 0 where nobody can count."""
        answer = embeddings_pb2.CreateEmbeddingResponse(model=self._name)
        answer.usage.prompt_tokens = answer.usage.total_tokens = self._prompt_tokens()
        for at, row in enumerate(row for rows in self._rows for row in rows):
            if self._base64:
                answer.data.add(index=at, base64=row)
            else:
                answer.data.add(index=at, floats=_float_vector(row))
        return answer

    def _prompt_tokens(self) -> int:
        counted = [tokens for tokens in self._tokens if tokens is not None]
        if len(counted) == len(self._tokens):
            return sum(counted)
        tokenizer = self._model.tokenizer
        if tokenizer is None:
            return 0
        return sum(
            tokenizer.count(item, add_special_tokens=True) if isinstance(item, str) else len(item)
            for item in self._inputs
        )

    def _check(self, row: bytes) -> None:
        count = len(row) // FLOAT32
        if self._length is not None and count != self._length:
            raise self._contract(f"sent a vector of {count} numbers where {self._length} were asked for")
        # JSON has no NaN, and one infinite or missing number spoils the sum.
        if not math.isfinite(sum(struct.unpack(f"<{count}f", row))):
            raise BridgeError(
                Reason.BACKEND_ERROR, "the model sent a vector with NaN or infinity", model=self._model.id
            )

    def _contract(self, what: str) -> BridgeError:
        return BridgeError(Reason.BACKEND_CONTRACT, f"the model {what}", model=self._model.id)


_VALUES_TAG: Final = b"\x0a"
"""Field 1, length-delimited: the packed `values` of FloatVector."""


def _float_vector(row: bytes) -> embeddings_pb2.FloatVector:
    """Parse the message from its wire form: 30 times faster than to fill it number by number."""
    size, head = len(row), bytearray(_VALUES_TAG)
    while size > 0x7F:  # noqa: PLR2004 - a varint, 7 bits a byte
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return embeddings_pb2.FloatVector.FromString(bytes(head) + row)
