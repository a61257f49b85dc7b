"""The prompt as tokens: ids to text, special tokens, and the room that is left for the answer.

The engines take text and tokenize it themselves. So every function here ends in text, and counts what the
engine will see: with the special tokens that it adds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError, Reason
from bridge.protocol.model import CHAT_MAX_TOKENS
from bridge.protocol.request_fields import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.protocol.model import Model
    from bridge.protocol.tokenizer import Tokenizer

_LOST: Final = "\ufffd"


def required_tokenizer(model: Model, param: str) -> Tokenizer:
    """Return the model's tokenizer.

    Raises:
        BridgeError: UNSUPPORTED_PARAMETER: it has none, so that `param` cannot be honoured.
    """
    if model.tokenizer is None:
        raise refusal(param, model.id, "this model has no tokenizer configured")
    return model.tokenizer


def prompt_ids(text: str, model: Model) -> list[int] | None:
    """Return the tokens that the engine makes of a prompt; None where no tokenizer is configured."""
    if model.tokenizer is None:
        return None
    return model.tokenizer.encode(text, add_special_tokens=model.adds_special_tokens)


def prompt_text(ids: Sequence[int], tokenizer: Tokenizer, *, param: str, adds_special_tokens: bool) -> str:
    """Return the text whose tokens are `ids`, special tokens spelled out.

    The engine may cut the same text into other tokens where `ids` are not what the tokenizer makes of it.

    Args:
        ids: token ids from a client.
        tokenizer: the model's.
        param: path of the array, such as `prompt` or `prompt[1]`.
        adds_special_tokens: whether the engine adds special tokens, which are then left out.

    Raises:
        BridgeError: an id is no token, there are none, or they begin or end within a character.
    """
    check_ids(ids, tokenizer, param)
    if adds_special_tokens:
        ids = tokenizer.unframed(ids)
    text = tokenizer.decode(ids, skip_special_tokens=False)
    if not text:
        raise BridgeError(Reason.INVALID_VALUE, f"{param!r} must not be empty", param=param)
    if _LOST in text and tokenizer.encode(text, add_special_tokens=False) != list(ids):
        sentence = f"{param!r} holds a part of a character: these token ids are no text"
        raise BridgeError(Reason.INVALID_VALUE, sentence, param=param)
    return text


def check_ids(ids: Sequence[int], tokenizer: Tokenizer, param: str) -> None:
    """Check that all ids are tokens.

    Raises:
        BridgeError: naming the first that is not, as `param[i]`.
    """
    at = tokenizer.first_unknown(ids)
    if at is None:
        return
    path, last = f"{param}[{at}]", tokenizer.vocab_size - 1
    if ids[at] > last:
        reason, why = Reason.INTEGER_ABOVE_MAX_VALUE, f"must be at most {last}, the last token id"
    elif ids[at] < 0:
        reason, why = Reason.INTEGER_BELOW_MIN_VALUE, "must be at least 0"
    else:
        reason, why = Reason.INVALID_VALUE, "is no token of this model"
    raise BridgeError(reason, f"'{path}' {why}", param=path)


def with_special_tokens(text: str, wanted: bool | None, model: Model) -> str:
    """Return a prompt so that the engine sees special tokens around it as `add_special_tokens` asks.

    Args:
        text: the prompt.
        wanted: the field; None where it is absent, and for its default in chat, where templates write them.
        model: the one that is asked.

    Raises:
        BridgeError: UNSUPPORTED_PARAMETER: the engine does otherwise, and text cannot change that.
    """
    if wanted is None or wanted == model.adds_special_tokens:
        return text
    tokenizer = required_tokenizer(model, "add_special_tokens")
    if wanted or not tokenizer.special_count:
        return tokenizer.framed(text) if wanted else text
    raise refusal("add_special_tokens", model.id, "its engine adds special tokens to every prompt")


def answer_limit(
    asked: int | None,
    *,
    default: int | None,
    fallback: int | None,
    prompt_tokens: int | None,
    model: Model,
    param: str,
) -> int:
    """Return the most tokens that an answer may have.

    Args:
        asked: what the request says.
        default: what the operator configured.
        fallback: where neither does; None is all that the context leaves, else 1024.
        prompt_tokens: of the prompt, the longest if there are several; None if they cannot be counted.
        model: the one that is asked.
        param: the field that holds the prompt.

    Raises:
        BridgeError: CONTEXT_LENGTH_EXCEEDED: the prompt, or what is asked for after it, does not fit.
    """
    limit = next((value for value in (asked, default, fallback) if value is not None), None)
    if prompt_tokens is None or model.max_model_len is None:
        return CHAT_MAX_TOKENS if limit is None else limit
    left = model.max_model_len - prompt_tokens
    if left < (1 if asked is None else asked):
        raise _too_long(model.max_model_len, prompt_tokens, asked if left > 0 else None, param)
    return left if limit is None else min(limit, left)


def _too_long(length: int, prompt_tokens: int, asked: int | None, param: str) -> BridgeError:
    """Return the fault in the words that clients look for."""
    more = f", and {asked} more are asked for" if asked else ""
    return BridgeError(
        Reason.CONTEXT_LENGTH_EXCEEDED,
        f"This model's maximum context length is {length} tokens. However, your messages resulted in "
        f"{prompt_tokens} tokens{more} (context_length_exceeded). Please reduce the length of the messages.",
        param=param,
    )
