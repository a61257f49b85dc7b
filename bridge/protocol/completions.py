"""A completion request made into an exchange: checks, prompts, generations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import BridgeError, Reason
from bridge.protocol.choices import check_common, fan_out
from bridge.protocol.completion_chunks import CompletionChunks
from bridge.protocol.exchange import Exchange
from bridge.protocol.model import COMPLETION_MAX_TOKENS
from bridge.protocol.request_fields import COMPLETION, forwarded, refusal

if TYPE_CHECKING:
    from datetime import datetime

    from openai_bridge.v1.completions_pb2 import CreateCompletionRequest, CreateCompletionStreamResponse

    from bridge.protocol.model import Model


def completion_exchange(
    request: CreateCompletionRequest,
    model: Model,
    *,
    completion_id: str,
    request_id: str,
    now: datetime,
    streaming: bool,
) -> Exchange[CreateCompletionStreamResponse]:
    """Check a request and prepare its Triton calls.

    Args:
        request: never changed.
        model: the one it goes to.
        completion_id: `cmpl-` and 32 hexadecimal digits.
        request_id: prefix of the ids of the Triton calls, unique.
        now: local time, for `created`.
        streaming: whether the streaming RPC was called; the unary one always wants usage.

    Raises:
        BridgeError: the request is at fault; `param` names the field.
    """
    sampling = forwarded(request, COMPLETION, request.model)
    check_common(request, streaming=streaming)
    n = request.n if request.HasField("n") else 1
    _check_best_of(request, n)
    prompts = _prompts(request)
    limit, limit_param = _max_tokens(request, model)
    generations = fan_out(
        prompts,
        n,
        sampling,
        request_id=request_id,
        max_tokens=limit,
        max_tokens_param=limit_param,
        logprobs=request.logprobs if request.HasField("logprobs") else None,
    )
    chunks = CompletionChunks(
        completion_id,
        int(now.timestamp()),
        request.model or model.id,
        choices=len(generations),
        prompt_texts=[item.prompt for item in generations] if request.return_prompt_text else (),
    )
    return Exchange(
        model.translator,
        generations,
        chunks,
        per_prompt=n,
        include_usage=request.stream_options.include_usage or not streaming,
        continuous_usage=request.stream_options.continuous_usage_stats,
    )


def _prompts(request: CreateCompletionRequest) -> list[str]:
    if not request.prompt:
        raise BridgeError(Reason.MISSING_REQUIRED_PARAMETER, "'prompt' is required", param="prompt")
    single = len(request.prompt) == 1
    prompts = []
    for at, prompt in enumerate(request.prompt):
        param = "prompt" if single else f"prompt[{at}]"
        if prompt.HasField("token_ids"):
            raise BridgeError(
                Reason.UNSUPPORTED_VALUE,
                f"{param!r} as token ids is not supported with model {request.model!r}: it takes text",
                param=param,
                model=request.model,
            )
        if not prompt.text:
            raise BridgeError(Reason.INVALID_VALUE, f"{param!r} must not be empty", param=param)
        prompts.append(prompt.text)
    return prompts


def _check_best_of(request: CreateCompletionRequest, n: int) -> None:
    if request.best_of > n:
        raise refusal("best_of", request.model, "candidates are not ranked")
    if 1 < request.best_of < n:
        raise BridgeError(Reason.INVALID_VALUE, "'best_of' must be at least 'n'", param="best_of")


def _max_tokens(request: CreateCompletionRequest, model: Model) -> tuple[int, str | None]:
    """Return the limit and the field that set it, if one did."""
    if not request.HasField("max_tokens"):
        return model.default_max_tokens or COMPLETION_MAX_TOKENS, None
    if request.max_tokens == 0:
        raise BridgeError(
            Reason.INTEGER_BELOW_MIN_VALUE, "'max_tokens' may be 0 only with 'echo'", param="max_tokens"
        )
    return request.max_tokens, "max_tokens"
