"""What all tensor layouts share in reading a response: outputs by name, text, counts, the end.

Outputs are read by name, with the response's own datatype: their order, datatype and shape may all
differ from the ModelConfig's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from openai_bridge.v1.common_pb2 import (
    FINISH_REASON_CONTENT_FILTER,
    FINISH_REASON_LENGTH,
    FINISH_REASON_STOP,
)

from bridge.errors import BridgeError, Reason
from bridge.protocol import tensors

if TYPE_CHECKING:
    from bridge.protocol.generation import FinishReason
    from bridge.protocol.kserve import ModelInferResponse

Output = tuple[str, bytes]
"""Datatype and raw contents."""

FINISH_REASONS: Final[dict[str, FinishReason]] = {
    "stop": FINISH_REASON_STOP,
    "length": FINISH_REASON_LENGTH,
    "content_filter": FINISH_REASON_CONTENT_FILTER,
}
"""What vLLM, llmapi and Dynamo call the end. Any other word that is not empty or "None" becomes stop."""

CUT_SHORT: Final[dict[str, tuple[Reason, str]]] = {
    "timeout": (Reason.TIMEOUT, "the model ended the answer at its own time limit"),
    "cancelled": (Reason.RESPONSE_TRUNCATED, "the model cancelled the answer"),
    "abort": (Reason.RESPONSE_TRUNCATED, "the engine aborted the answer"),
}
"""Ends that OpenAI has no word for: neither the model nor the token limit ended the answer."""

_MAX_COUNT: Final = 2**31 - 1


def outputs(response: ModelInferResponse) -> dict[str, Output]:
    """Return the outputs of a response by name.

    Raises:
        BridgeError: BACKEND_CONTRACT when an output has no contents.
    """
    declared, contents = response.outputs, response.raw_output_contents
    if not contents:
        return {tensor.name: (tensor.datatype, tensors.raw(tensor)) for tensor in declared}
    if len(declared) != len(contents):
        raise BridgeError(Reason.BACKEND_CONTRACT, "the model sent outputs without contents")
    return {tensor.name: (tensor.datatype, raw) for tensor, raw in zip(declared, contents, strict=True)}


def joined_bytes(name: str, output: Output | None) -> bytes:
    """Return all elements of a BYTES output as one string of bytes; nothing where it is absent.

    Raises:
        BridgeError: BACKEND_CONTRACT when the output holds no bytes.
    """
    if output is None:
        return b""
    datatype, raw = output
    if datatype != "BYTES":
        raise BridgeError(Reason.BACKEND_CONTRACT, f"the model sent {datatype} in {name!r}, expected BYTES")
    if len(raw) >= 4 and int.from_bytes(raw[:4], "little") == len(raw) - 4:  # noqa: PLR2004
        return raw[4:]  # one element, as nearly always: nothing to join
    return b"".join(tensors.byte_strings(raw))


@lru_cache(maxsize=4096)  # the same few counts come with every token: 0.1 us instead of 1
def count(output: Output | None) -> int | None:
    """Return a token count: the sum of the output's elements; None where it is absent.

    Raises:
        BridgeError: BACKEND_CONTRACT when it is no count.
    """
    if output is None:
        return None
    total = sum(tensors.numbers(*output))
    if not 0 <= total <= _MAX_COUNT:
        raise BridgeError(Reason.BACKEND_CONTRACT, "the model sent a token count that is none")
    return int(total)


def number(output: Output | None) -> float | None:
    """Return the last element of a numeric output; None where it is absent or empty.

    Raises:
        BridgeError: BACKEND_CONTRACT when it holds no numbers.
    """
    values = () if output is None else tensors.numbers(*output)
    return values[-1] if values else None


@lru_cache(maxsize=256)
def finish_reason(word: bytes) -> FinishReason | None:
    """Return the reason a backend's word stands for, or None while it goes on.

    Raises:
        BridgeError: the answer was cut short; see `CUT_SHORT`.
    """
    text = word.decode(errors="replace")
    if text in {"", "None"}:
        return None
    if text in CUT_SHORT:
        raise BridgeError(*CUT_SHORT[text])
    return FINISH_REASONS.get(text, FINISH_REASON_STOP)
