"""Where a value stands in the client's JSON, and the faults that name that place.

A place is a linked pair (place of the parent, key): building one costs a tuple, and only a fault or an
unknown field turns it into text. The chain ends in the list that collects the unknown fields' paths.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from bridge.errors import BridgeError, Reason

Key: TypeAlias = str | int
"""A key of an object as the client spelled it, or an index of an array."""
At: TypeAlias = "tuple[At, Key] | list[str]"
"""A place in the request, or the list of ignored paths above the request itself."""

MAX_PATH: Final = 256
"""Characters of a path that are kept: keys are the client's and may have any length."""

KINDS: Final[dict[type, str]] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


def path(at: At, key: Key) -> str:
    """Return the path of `key` under `at`, such as `messages[0].content[1].image_url.url`."""
    keys = [key]
    while isinstance(at, tuple):
        at, parent = at
        keys.append(parent)
    text = ""
    for part in reversed(keys):
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            # The request itself has the key "": it starts no path.
            text += f".{part}" if text else part
    return text[:MAX_PATH]


def ignore(at: At, key: Key) -> None:
    """Remember that the field `key` under `at` is not known."""
    name = path(at, key)
    while isinstance(at, tuple):
        at = at[0]
    at.append(name)


def wrong_type(value: Any, expected: str, at: At, key: Key) -> BridgeError:
    """Return the fault of a value that is not `expected`, such as "a string"."""
    param = path(at, key)
    got = KINDS.get(type(value), "something else")
    sentence = f"Invalid type for '{param}': expected {expected}, but got {got} instead."
    return BridgeError(Reason.INVALID_TYPE, sentence, param=param)


def missing(at: At, key: Key) -> BridgeError:
    """Return the fault of a required field that is absent or null."""
    param = path(at, key)
    sentence = f"Missing required parameter: '{param}'."
    return BridgeError(Reason.MISSING_REQUIRED_PARAMETER, sentence, param=param)


def invalid(why: str, at: At, key: Key, reason: Reason = Reason.INVALID_VALUE) -> BridgeError:
    """Return the fault of a value that has its type but not its form; `why` ends the sentence."""
    param = path(at, key)
    return BridgeError(reason, f"Invalid value for '{param}': {why}.", param=param)


def unsupported(why: str, at: At, key: Key) -> BridgeError:
    """Return the fault of a known field that this server refuses; `why` is a sentence of its own."""
    param = path(at, key)
    sentence = f"Unsupported parameter: '{param}' is not supported. {why}".rstrip()
    return BridgeError(Reason.UNSUPPORTED_PARAMETER, sentence, param=param)
