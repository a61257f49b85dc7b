"""The operator's limits on what one request may hold; the schema's own limits stand with its checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openai_bridge.v1.chat_pb2 import ChatMessage, CreateChatCompletionRequest
    from openai_bridge.v1.completions_pb2 import CreateCompletionRequest
    from openai_bridge.v1.embeddings_pb2 import CreateEmbeddingRequest

    from bridge.config import Limits


def check_chat(request: CreateChatCompletionRequest, limits: Limits) -> None:
    """Check a chat request.

    Raises:
        BridgeError: with the path of the field that holds too much.
    """
    _check_count("messages", len(request.messages), limits.max_messages)
    _check_count("tools", len(request.tools), limits.max_tools)
    _check_choices(request, limits)
    if limits.max_prompt_characters:
        texts = (text for message in request.messages for text in _texts(message))
        _check_characters("messages", texts, limits)


def check_completion(request: CreateCompletionRequest, limits: Limits) -> None:
    """Check a completion request.

    Raises:
        BridgeError: with the path of the field that holds too much.
    """
    _check_choices(request, limits)
    for at, prompt in enumerate(request.prompt if limits.max_prompt_characters else ()):
        _check_characters(_path("prompt", at, len(request.prompt)), (prompt.text,), limits)


def check_embedding(request: CreateEmbeddingRequest, limits: Limits) -> None:
    """Check an embedding request.

    Raises:
        BridgeError: with the path of the field that holds too much.
    """
    for at, part in enumerate(request.input if limits.max_prompt_characters else ()):
        _check_characters(_path("input", at, len(request.input)), (part.text,), limits)


def _texts(message: ChatMessage) -> Iterable[str]:
    """Yield what of a message a chat template may put into the prompt."""
    for part in message.content:
        yield part.text or part.refusal
    for call in message.tool_calls:
        yield call.function.arguments
    yield message.refusal
    yield message.reasoning_content
    yield message.function_call.arguments


def _path(field: str, at: int, of: int) -> str:
    """Return the path of an element; a single one was most likely not sent in a list."""
    return field if of == 1 else f"{field}[{at}]"


def _check_choices(request: CreateChatCompletionRequest | CreateCompletionRequest, limits: Limits) -> None:
    if request.n > limits.max_n:
        message = f"'n' must be at most {limits.max_n}, not {request.n}"
        raise BridgeError(Reason.INTEGER_ABOVE_MAX_VALUE, message, param="n")
    _check_count("stop", len(request.stop), limits.max_stops)


def _check_count(field: str, count: int, limit: int) -> None:
    if limit and count > limit:
        message = f"'{field}' holds {count} elements, more than the limit of {limit}"
        raise BridgeError(Reason.INVALID_VALUE, message, param=field)


def _check_characters(param: str, texts: Iterable[str], limits: Limits) -> None:
    limit = limits.max_prompt_characters
    if limit and (count := sum(map(len, texts))) > limit:
        message = f"'{param}' holds {count} characters, more than the limit of {limit}"
        raise BridgeError(Reason.INVALID_VALUE, message, param=param)
