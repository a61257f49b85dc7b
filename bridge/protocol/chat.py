"""A chat request made into an exchange: checks, prompt, generations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from openai_bridge.v1 import chat_pb2
from openai_bridge.v1.chat_pb2 import ContentPart, CreateChatCompletionRequest

from bridge.errors import BridgeError, Reason
from bridge.protocol.chat_chunks import ChatChunks
from bridge.protocol.chat_prompt import chat_prompt
from bridge.protocol.choices import LIMITS, carried, check_common, fan_out, stop_strings
from bridge.protocol.exchange import Exchange
from bridge.protocol.generation import Generation
from bridge.protocol.images import MEDIA_KIND, references, unsupported
from bridge.protocol.prompt_tokens import answer_limit, prompt_ids, required_tokenizer, with_special_tokens
from bridge.protocol.request_fields import CHAT, forwarded, refusal
from bridge.protocol.triton_parameters import request_parameters
from bridge.protocol.truncation import truncated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from openai_bridge.v1.chat_pb2 import CreateChatCompletionStreamResponse

    from bridge.protocol.images import Image
    from bridge.protocol.model import Model


def chat_exchange(
    request: CreateChatCompletionRequest,
    model: Model,
    *,
    completion_id: str,
    request_id: str,
    now: datetime,
    streaming: bool,
    obfuscate: Callable[[], str],
    images: Sequence[Image] = (),
) -> Exchange[CreateChatCompletionStreamResponse]:
    """Check a request and prepare its Triton calls.

    Args:
        request: never changed.
        model: the one it goes to.
        completion_id: `chatcmpl-` and 32 hexadecimal digits.
        request_id: prefix of the ids of the Triton calls, unique.
        now: local time, for `created` and for templates that print a date.
        streaming: whether the streaming RPC was called; the unary one always wants usage.
        obfuscate: random padding, used if the client asks for it.
        images: what `protocol.images.references` found in the messages, loaded.

    Raises:
        BridgeError: the request is at fault; `param` names the field.
    """
    asked = {**model.defaults, **forwarded(request, CHAT, model.id)}
    check_common(request, streaming=streaming)
    _check(request, model)
    logprobs = {"logprobs": request.top_logprobs} if request.logprobs else {}
    sampling, ignored = carried({**asked, **_limit(request), **logprobs}, model)
    prompt, prompt_tokens, base = _generation(request, model, now, sampling)
    base = replace(
        base,
        request_id=request_id,
        parameters=request_parameters(asked, model),
        stop=stop_strings(asked, model),
        include_stop=asked.get("include_stop_str_in_output", False),
        images=images,
        image_references=references(request.messages) if images else (),
    )
    n = request.n if request.HasField("n") else 1
    options = request.stream_options
    chunks = _chunks(
        request, prompt, prompt_tokens or (), obfuscate, head=(completion_id, int(now.timestamp()), model.id)
    )
    return Exchange(
        model.translator,
        fan_out([prompt], n, base),
        chunks,
        per_prompt=n,
        include_usage=options.include_usage or not streaming,
        continuous_usage=options.continuous_usage_stats,
        prompt_tokens=[None if prompt_tokens is None else len(prompt_tokens)],
        tokenizer=model.tokenizer,
        ignored=ignored,
        interval=request.stream_interval or 1,
    )


def _chunks(
    request: CreateChatCompletionRequest,
    prompt: str,
    prompt_tokens: Sequence[int],
    obfuscate: Callable[[], str],
    *,
    head: tuple[str, int, str],
) -> ChatChunks:
    """Return what makes the messages; `head` is what all of them begin with: id, time and model."""
    return ChatChunks(
        *head,
        choices=request.n if request.HasField("n") else 1,
        prompt_text=prompt if request.return_prompt_text else None,
        prompt_token_ids=prompt_tokens if request.return_token_ids else (),
        token_ids=request.return_token_ids,
        name_tokens=request.return_tokens_as_token_ids,
        obfuscate=obfuscate if request.stream_options.include_obfuscation else None,
    )


def _generation(
    request: CreateChatCompletionRequest, model: Model, now: datetime, sampling: dict[str, Any]
) -> tuple[str, list[int] | None, Generation]:
    """Return the prompt, its tokens where they can be told, and what each choice asks of the model."""
    limit_param, limit = next(
        ((name, sampling.pop(name)) for name in LIMITS if name in sampling), (None, None)
    )
    prompt = chat_prompt(request, model, now)
    prompt = with_special_tokens(prompt, request.add_special_tokens or None, model)
    prompt = truncated(prompt, request, model, max_tokens=limit)
    ids = prompt_ids(prompt, model)
    generation = Generation(
        request_id="",
        prompt=prompt,
        max_tokens=answer_limit(
            limit,
            default=model.default_max_tokens,
            fallback=None,
            prompt_tokens=None if ids is None else len(ids),
            model=model,
            param="messages",
        ),
        max_tokens_param=limit_param,
        logprobs=sampling.pop("logprobs", None),
        sampling=sampling,
        lora=model.lora,
    )
    return prompt, ids, generation


def check_images(request: CreateChatCompletionRequest, model: Model, now: datetime) -> None:
    """Check that the model takes a request's images and that its template has a place for them.

    Raises:
        BridgeError: it does not; `param` names the first image.
    """
    bare = CreateChatCompletionRequest()
    bare.CopyFrom(request)
    for message in bare.messages:
        kept = [part for part in message.content if not part.HasField(MEDIA_KIND)]
        del message.content[:]
        message.content.extend(kept or [ContentPart(text="")])
    without = chat_prompt(bare, model, now)
    no_place = unsupported(
        references(request.messages)[0], "is an image, for which the model's chat template has no place"
    )
    try:
        placed = chat_prompt(request, model, now) != without
    except BridgeError as exc:
        # Templates that know strings only fail on a list of parts.
        raise no_place if exc.param == "messages" else exc from exc
    if not placed:
        raise no_place


def _check(request: CreateChatCompletionRequest, model: Model) -> None:
    """Check what depends on more than one field."""
    if request.top_logprobs and not request.logprobs:
        raise BridgeError(
            Reason.INVALID_VALUE, "'top_logprobs' needs 'logprobs' to be true", param="top_logprobs"
        )
    for name in ("return_token_ids", "return_tokens_as_token_ids"):
        if getattr(request, name):
            required_tokenizer(model, name)
    _check_tools(request, model)


def _check_tools(request: CreateChatCompletionRequest, model: Model) -> None:
    """Refuse what needs a parser of tool calls: an unparsed call would look like an answer."""
    choice = request.tool_choice
    none = choice.mode == chat_pb2.TOOL_CHOICE_MODE_NONE
    auto = choice.mode == chat_pb2.TOOL_CHOICE_MODE_AUTO
    if not request.tools:
        if request.HasField("tool_choice") and not (none or auto):
            raise BridgeError(Reason.INVALID_VALUE, "'tool_choice' needs 'tools'", param="tool_choice")
    elif not none:
        raise refusal("tools", model.id, "it has no parser for tool calls; set 'tool_choice' to 'none'")


def _limit(request: CreateChatCompletionRequest) -> dict[str, int]:
    """Return the request's own limit by the name of the field that sets it, if one does."""
    return next(({name: getattr(request, name)} for name in LIMITS if request.HasField(name)), {})
