"""Readers of single JSON values: each takes a value and its place, and returns what protobuf wants.

A reader checks the JSON type and the width of the protobuf type, nothing else: ranges that OpenAI sets
belong to validation, which both doors share.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

from bridge.errors import Reason
from bridge.protocol.openai_json.place import KINDS, At, Key, invalid, wrong_type

if TYPE_CHECKING:
    from google.protobuf.descriptor import EnumDescriptor

Reader: TypeAlias = Callable[[Any, At, Key], Any]
"""Reads the JSON value that stands under the key of a place; raises BridgeError with its path."""

MAX_INT32: Final = 2**31 - 1
MAX_INT64: Final = 2**63 - 1
MAX_UINT64: Final = 2**64 - 1
_EXACT: Final = 2**53
_LONGEST_INT32: Final = len("-2147483648")


def string(value: Any, at: At, key: Key) -> str:
    """Read a JSON string."""
    if type(value) is str:
        return value
    raise wrong_type(value, "a string", at, key)


def boolean(value: Any, at: At, key: Key) -> bool:
    """Read `true` or `false`; 0, 1 and words are neither."""
    if value is True or value is False:
        return bool(value)
    raise wrong_type(value, "a boolean", at, key)


def number(value: Any, at: At, key: Key) -> float:
    """Read any JSON number, as a double."""
    if type(value) is float or type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise invalid("the number is too large", at, key, Reason.DECIMAL_ABOVE_MAX_VALUE) from None
    raise wrong_type(value, "a number", at, key)


def integer(low: int, high: int) -> Reader:
    """Return the reader of integers from `low` to `high`; `2.0` is the integer 2."""

    def read(value: Any, at: At, key: Key) -> int:
        if type(value) is int and low <= value <= high:
            return value
        return _odd_integer(value, at, key)

    def _odd_integer(value: Any, at: At, key: Key) -> int:
        if type(value) is not int:
            if type(value) is not float or not value.is_integer():
                raise wrong_type(value, "an integer", at, key)
            value = int(value)
        if value > high:
            raise invalid(f"it must be at most {high}", at, key, Reason.INTEGER_ABOVE_MAX_VALUE)
        if value < low:
            raise invalid(f"it must be at least {low}", at, key, Reason.INTEGER_BELOW_MIN_VALUE)
        if abs(value) > _EXACT:
            # orjson reads integers beyond 64 bits as floats, which may be another number.
            raise invalid(f"a number with a fraction or an exponent is exact up to {_EXACT} only", at, key)
        return int(value)

    return read


int32: Final = integer(-MAX_INT32 - 1, MAX_INT32)
int64: Final = integer(-MAX_INT64 - 1, MAX_INT64)
uint32: Final = integer(0, 2**32 - 1)
uint64: Final = integer(0, MAX_UINT64)


def int32_key(value: str, at: At, key: Key) -> int:
    """Read the key of an object as a decimal int32, as in `logit_bias`."""
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise invalid("the key must be a decimal integer", at, key)
    if len(value) > _LONGEST_INT32:
        raise invalid("the key is out of the range of int32", at, key)
    found = int(value)
    if not -MAX_INT32 - 1 <= found <= MAX_INT32:
        raise invalid("the key is out of the range of int32", at, key)
    return found


def enum_words(enum: EnumDescriptor) -> dict[int, str]:
    """Return the JSON word of each number but 0: the lower-case name without the enum's prefix."""
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return {v.number: v.name.removeprefix(prefix).lower() for v in enum.values if v.number}


def word(enum: EnumDescriptor) -> Reader:
    """Return the reader of an enum's words; it yields the number."""
    numbers = {name: number for number, name in enum_words(enum).items()}
    expected = "expected one of " + ", ".join(f"'{name}'" for name in numbers)

    def read(value: Any, at: At, key: Key) -> int:
        if type(value) is not str:
            raise wrong_type(value, "a string", at, key)
        found = numbers.get(value)
        if found is None:
            raise invalid(expected, at, key)
        return found

    return read


def base64_bytes(value: Any, at: At, key: Key) -> bytes:
    """Read base64 text of the standard alphabet, with padding."""
    try:
        return base64.b64decode(string(value, at, key), validate=True)
    except (binascii.Error, ValueError):
        raise invalid("it is not base64", at, key) from None


def json_text(*types: type, text: bool = False) -> Reader:
    """Return the reader of free JSON, which travels as JSON text.

    Args:
        types: the types it may have, of dict, list and the like; none means any.
        text: a string is taken as JSON text itself.
    """
    expected = " or ".join([KINDS[t] for t in types] + ["a string of JSON"] * text)

    def read(value: Any, at: At, key: Key) -> str:
        if text and type(value) is str:
            return _checked(value, at, key)
        if types and type(value) not in types:
            raise wrong_type(value, expected, at, key)
        try:
            return orjson.dumps(value).decode()
        except TypeError:
            raise invalid("it is nested too deeply", at, key) from None

    return read


def _checked(text: str, at: At, key: Key) -> str:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        raise invalid("the string is not JSON", at, key) from None
    return text
