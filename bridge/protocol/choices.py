"""What chat and completions check alike, and the generations that a request fans out to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.errors import BridgeError, Reason
from bridge.protocol.generation import Generation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
    from openai_bridge.v1.completions_pb2 import CreateCompletionRequest

MAX_STOPS = 64
"""Stop strings of a request. OpenAI caps at 4, the servers that clients come from do not."""


def check_common(request: CreateChatCompletionRequest | CreateCompletionRequest, *, streaming: bool) -> None:
    """Check what depends on more than one field or on the RPC.

    Raises:
        BridgeError: with the field's path as `param`.
    """
    if not streaming and request.HasField("stream_options"):
        raise BridgeError(
            Reason.INVALID_VALUE,
            "'stream_options' is only allowed when 'stream' is true",
            param="stream_options",
        )
    if len(request.stop) > MAX_STOPS:
        raise BridgeError(Reason.INVALID_VALUE, f"'stop' holds more than {MAX_STOPS} strings", param="stop")
    for at, text in enumerate(request.stop):
        if not text:
            raise BridgeError(Reason.INVALID_VALUE, f"'stop[{at}]' must not be empty", param=f"stop[{at}]")


def fan_out(
    prompts: Sequence[str],
    n: int,
    sampling: Mapping[str, Any],
    *,
    request_id: str,
    max_tokens: int,
    max_tokens_param: str | None,
    logprobs: int | None,
) -> list[Generation]:
    """Return one generation per prompt and choice; choice k of a prompt is seeded with seed + k."""
    generations: list[Generation] = []
    for prompt in prompts:
        for k in range(n):
            seed = {"seed": _seed(sampling["seed"] + k)} if "seed" in sampling else {}
            generations.append(
                Generation(
                    request_id=f"{request_id}:{len(generations)}",
                    prompt=prompt,
                    max_tokens=max_tokens,
                    max_tokens_param=max_tokens_param,
                    logprobs=logprobs,
                    sampling={**sampling, **seed},
                )
            )
    return generations


def _seed(value: int) -> int:
    """Wrap a seed past the end of int64 round to its start."""
    return (value + 2**63) % 2**64 - 2**63
