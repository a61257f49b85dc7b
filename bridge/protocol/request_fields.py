"""Every field of the two generation requests: what the bridge does with it and what it may hold.

One row per proto field (a test fails when one is missing), for both transports. The classes and
ranges are OpenAI's and those of the servers whose extensions clients send.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message


class Handling(Enum):
    """What becomes of a field."""

    FORWARD = auto()
    """Reaches the model, or the request is refused."""
    CONSTRAINT = auto()
    """Reaches the model as its one constraint, or the request is refused; see `constraints`."""
    BRIDGE = auto()
    """Done by the bridge, for every model."""
    IGNORED = auto()
    """Accepted, without effect on the generation."""
    REFUSED = auto()
    """Refused unless it has a neutral value."""


@dataclass(frozen=True, slots=True)
class Field:
    """One row: handling, range (inclusive unless `above`), and the values that ask for nothing."""

    handling: Handling
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False
    """The minimum itself is not allowed."""
    neutral: tuple[object, ...] = ()
    message: str = ""
    """Why it is refused, if there is more to say than that it is."""


def _forward(minimum: float | None = None, maximum: float | None = None, *neutral: object) -> Field:
    return Field(Handling.FORWARD, minimum, maximum, neutral=neutral)


def _refused(*neutral: object, message: str = "") -> Field:
    return Field(Handling.REFUSED, neutral=neutral, message=message)


_CONSTRAINT: Final = Field(Handling.CONSTRAINT)
_BRIDGE: Final = Field(Handling.BRIDGE)
_IGNORED: Final = Field(Handling.IGNORED)

_COMMON: Final[dict[str, Field]] = {
    "model": _BRIDGE,
    "temperature": _forward(0, 2),
    "top_p": _forward(0, 1, 1.0),
    "n": Field(Handling.BRIDGE, 1, 128),
    "stop": _forward(),
    "presence_penalty": _forward(-2, 2, 0.0),
    "frequency_penalty": _forward(-2, 2, 0.0),
    "logit_bias": _forward(-100, 100),
    "seed": _forward(),
    "stream_options": _BRIDGE,
    "user": _IGNORED,
    "top_k": _forward(-1, None, 0, -1),
    "min_p": _forward(0, 1, 0.0),
    "repetition_penalty": Field(Handling.FORWARD, 0, above=True, neutral=(1.0,)),
    "min_tokens": _forward(0, None, 0),
    "ignore_eos": _forward(None, None, False),
    "stop_token_ids": _forward(0),
    "include_stop_str_in_output": _forward(None, None, False),
    "skip_special_tokens": _forward(None, None, True),
    "spaces_between_special_tokens": _forward(None, None, True),
    "bad_words": _forward(),
    "allowed_token_ids": _forward(0),
    "structured_outputs": _CONSTRAINT,
    "truncate_prompt_tokens": Field(Handling.BRIDGE, -1),
    "truncation_side": _BRIDGE,
    "triton_parameters": _forward(),
    "priority": _forward(0, None, 0),
    "cache_salt": _forward(),
    "stream_interval": Field(Handling.BRIDGE, 1),
    "return_token_ids": _BRIDGE,
    "return_tokens_as_token_ids": _BRIDGE,
    "return_prompt_text": _BRIDGE,
}

CHAT: Final[dict[str, Field]] = _COMMON | {
    "messages": _BRIDGE,
    "max_tokens": Field(Handling.BRIDGE, 1),
    "max_completion_tokens": Field(Handling.BRIDGE, 1),
    "logprobs": _BRIDGE,
    "top_logprobs": Field(Handling.BRIDGE, 0, 20),
    "tools": _BRIDGE,
    "tool_choice": _BRIDGE,
    "parallel_tool_calls": _BRIDGE,
    "response_format": _CONSTRAINT,
    "reasoning_effort": _BRIDGE,
    "verbosity": _BRIDGE,
    "service_tier": _IGNORED,
    "metadata": _IGNORED,
    "store": _IGNORED,
    "safety_identifier": _IGNORED,
    "prompt_cache_key": _IGNORED,
    "prompt_cache_retention": _IGNORED,
    "prompt_cache_options": _IGNORED,
    "prediction": _IGNORED,
    "modalities": _refused(["text"], message="only text is generated"),
    "audio": _refused(message="only text is generated"),
    "web_search_options": _refused(),
    "moderation": _refused(),
    "functions": _refused(message="use tools"),
    "function_call": _refused(message="use tool_choice"),
    "chat_template_kwargs_json": _BRIDGE,
    "documents_json": _BRIDGE,
    "add_generation_prompt": _BRIDGE,
    "continue_final_message": _BRIDGE,
    "add_special_tokens": _BRIDGE,
    "include_reasoning": _BRIDGE,
    "separate_reasoning": _BRIDGE,
}
"""Fields of CreateChatCompletionRequest."""

COMPLETION: Final[dict[str, Field]] = _COMMON | {
    "prompt": _BRIDGE,
    "max_tokens": Field(Handling.BRIDGE, 0),
    "logprobs": Field(Handling.BRIDGE, 0, 5),
    "echo": _BRIDGE,
    "best_of": Field(Handling.BRIDGE, 0, 20),
    "suffix": _refused("", message="this model cannot fill in the middle"),
    "add_special_tokens": _BRIDGE,
}
"""Fields of CreateCompletionRequest."""


def forwarded(request: Message, fields: Mapping[str, Field], model: str) -> dict[str, Any]:
    """Check every field that the request sets; return those of class F as plain Python values.

    Raises:
        BridgeError: a value out of range, or a field that is refused; `param` is its path.
    """
    values: dict[str, Any] = {}
    for descriptor, value in request.ListFields():
        field = fields[descriptor.name]
        param = descriptor.name.removesuffix("_json")
        plain = _plain(descriptor, value)
        _check(field, param, plain)
        if field.handling is Handling.FORWARD:
            values[descriptor.name] = plain
        elif field.handling is Handling.REFUSED and plain not in field.neutral:
            raise refusal(param, model, field.message)
    return values


def refusal(param: str, model: str, why: str = "") -> BridgeError:
    """Return the error for a field that cannot be honoured with this model."""
    message = f"{param!r} is not supported with model {model!r}" + (f": {why}" if why else "")
    return BridgeError(Reason.UNSUPPORTED_PARAMETER, message, param=param, model=model)


def _plain(descriptor: FieldDescriptor, value: Any) -> Any:
    """Return lists and dicts for protobuf's containers of scalars; messages stay as they are."""
    if not descriptor.is_repeated:
        return value
    kind = descriptor.message_type
    return dict(value) if kind is not None and kind.GetOptions().map_entry else list(value)


def _check(field: Field, param: str, value: Any) -> None:
    """Check a scalar, or every element of a list or values of a map."""
    if isinstance(value, list):
        for at, item in enumerate(value):
            _check_scalar(field, f"{param}[{at}]", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_scalar(field, f"{param}.{key}", item)
    else:
        _check_scalar(field, param, value)


def _check_scalar(field: Field, param: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    kind = "INTEGER" if isinstance(value, int) else "DECIMAL"
    low, high = field.minimum, field.maximum
    if not math.isfinite(value):
        raise BridgeError(Reason.INVALID_VALUE, f"{param!r} must be a finite number", param=param)
    if low is not None and (value < low or (field.above and value == low)):
        wanted = f"above {low}" if field.above else f"at least {low}"
        raise BridgeError(
            Reason[f"{kind}_BELOW_MIN_VALUE"], f"{param!r} must be {wanted}, not {value}", param=param
        )
    if high is not None and value > high:
        raise BridgeError(
            Reason[f"{kind}_ABOVE_MAX_VALUE"], f"{param!r} must be at most {high}, not {value}", param=param
        )


FORWARD_NEUTRAL: Final[Mapping[str, tuple[object, ...]]] = {
    name: field.neutral for name, field in (CHAT | COMPLETION).items() if field.handling is Handling.FORWARD
}
"""Field of class F -> the values that a model which cannot carry it may ignore."""
