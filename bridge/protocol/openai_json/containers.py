"""Readers of JSON arrays, and of objects that are maps.

The good path pays nothing for the index of a failing element: arrays of scalars are checked as a whole
and searched only after a failure.
"""

from __future__ import annotations

from typing import Any

from bridge.protocol.openai_json.place import At, Key, wrong_type
from bridge.protocol.openai_json.scalars import Reader, string


def array(element: Reader, expected: str = "an array") -> Reader:
    """Return the reader of an array; `element` reads each member, null is none."""

    def read(value: Any, at: At, key: Key) -> list[Any]:
        if type(value) is not list:
            raise wrong_type(value, expected, at, key)
        here = (at, key)
        return [element(item, here, i) for i, item in enumerate(value)]

    return read


def strings(value: Any, at: At, key: Key) -> list[str]:
    """Read an array of strings."""
    if type(value) is not list:
        raise wrong_type(value, "an array of strings", at, key)
    if not set(map(type, value)) <= {str}:
        for i, item in enumerate(value):
            string(item, (at, key), i)
    return value


def string_or_strings(value: Any, at: At, key: Key) -> list[str]:
    """Read a string, as a list of one, or an array of strings."""
    if type(value) is str:
        return [value]
    if type(value) is list:
        return strings(value, at, key)
    raise wrong_type(value, "a string or an array of strings", at, key)


def integers(element: Reader, low: int, high: int) -> Reader:
    """Return the reader of an array of integers from `low` to `high`; `element` reads one."""

    def read(value: Any, at: At, key: Key) -> list[int]:
        if type(value) is not list:
            raise wrong_type(value, "an array of integers", at, key)
        if not value:
            return []
        if set(map(type, value)) == {int} and low <= min(value) and max(value) <= high:
            return value
        here = (at, key)
        return [element(item, here, i) for i, item in enumerate(value)]

    return read


def mapping(name: Reader, element: Reader) -> Reader:
    """Return the reader of an object with free keys: `name` reads a key, `element` its value."""

    def read(value: Any, at: At, key: Key) -> dict[Any, Any]:
        if type(value) is not dict:
            raise wrong_type(value, "an object", at, key)
        here = (at, key)
        return {name(k, here, k): element(item, here, k) for k, item in value.items() if item is not None}

    return read
