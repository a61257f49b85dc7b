"""What a front end reads of a worker's answer: who has taken the request, its responses, its end. No I/O."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from openai_bridge.v1 import request_plane_pb2

from bridge.errors import BridgeError, Code, Reason
from bridge.protocol import kserve, rpc_status
from bridge.protocol.icp import (
    BATCH_KEY,
    CANCELLED,
    CODE,
    COMPONENT,
    ERROR,
    FINAL,
    REQUEST_ID,
    SEQ,
    STATUS,
)
from bridge.protocol.icp_subjects import is_token

if TYPE_CHECKING:
    from bridge.protocol.alike import Received


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The final response."""

    error: BridgeError | None = None
    cancelled: bool = False


class Answer:
    """One request's messages as they come: nothing may be missing between them."""

    def __init__(self, model: str) -> None:
        """Begin; `model` is its name in requests, for errors."""
        self._model = model
        self._batched = self._filled = False
        self.component_id = ""
        """Who has accepted; empty until then."""
        self.next_seq = 0
        """Number of the response that must come next."""

    def take(self, data: bytes) -> tuple[list[Received], End | None]:
        """Return the responses of one message, and the end if it is in there.

        Raises:
            BridgeError: responses were lost, or it cannot be read.
        """
        accepted = bool(self.component_id)
        try:
            return self._take(data)
        except (DecodeError, ValueError) as exc:  # the latter of base64, and of a text before any response
            if not accepted:  # it may be a later message
                raise _lost() from exc
            raise BridgeError(Reason.BACKEND_ERROR, "a response of the worker cannot be read") from exc

    def _take(self, data: bytes) -> tuple[list[Received], End | None]:
        if not self.component_id:
            return [], self._accept(kserve.ModelInferResponse.FromString(data))
        texts: list[bytes] = []
        if self._batched:
            batch = request_plane_pb2.InferResponseBatch.FromString(data)
            messages = [kserve.ModelInferResponse.FromString(item) for item in batch.responses]
            first, texts = batch.first_seq, list(batch.texts)
        else:
            messages = [kserve.ModelInferResponse.FromString(data)]
            parameters = messages[0].parameters
            first = parameters[SEQ].int64_param if SEQ in parameters else -1
        if first != self.next_seq:
            raise _lost()
        self.next_seq += len(messages) + len(texts)
        if not messages:
            return self._alike(texts), None
        found: list[Received] = [message for message in messages if message.outputs]
        self._filled = self._filled or bool(found)
        found += self._alike(texts)
        return found, self._end(messages[-1])

    def _alike(self, texts: list[bytes]) -> list[bytes]:
        """Return texts that come after a response whose other parts are theirs too."""
        if texts and not self._filled:
            raise ValueError("a text before any response")
        return texts

    def _accept(self, message: kserve.ModelInferResponse) -> End | None:
        worker = _parameter(message, COMPONENT)
        self.component_id = worker if is_token(worker) else ""
        if (end := self._end(message)) is not None:
            return end
        self._batched = BATCH_KEY in message.parameters and message.parameters[BATCH_KEY].int64_param > 1
        if not self.component_id:
            raise _lost()
        return None

    def _end(self, message: kserve.ModelInferResponse) -> End | None:
        parameters = message.parameters
        if FINAL not in parameters or not parameters[FINAL].bool_param:
            return None
        cancelled = CANCELLED in parameters and parameters[CANCELLED].bool_param
        return End(error=self._error(message), cancelled=cancelled)

    def _error(self, message: kserve.ModelInferResponse) -> BridgeError | None:
        if ERROR not in message.parameters:
            return None
        status = Status.FromString(b64decode(_parameter(message, STATUS), validate=True))
        if not status.code:
            code = _parameter(message, CODE)
            known = Code[code] if code in Code.__members__ else Code.INTERNAL
            status = Status(code=known, message=_parameter(message, ERROR))
        error = rpc_status.from_status(status)
        error.model = self._model
        return error


def request_id_of(data: bytes) -> tuple[str, str]:
    """Return the request and the worker of an acceptance that comes too late; empty if it is none."""
    try:
        message = kserve.ModelInferResponse.FromString(data)
    except DecodeError:
        return "", ""
    found = _parameter(message, REQUEST_ID), _parameter(message, COMPONENT)
    return found if all(map(is_token, found)) else ("", "")


def _parameter(message: kserve.ModelInferResponse, key: str) -> str:
    return message.parameters[key].string_param if key in message.parameters else ""


def _lost() -> BridgeError:
    return BridgeError(Reason.BACKEND_UNAVAILABLE, "responses of the worker were lost")
