"""Prompts cut to a number of tokens: `truncate_prompt_tokens` and `truncation_side`.

The engines take text, so the text is cut, where two of its tokens meet; ids are never turned back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError, Reason
from bridge.protocol.prompt_tokens import required_tokenizer
from bridge.protocol.request_fields import refusal

if TYPE_CHECKING:
    from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest
    from openai_bridge.v1.completions_pb2 import CreateCompletionRequest

    from bridge.protocol.model import Model
    from bridge.protocol.tokenizer import Tokenizer

SIDES: Final = ("left", "right")
"""Ends of a prompt that may be cut. The first is the default: the end of a prompt holds the question."""

_PARAM: Final = "truncate_prompt_tokens"


def truncated(
    text: str,
    request: CreateChatCompletionRequest | CreateCompletionRequest,
    model: Model,
    *,
    max_tokens: int | None,
) -> str:
    """Return a prompt cut as `truncate_prompt_tokens` and `truncation_side` ask.

    Special tokens that the engine adds count and stay; -1 leaves room for `max_tokens`, the limit that the
    request sets, or for one token.

    Raises:
        BridgeError: the model has no tokenizer or no known length, or nothing would be left.
    """
    side = request.truncation_side or SIDES[0]
    if side not in SIDES:
        sentence = "'truncation_side' must be 'left' or 'right'"
        raise BridgeError(Reason.INVALID_VALUE, sentence, param="truncation_side")
    if not request.HasField(_PARAM):
        return text
    tokenizer, room = required_tokenizer(model, _PARAM), _limit(request, model, max_tokens)
    room -= tokenizer.special_count if model.adds_special_tokens else 0
    left = cut(text, room, tokenizer, side=side) if room > 0 else ""
    if not left:
        sentence = f"'{_PARAM}' leaves nothing of the prompt"
        raise BridgeError(Reason.INTEGER_BELOW_MIN_VALUE, sentence, param=_PARAM)
    return left


def _limit(
    request: CreateChatCompletionRequest | CreateCompletionRequest, model: Model, max_tokens: int | None
) -> int:
    if request.truncate_prompt_tokens >= 0:
        return request.truncate_prompt_tokens
    if model.max_model_len is None:
        raise refusal(_PARAM, model.id, "the length of its context is not known")
    return model.max_model_len - (max_tokens or 1)


def cut(text: str, room: int, tokenizer: Tokenizer, *, side: str) -> str:
    """Return the longest end (`side` left) or beginning of a text that has at most `room` tokens.

    It is cut between two tokens and never within a character; "longest" is up to the tokens that merge
    otherwise at the cut.
    """
    while len(spans := tokenizer.spans(text)) > room:
        if side == "left":
            # The end of the last token that goes, not the start of the first that stays: a space between
            # them belongs to the latter.
            text = text[max(spans[-room - 1][1], 1) :]
        else:
            text = text[: min(spans[room - 1][1], len(text) - 1)]
    return text
