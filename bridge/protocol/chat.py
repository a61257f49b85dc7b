"""A chat request made into an exchange: checks, prompt, generations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from openai_bridge.v1 import chat_pb2

from bridge.errors import BridgeError, Reason
from bridge.protocol.chat_chunks import ChatChunks
from bridge.protocol.chat_messages import to_template, tools_to_template
from bridge.protocol.choices import check_common, fan_out
from bridge.protocol.exchange import Exchange
from bridge.protocol.model import CHAT_MAX_TOKENS
from bridge.protocol.request_fields import CHAT, forwarded, refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest, CreateChatCompletionStreamResponse

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

    Raises:
        BridgeError: the request is at fault; `param` names the field.
    """
    sampling = forwarded(request, CHAT, request.model)
    check_common(request, streaming=streaming)
    _check(request)
    prompt = _prompt(request, model, now)
    n = request.n if request.HasField("n") else 1
    limit, limit_param = _max_tokens(request, model)
    options = request.stream_options
    generations = fan_out(
        [prompt],
        n,
        sampling,
        request_id=request_id,
        max_tokens=limit,
        max_tokens_param=limit_param,
        logprobs=request.top_logprobs if request.logprobs else None,
    )
    chunks = ChatChunks(
        completion_id,
        int(now.timestamp()),
        request.model or model.id,
        choices=n,
        prompt_text=prompt if request.return_prompt_text else None,
        obfuscate=obfuscate if options.include_obfuscation else None,
    )
    return Exchange(
        model.translator,
        generations,
        chunks,
        per_prompt=n,
        include_usage=options.include_usage or not streaming,
        continuous_usage=options.continuous_usage_stats,
    )


def _check(request: CreateChatCompletionRequest) -> None:
    """Check what depends on more than one field."""
    if request.top_logprobs and not request.logprobs:
        raise BridgeError(
            Reason.INVALID_VALUE, "'top_logprobs' needs 'logprobs' to be true", param="top_logprobs"
        )
    _check_tools(request)


def _check_tools(request: CreateChatCompletionRequest) -> None:
    """Refuse what needs a parser of tool calls: an unparsed call would look like an answer."""
    choice = request.tool_choice
    none = choice.mode == chat_pb2.TOOL_CHOICE_MODE_NONE
    auto = choice.mode == chat_pb2.TOOL_CHOICE_MODE_AUTO
    if not request.tools:
        if request.HasField("tool_choice") and not (none or auto):
            raise BridgeError(Reason.INVALID_VALUE, "'tool_choice' needs 'tools'", param="tool_choice")
    elif not none:
        raise refusal("tools", request.model, "it has no parser for tool calls; set 'tool_choice' to 'none'")


def _prompt(request: CreateChatCompletionRequest, model: Model, now: datetime) -> str:
    opens = request.add_generation_prompt if request.HasField("add_generation_prompt") else None
    return model.template.render(
        to_template(request.messages),
        now=now,
        tools=tools_to_template(request.tools),
        documents=_json(request.documents_json, "documents") if request.documents_json else None,
        add_generation_prompt=opens,
        continue_final_message=request.continue_final_message,
        variables=_variables(request, model),
    )


def _variables(request: CreateChatCompletionRequest, model: Model) -> dict[str, Any]:
    """Return the template's extra variables: the client's own, effort and verbosity."""
    variables = _json(request.chat_template_kwargs_json or "{}", "chat_template_kwargs")
    if not isinstance(variables, dict):
        raise BridgeError(
            Reason.INVALID_TYPE, "'chat_template_kwargs' must be an object", param="chat_template_kwargs"
        )
    if request.HasField("reasoning_effort"):
        effort = request.reasoning_effort
        reads = [name for name in ("reasoning_effort", "enable_thinking") if model.template.reads(name)]
        if not reads and effort != "none":
            raise refusal("reasoning_effort", request.model, "its chat template does not read it")
        variables = {"reasoning_effort": effort, "enable_thinking": effort != "none", **variables}
    if request.HasField("verbosity"):
        if not model.template.reads("verbosity") and request.verbosity != "medium":
            raise refusal("verbosity", request.model, "its chat template does not read it")
        variables = {"verbosity": request.verbosity, **variables}
    return variables


def _json(text: str, param: str) -> Any:
    """Read a field that carries JSON as text: over gRPC it may hold anything."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise BridgeError(Reason.INVALID_VALUE, f"'{param}' must be JSON", param=param) from exc


def _max_tokens(request: CreateChatCompletionRequest, model: Model) -> tuple[int, str | None]:
    """Return the limit and the field that set it, if one did."""
    for name in ("max_completion_tokens", "max_tokens"):
        if request.HasField(name):
            return getattr(request, name), name
    return model.default_max_tokens or CHAT_MAX_TOKENS, None
