"""The sampling parameters of a request, spelled and checked as vLLM does.

Rule: one field per key; a key that is not here is refused, as is null.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_LOGPROBS = 20
COLDEST = 0.01
"""Temperatures between 0 and this are raised to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParameters:
    """What vLLM's parameters of the same names mean; the defaults are vLLM's as well."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logit_bias: Mapping[int, float] | None = None
    allowed_token_ids: tuple[int, ...] | None = None
    bad_words: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    include_stop_str_in_output: bool = False
    ignore_eos: bool = False
    min_tokens: int = 0
    max_tokens: int = 16
    logprobs: int | None = None
    skip_special_tokens: bool = True

    @property
    def is_greedy(self) -> bool:
        """Whether the most probable token is always taken."""
        return self.temperature == 0


def parse(wanted: Mapping[str, Any], *, vocabulary: int) -> SamplingParameters:
    """Return the parameters of a JSON object, whose numbers and booleans may be text.

    Raises:
        ValueError: an unknown key, null, a wrong type or a value out of range; the message names the key.
    """
    values = {}
    for name, value in wanted.items():
        if name not in CONVERTERS:
            raise ValueError(f"unknown sampling parameter {name}")
        try:
            values[name] = CONVERTERS[name](value)
        except (TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{name} cannot be {value!r}") from error
    if values.get("seed") == -1:  # vLLM's word for none
        values["seed"] = None
    if 0 < values.get("temperature", 1.0) < COLDEST:
        values["temperature"] = COLDEST
    parameters = SamplingParameters(**values)
    _check(parameters, vocabulary)
    return parameters


def _check(p: SamplingParameters, vocabulary: int) -> None:
    ids = (*(p.logit_bias or ()), *(p.allowed_token_ids or ()))
    checks = {
        "temperature": 0 <= p.temperature < float("inf"),
        "top_p": 0 < p.top_p <= 1,
        "top_k": p.top_k >= -1,
        "min_p": 0 <= p.min_p <= 1,
        "presence_penalty": -2 <= p.presence_penalty <= 2,  # noqa: PLR2004 - OpenAI's range and vLLM's
        "frequency_penalty": -2 <= p.frequency_penalty <= 2,  # noqa: PLR2004
        "repetition_penalty": 0 < p.repetition_penalty < float("inf"),
        "stop": "" not in p.stop,
        "bad_words": "" not in p.bad_words,
        "max_tokens": p.max_tokens >= 1,
        "min_tokens": 0 <= p.min_tokens <= p.max_tokens,
        "logprobs": p.logprobs is None or 0 <= p.logprobs <= MOST_LOGPROBS,
        "a token id": all(0 <= token < vocabulary for token in ids),
        "allowed_token_ids": p.allowed_token_ids != (),
    }
    wrong = [name for name, is_right in checks.items() if not is_right]
    if wrong:
        raise ValueError(f"{wrong[0]} is out of range")


def _boolean(value: object) -> bool:
    if isinstance(value, str):
        return ("false", "true").index(value.lower()) == 1
    if not isinstance(value, bool):
        raise TypeError
    return value


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise TypeError
    return int(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError
    return float(value)


def _texts(value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise TypeError
    return tuple(values)


def _ids(value: list[Any]) -> tuple[int, ...]:
    return tuple(_integer(item) for item in value)


def _bias(value: dict[str, Any]) -> dict[int, float]:
    """JSON has no integer keys, so token ids come as text."""
    return {int(token): _number(bias) for token, bias in value.items()}


_BY_TYPE = {
    "bool": _boolean,
    "int": _integer,
    "int | None": _integer,
    "float": _number,
    "tuple[str, ...]": _texts,
    "tuple[int, ...]": _ids,
    "tuple[int, ...] | None": _ids,
    "Mapping[int, float] | None": _bias,
}
CONVERTERS = {field.name: _BY_TYPE[str(field.type)] for field in fields(SamplingParameters)}
