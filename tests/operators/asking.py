"""Chat requests that steer the stand-in model."""

from __future__ import annotations

from typing import Any, Final

from tests.doors import Way
from tests.grpc_client import prompt

STREAM: Final = Way("http", streams=True)


def chat(**directive: Any) -> dict[str, Any]:
    """Return the body of a request; tests/models/README.md tells the keys."""
    content = prompt(**(directive or {"words": 3}))
    return {"model": "echo_vllm", "messages": [{"role": "user", "content": content}], "max_tokens": 5000}
