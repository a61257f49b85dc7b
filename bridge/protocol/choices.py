"""What chat and completions check alike, and the generations that a request fans out to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import BridgeError, Reason
from bridge.protocol.request_fields import FORWARD_NEUTRAL, refusal
from bridge.protocol.translators.typed_inputs import REFUSED
from bridge.protocol.triton_parameters import by_parameter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
    from openai_bridge.v1.completions_pb2 import CreateCompletionRequest

    from bridge.protocol.generation import Generation
    from bridge.protocol.model import Model

MAX_STOPS: Final = 64
"""Stop strings of a request. OpenAI caps at 4, the servers that clients come from do not."""

MAX_GENERATIONS: Final = 1024
"""Choices of a request, over all its prompts: each is a call of Triton."""

LIMITS: Final = ("max_completion_tokens", "max_tokens")
"""Fields that limit the answer; the first one set counts."""

CUT_HERE: Final = frozenset({"stop", "include_stop_str_in_output"})
"""Fields that the bridge honours for a model that does not cut its text itself."""


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
    for token_id in request.logit_bias:
        if token_id < 0:
            param = f"logit_bias.{token_id}"
            raise BridgeError(Reason.INVALID_VALUE, f"{param!r} is no token id", param=param)
    for at, text in enumerate(request.stop):
        if not text:
            # A single one was most likely sent as a string, not as a list.
            param = "stop" if len(request.stop) == 1 else f"stop[{at}]"
            raise BridgeError(Reason.INVALID_VALUE, f"{param!r} must not be empty", param=param)


def carried(asked: Mapping[str, Any], model: Model) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the fields that the model is sent, and the ones that are ignored.

    Args:
        asked: fields of class F, a limit by the name of its field, and `logprobs` if they are wanted.
        model: the one that is asked.

    Raises:
        BridgeError: UNSUPPORTED_PARAMETER: the model cannot carry a field, unless the operator lets it pass.
    """
    how = model.translator.carriers()
    kept: dict[str, Any] = {}
    ignored: list[str] = []
    for name, value in asked.items():
        if name in CUT_HERE and not model.translator.cuts_stop_strings:
            if how[name] != REFUSED:
                kept[name] = value
        elif by_parameter(name, model):
            continue
        elif how["max_tokens" if name in LIMITS else name] != REFUSED:
            kept[name] = value
        elif value in FORWARD_NEUTRAL.get(name, ()):
            continue
        elif model.unsupported == "ignore":
            ignored.append(name)
        else:
            raise refusal(name, model.id, model.translator.why.get(name, ""))
    return kept, tuple(ignored)


def stop_strings(asked: Mapping[str, Any], model: Model) -> tuple[str, ...]:
    """Return the stop strings that the bridge cuts at, because the model does not."""
    return () if model.translator.cuts_stop_strings else tuple(asked.get("stop", ()))


def fan_out(prompts: Sequence[str], n: int, base: Generation) -> list[Generation]:
    """Return one generation per prompt and choice; choice k of a prompt is seeded with seed + k.

    Args:
        prompts: after the chat template.
        n: choices of each.
        base: all else; its request id is the prefix of theirs.

    Raises:
        BridgeError: there are more than `MAX_GENERATIONS`.
    """
    if len(prompts) * n > MAX_GENERATIONS:
        sentence = f"'n' choices of each prompt are more than {MAX_GENERATIONS} in all"
        raise BridgeError(Reason.INVALID_VALUE, sentence, param="n")
    return [
        replace(
            base,
            request_id=f"{base.request_id}:{at * n + k}",
            prompt=prompt,
            sampling=_seeded(base.sampling, k),
        )
        for at, prompt in enumerate(prompts)
        for k in range(n)
    ]


def _seeded(sampling: Mapping[str, Any], k: int) -> Mapping[str, Any]:
    """Add k to the seed; past the end of int64 it goes on at its start."""
    if "seed" not in sampling:
        return sampling
    return {**sampling, "seed": (sampling["seed"] + k + 2**63) % 2**64 - 2**63}
