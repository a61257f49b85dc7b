"""A completion request made into an exchange: checks, prompts, generations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bridge.errors import BridgeError, Reason
from bridge.protocol.best_of import BestOf
from bridge.protocol.choices import carried, check_common, fan_out, stop_strings
from bridge.protocol.completion_chunks import CompletionChunks, PromptShown
from bridge.protocol.constraints import carried_constraint, constraint_of
from bridge.protocol.echo import EchoOnly
from bridge.protocol.exchange import Exchange
from bridge.protocol.generation import Generation
from bridge.protocol.model import COMPLETION_MAX_TOKENS
from bridge.protocol.prompt_tokens import (
    answer_limit,
    prompt_ids,
    prompt_text,
    required_tokenizer,
    with_special_tokens,
)
from bridge.protocol.request_fields import COMPLETION, forwarded, refusal
from bridge.protocol.triton_parameters import request_parameters
from bridge.protocol.truncation import truncated

if TYPE_CHECKING:
    from datetime import datetime

    from openai_bridge.v1.completions_pb2 import (
        CreateCompletionRequest,
        CreateCompletionStreamResponse,
        Prompt,
    )

    from bridge.protocol.model import Model


@dataclass(frozen=True, slots=True)
class PreparedPrompt:
    """A prompt as the model gets it."""

    text: str
    ids: list[int] | None
    """Its tokens, where they can be told."""


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
    asked = {**model.defaults, **forwarded(request, COMPLETION, model.id)}
    check_common(request, streaming=streaming)
    n = request.n if request.HasField("n") else 1
    candidates = _candidates(request, n, model, streaming=streaming)
    _check_echo(request, model)
    options = {name: getattr(request, name) for name in ("max_tokens", "logprobs") if request.HasField(name)}
    sampling, ignored = carried({**asked, **options}, model)
    constraint, without = carried_constraint(constraint_of(request), model)
    prompts = _prompts(request, model)
    base = replace(
        _generation(model, prompts, sampling),
        request_id=request_id,
        parameters=request_parameters(asked, model),
        constraint=constraint,
        stop=stop_strings(asked, model),
        include_stop=asked.get("include_stop_str_in_output", False),
        cumulative_logprob=candidates > n,
    )
    chunks = CompletionChunks(
        completion_id,
        int(now.timestamp()),
        model.id,
        choices=len(prompts) * n,
        prompts=_shown(request, prompts, n),
        token_ids=request.return_token_ids,
        name_tokens=request.return_tokens_as_token_ids,
    )
    settings: dict[str, Any] = {
        "per_prompt": candidates,
        "include_usage": request.stream_options.include_usage or not streaming,
        "continuous_usage": request.stream_options.continuous_usage_stats,
        "prompt_param": "prompt",
        "prompt_tokens": [None if prompt.ids is None else len(prompt.ids) for prompt in prompts],
        "tokenizer": model.tokenizer,
        "ignored": (*ignored, *without),
        "interval": request.stream_interval or 1,
    }
    # The prompts alone are alike: there is nothing to choose among.
    generations = fan_out([prompt.text for prompt in prompts], candidates if base.max_tokens else n, base)
    if not base.max_tokens:
        return EchoOnly(model.translator, generations, chunks, **settings)
    if candidates > n:
        return BestOf(model.translator, generations, chunks, keep=n, **settings)
    return Exchange(model.translator, generations, chunks, **settings)


def _prompts(request: CreateCompletionRequest, model: Model) -> list[PreparedPrompt]:
    if not request.prompt:
        raise BridgeError(Reason.MISSING_REQUIRED_PARAMETER, "'prompt' is required", param="prompt")
    limit = request.max_tokens if request.HasField("max_tokens") else None
    prepared = []
    for at, prompt in enumerate(request.prompt):
        # A single one was most likely sent as a string, not as a list.
        param = "prompt" if len(request.prompt) == 1 else f"prompt[{at}]"
        text = truncated(_text(request, prompt, param, model), request, model, max_tokens=limit)
        prepared.append(PreparedPrompt(text, prompt_ids(text, model)))
    return prepared


def _text(request: CreateCompletionRequest, prompt: Prompt, param: str, model: Model) -> str:
    """Return a prompt's text, from its token ids if that is what it is."""
    if prompt.HasField("token_ids"):
        tokenizer = required_tokenizer(model, param)
        framed = model.adds_special_tokens
        return prompt_text(prompt.token_ids.ids, tokenizer, param=param, adds_special_tokens=framed)
    if not prompt.text:
        raise BridgeError(Reason.INVALID_VALUE, f"{param!r} must not be empty", param=param)
    wanted = request.add_special_tokens if request.HasField("add_special_tokens") else None
    return with_special_tokens(prompt.text, wanted, model)


def _generation(model: Model, prompts: list[PreparedPrompt], sampling: dict[str, Any]) -> Generation:
    """Return what each choice asks of the model, but for its prompt."""
    asked = sampling.pop("max_tokens", None)
    known = [len(prompt.ids) for prompt in prompts if prompt.ids is not None]
    return Generation(
        request_id="",
        prompt="",
        max_tokens=answer_limit(
            asked,
            default=model.default_max_tokens,
            fallback=COMPLETION_MAX_TOKENS,
            prompt_tokens=max(known, default=None),
            model=model,
            param="prompt",
        ),
        max_tokens_param=None if asked is None else "max_tokens",
        logprobs=sampling.pop("logprobs", None),
        sampling=sampling,
        lora=model.lora,
    )


def _shown(request: CreateCompletionRequest, prompts: list[PreparedPrompt], n: int) -> list[PromptShown]:
    """Return what each choice shows of its prompt; nothing unless it was asked for."""
    if not (request.echo or request.return_prompt_text or request.return_token_ids):
        return []
    return [
        PromptShown(
            echo=prompt.text if request.echo else "",
            text=prompt.text if request.return_prompt_text else None,
            token_ids=(prompt.ids or ()) if request.return_token_ids else (),
        )
        for prompt in prompts
        for _ in range(n)
    ]


def _candidates(request: CreateCompletionRequest, n: int, model: Model, *, streaming: bool) -> int:
    """Return how many candidates are sampled for each prompt."""
    if request.best_of <= 1 or request.best_of == n:
        return n
    if request.best_of < n:
        raise BridgeError(Reason.INVALID_VALUE, "'best_of' must be at least 'n'", param="best_of")
    if streaming:
        raise BridgeError(
            Reason.INVALID_VALUE,
            "'best_of' above 'n' cannot be streamed: no answer is best before the end",
            param="best_of",
        )
    if not model.translator.ranks:
        raise refusal("best_of", model.id, "it does not tell how likely an answer is")
    return request.best_of


def _check_echo(request: CreateCompletionRequest, model: Model) -> None:
    if request.echo and request.HasField("logprobs"):
        raise refusal("logprobs", model.id, "it tells none of the prompt, which 'echo' asks for")
    if request.HasField("max_tokens") and request.max_tokens == 0 and not request.echo:
        raise BridgeError(
            Reason.INTEGER_BELOW_MIN_VALUE, "'max_tokens' may be 0 only with 'echo'", param="max_tokens"
        )
    for name in ("return_token_ids", "return_tokens_as_token_ids"):
        if getattr(request, name):
            required_tokenizer(model, name)
