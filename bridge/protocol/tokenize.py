"""POST /tokenize and /detokenize as vLLM has them: JSON in, JSON out.

A request with messages is read as a chat request, one with a prompt as a completion request, so that a
client may count the very body that it is about to send.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
from openai_bridge.v1.completions_pb2 import CreateCompletionRequest

from bridge.errors import BridgeError, Reason
from bridge.protocol import openai_json
from bridge.protocol.chat_prompt import chat_prompt
from bridge.protocol.openai_json.containers import integers
from bridge.protocol.openai_json.objects import fields
from bridge.protocol.openai_json.place import invalid, missing, wrong_type
from bridge.protocol.openai_json.scalars import MAX_INT32, boolean, int32, string
from bridge.protocol.prompt_tokens import check_ids

if TYPE_CHECKING:
    from datetime import datetime

    from bridge.protocol.model import Model
    from bridge.protocol.openai_json.place import At
    from bridge.protocol.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizeRequest:
    """What is to be tokenized."""

    source: CreateChatCompletionRequest | CreateCompletionRequest
    return_token_strs: bool = False
    ignored: tuple[str, ...] = ()
    """Paths of unknown fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetokenizeRequest:
    """What is to be turned into text."""

    model: str
    """Name, or empty."""
    tokens: list[int]
    ignored: tuple[str, ...] = ()
    """Paths of unknown fields."""


_DETOKENIZE: Final = fields(
    {"model": ("model", string), "tokens": ("tokens", integers(int32, -MAX_INT32 - 1, MAX_INT32))},
    [("tokens", "tokens")],
)


def read_tokenize(json: dict[str, Any]) -> TokenizeRequest:
    """Read a request from the JSON object of a body.

    Raises:
        BridgeError: with the path of the field at fault.
    """
    rest = dict(json)
    here: At = ([], "")
    strings = rest.pop("return_token_strs", None)
    wanted = strings is not None and boolean(strings, here, "return_token_strs")
    prompt, messages = rest.get("prompt"), rest.get("messages")
    if prompt is not None and messages is not None:
        raise invalid("'prompt' and 'messages' exclude each other", here, "messages")
    if messages is not None:
        chat = openai_json.read(CreateChatCompletionRequest, rest)
        return TokenizeRequest(source=chat.message, return_token_strs=wanted, ignored=chat.ignored)
    if prompt is None:
        raise missing(here, "prompt")
    if not isinstance(prompt, str):
        raise wrong_type(prompt, "a string", here, "prompt")
    completion = openai_json.read(CreateCompletionRequest, rest)
    return TokenizeRequest(source=completion.message, return_token_strs=wanted, ignored=completion.ignored)


def read_detokenize(json: dict[str, Any]) -> DetokenizeRequest:
    """Read a request from the JSON object of a body.

    Raises:
        BridgeError: with the path of the field at fault.
    """
    ignored: list[str] = []
    values = _DETOKENIZE(json, ignored, "")
    return DetokenizeRequest(model=values.get("model", ""), tokens=values["tokens"], ignored=tuple(ignored))


def tokenizer_of(model: Model) -> Tokenizer:
    """Return the model's tokenizer.

    Raises:
        BridgeError: MODEL_NOT_COMPATIBLE: none is configured.
    """
    if model.tokenizer is None:
        sentence = f"model {model.id!r} has no tokenizer configured"
        raise BridgeError(Reason.MODEL_NOT_COMPATIBLE, sentence, param="model", model=model.id)
    return model.tokenizer


def text_of(request: TokenizeRequest, model: Model, now: datetime) -> tuple[str, bool]:
    """Return the text, and whether special tokens are added to it.

    Messages come out as the engine will see them: with the special tokens that it adds by itself.

    Args:
        request: from `read_tokenize`.
        model: the one it names.
        now: local time, for templates that print a date.

    Raises:
        BridgeError: the messages are at fault, or the chat template refuses them.
    """
    source = request.source
    if isinstance(source, CreateChatCompletionRequest):
        return chat_prompt(source, model, now), source.add_special_tokens or model.adds_special_tokens
    return source.prompt[0].text, source.add_special_tokens or not source.HasField("add_special_tokens")


def tokenized(
    text: str, tokenizer: Tokenizer, *, add_special_tokens: bool, strings: bool, max_model_len: int | None
) -> bytes:
    """Return the answer of /tokenize: `{count, max_model_len, tokens, token_strs}`.

    The last is null unless `strings`: each token as the vocabulary spells it.
    """
    ids = tokenizer.encode(text, add_special_tokens=add_special_tokens)
    spelled = [tokenizer.token(number) for number in ids] if strings else None
    return orjson.dumps(
        {"count": len(ids), "max_model_len": max_model_len, "tokens": ids, "token_strs": spelled}
    )


def detokenized(request: DetokenizeRequest, tokenizer: Tokenizer) -> bytes:
    """Return the answer of /detokenize: `{prompt}`, special tokens spelled out.

    Raises:
        BridgeError: an id is no token of the model.
    """
    check_ids(request.tokens, tokenizer, "tokens")
    return orjson.dumps({"prompt": tokenizer.decode(request.tokens, skip_special_tokens=False)})
