"""What Dynamo's KServe frontend 1.6.1 says: recorded, and checked, by tests/dynamo/test_recordings.py."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from google.protobuf import text_format

from bridge.protocol.kserve import ModelConfig, ModelInferResponse, ModelStreamInferResponse
from bridge.protocol.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "dynamo"
CONFIG: Final = GOLDEN / "config.txtpb"
REQUEST: Final = GOLDEN / "request.txtpb"
ANSWER: Final = GOLDEN / "answer.txtpb"
PROMPT: Final = 'Grüße, one two @@{"tag": "recorded"}'
"""Of the recorded request: the model says it again, but for its end."""


def written(messages: Sequence[Message]) -> str:
    """Return messages as a golden file holds them, with an empty line between two."""
    return "\n".join(text_format.MessageToString(message, as_utf8=True) for message in messages)


def signature() -> Signature:
    """Return the signature of a language model."""
    return Signature.from_config(text_format.Parse(CONFIG.read_text(), ModelConfig()))


def answer() -> list[ModelInferResponse]:
    """Return the responses of a whole answer."""
    blocks = ANSWER.read_text().split("\n\n")
    return [text_format.Parse(block, ModelStreamInferResponse()).infer_response for block in blocks]
