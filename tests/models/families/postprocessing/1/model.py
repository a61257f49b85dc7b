"""Token ids to text, each response for itself: a character cut between two of them becomes U+FFFD in both."""

from __future__ import annotations

from typing import Any

from standin import tensors


class TritonPythonModel:
    """What Triton's Python backend loads."""

    def execute(self, requests: list[Any]) -> list[Any]:
        return [_text(tensors.received(request)) for request in requests]


def _text(inputs: dict[str, list[Any]]) -> Any:
    length = inputs["SEQUENCE_LENGTH"][0]
    text = bytes(inputs["TOKENS_BATCH"][:length]).decode(errors="replace")
    return tensors.response(tensors.text("OUTPUT", text.encode()))
