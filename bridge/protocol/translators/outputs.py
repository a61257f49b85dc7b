"""What all tensor layouts share in reading a response: outputs by name, text, counts, the end.

Outputs are read by name, with the response's own datatype: their order, datatype and shape may all
differ from the ModelConfig's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from openai_bridge.v1.common_pb2 import FINISH_REASON_LENGTH, FINISH_REASON_STOP

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
}
"""What vLLM and llmapi call the end. Any other word that is not empty or "None" becomes stop."""


def outputs(response: ModelInferResponse) -> dict[str, Output]:
    """Return the outputs of a response by name."""
    return {
        tensor.name: (tensor.datatype, raw)
        for tensor, raw in zip(response.outputs, response.raw_output_contents, strict=True)
    }


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


def count(output: Output | None) -> int | None:
    """Return a token count: the sum of the output's elements; None where it is absent."""
    if output is None:
        return None
    return int(sum(tensors.numbers(*output)))


def finish_reason(word: bytes) -> FinishReason | None:
    """Return the reason a backend's word stands for, or None while it goes on."""
    text = word.decode(errors="replace")
    if text in {"", "None"}:
        return None
    return FINISH_REASONS.get(text, FINISH_REASON_STOP)
