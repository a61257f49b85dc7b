"""The envelope of the request plane: KServe's messages with the `icp_*` parameters of Triton Distributed.

A worker answers a request first with an acceptance, then with responses that are numbered from 0, then with a
final one. Subjects are in `icp_subjects`. No I/O.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from google.protobuf.message import DecodeError

from bridge.errors import BridgeError, Reason
from bridge.protocol import kserve, rpc_status
from bridge.protocol.icp_subjects import is_token

if TYPE_CHECKING:
    from google.protobuf.message import Message

CREDIT: Final = 256
"""Responses that a front end takes without saying that there is room for more."""
BATCH: Final = 64
"""Responses in one message, at most."""

REQUEST_ID: Final = "icp_request_id"
_INBOX: Final = "icp_response_to_uri"
COMPONENT: Final = "icp_component_id"
_CREDIT: Final = "icp_credit"
BATCH_KEY: Final = "icp_batch"
TEXTS: Final = "icp_texts"
"""Whether responses that differ only in their text may be sent as that text alone."""
_STOP: Final = "icp_stop"
"""Base64 of the request that ends this one, empty where there is none; absent: it may be cancelled."""
SEQ: Final = "icp_seq"
FINAL: Final = "icp_final_response"
ERROR: Final = "icp_response_error"
CODE: Final = "icp_response_code"
STATUS: Final = "icp_response_status"
"""Base64 of google.rpc.Status: what the text and the code leave out."""
CANCELLED: Final = "icp_request_cancelled"

_PREFIX: Final = "icp_"
_MOST_CREDIT: Final = 1 << 20
_UNITS: Final = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "S": 1.0, "M": 60.0, "H": 3600.0}
_LONGEST: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a request says to the worker rather than to the model."""

    request_id: str
    """Last token of its control subject."""
    inbox: str
    """Subject of the answers."""
    component_id: str
    """Who asks."""
    credit: int = CREDIT
    """Responses that may be sent before more is granted."""
    batch: int = 1
    """The largest batch wanted; 1: each response is a message of its own."""
    texts: bool = False
    """Whether texts may come alone; in batches only."""
    stop: bytes | None = None
    """See `Stop` in `backends.base`: what ends it, empty for nothing; None: it may be cancelled."""


def pack_request(request: kserve.ModelInferRequest, opening: Opening) -> bytes:
    """Return a request as it is sent; the message itself stays as it is."""
    sent = kserve.ModelInferRequest()
    sent.CopyFrom(request)
    parameters = sent.parameters
    parameters[REQUEST_ID].string_param = opening.request_id
    parameters[_INBOX].string_param = opening.inbox
    parameters[COMPONENT].string_param = opening.component_id
    parameters[_CREDIT].int64_param = opening.credit
    parameters[BATCH_KEY].int64_param = opening.batch
    parameters[TEXTS].bool_param = opening.texts
    if opening.stop is not None:
        parameters[_STOP].string_param = b64encode(opening.stop).decode()
    return _bytes(sent)


def unpack_request(data: bytes) -> tuple[kserve.ModelInferRequest, Opening]:
    """Return what the model gets, without our parameters, and what the worker does.

    Raises:
        BridgeError: INVALID_MESSAGE, it is no request or lacks a parameter.
    """
    request = _request(data, "it")
    given = {key: request.parameters.pop(key) for key in list(request.parameters) if key.startswith(_PREFIX)}
    credit, batch = (given[key].int64_param if key in given else 1 for key in (_CREDIT, BATCH_KEY))
    stop = _unbase64(given[_STOP].string_param, _STOP) if _STOP in given else None
    if stop:
        _request(stop, f"its parameter {_STOP}")
    opening = Opening(
        request_id=_token(given, REQUEST_ID),
        inbox=_text(given, _INBOX),
        component_id=_token(given, COMPONENT),
        credit=credit if _CREDIT in given else CREDIT,
        batch=batch,
        texts=TEXTS in given and given[TEXTS].bool_param,
        stop=stop,
    )
    if not 0 < opening.credit <= _MOST_CREDIT or opening.batch < 1:
        raise _malformed("its credit or its batch is out of range")
    if not request.model_name:
        raise _malformed("it names no model")
    return request, opening


def acceptance(opening: Opening, component_id: str) -> bytes:
    """Return the first message of an answer: who has taken the request."""
    message = kserve.ModelInferResponse()
    message.parameters[REQUEST_ID].string_param = opening.request_id
    message.parameters[COMPONENT].string_param = component_id
    message.parameters[BATCH_KEY].int64_param = min(opening.batch, BATCH)
    return _bytes(message)


def final(
    request_id: str, error: BridgeError | None = None, *, cancelled: bool = False, component_id: str = ""
) -> bytes:
    """Return the final response of an answer; with no acceptance before it, it refuses the request.

    Args:
        request_id: of the request.
        error: how it failed, if it did.
        cancelled: whether it was given up.
        component_id: who refuses.
    """
    message = kserve.ModelInferResponse()
    parameters = message.parameters
    parameters[REQUEST_ID].string_param = request_id
    parameters[FINAL].bool_param = True
    if component_id:
        parameters[COMPONENT].string_param = component_id
    if error is not None:
        parameters[ERROR].string_param = error.message
        parameters[CODE].string_param = error.row.grpc.name
        parameters[STATUS].string_param = b64encode(rpc_status.to_status(error).SerializeToString()).decode()
    if cancelled:
        parameters[CANCELLED].bool_param = True
    return _bytes(message)


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()


def _text(given: dict[str, kserve.InferParameter], key: str) -> str:
    value = given[key].string_param if key in given else ""
    if not value:
        raise _malformed(f"it lacks the parameter {key}")
    return str(value)


def _token(given: dict[str, kserve.InferParameter], key: str) -> str:
    """Return a parameter that becomes part of a subject."""
    value = _text(given, key)
    if not is_token(value):
        raise _malformed(f"its parameter {key} is no token of a subject")
    return value


def _request(data: bytes, what: str) -> kserve.ModelInferRequest:
    try:
        return kserve.ModelInferRequest.FromString(data)
    except DecodeError:
        raise _malformed(f"{what} is no ModelInferRequest") from None


def _unbase64(text: str, key: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise _malformed(f"its parameter {key} is not base64") from None


def seconds_of(timeout: str) -> float:
    """Return what the header `grpc-timeout` says, as gRPC spells it: digits and a unit.

    Raises:
        BridgeError: INVALID_MESSAGE.
    """
    unit = _UNITS.get(timeout[-1:])
    if unit is None or not timeout[:-1].isdecimal() or len(timeout) > _LONGEST:
        raise _malformed("its grpc-timeout is none")
    return int(timeout[:-1]) * unit


def _malformed(why: str) -> BridgeError:
    return BridgeError(Reason.INVALID_MESSAGE, f"the request's envelope is malformed: {why}")
