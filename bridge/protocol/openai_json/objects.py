"""Readers of JSON objects with known keys, and of objects told apart by `type`.

They know rules, not messages: which key goes where is compiled in `reader` or spelled out in `overrides`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from bridge.errors import BridgeError, Reason
from bridge.protocol.openai_json.place import At, Key, ignore, invalid, missing, wrong_type
from bridge.protocol.openai_json.scalars import Reader

Rule: TypeAlias = tuple[str | None, Reader]
"""Under which name the value of a key is kept (None: checked and dropped), and its reader."""
Finish: TypeAlias = Callable[[dict[str, Any], At], None]
"""Last word on what was read of an object, which it may change; the place is the object's own."""
Required: TypeAlias = Iterable[tuple[str, str]]
"""Pairs of the name under which a value is kept and its JSON key."""


def fields(rules: Mapping[str, Rule], required: Required = (), finish: Iterable[Finish] = ()) -> Reader:
    """Return the reader of an object; it yields keyword arguments for the message.

    Null is absence; a key without a rule is noted as ignored. What is `required` must be there, and the
    steps of `finish` run in order on the result.
    """
    find = rules.get
    steps = (*_require(required), *finish)

    def read(value: Any, at: At, key: Key) -> dict[str, Any]:
        if type(value) is not dict:
            raise wrong_type(value, "an object", at, key)
        here = (at, key)
        out: dict[str, Any] = {}
        for json_key, item in value.items():
            if item is None:
                continue
            rule = find(json_key)
            if rule is None:
                ignore(here, json_key)
            elif rule[0] is None:
                rule[1](item, here, json_key)
            else:
                out[rule[0]] = rule[1](item, here, json_key)
        for step in steps:
            step(out, here)
        return out

    return read


def _require(required: Required) -> Iterator[Finish]:
    """Yield the step that looks for what must be there, if anything must."""
    needed = tuple(required)

    def look(out: dict[str, Any], here: At) -> None:
        for name, json_key in needed:
            if name not in out:
                raise missing(here, json_key)

    if needed:
        yield look


def variants(
    readers: Mapping[str, Reader], *, default: str | None = None, refused: Iterable[str] = ()
) -> Reader:
    """Return the reader of an object that its `type` explains.

    Args:
        readers: the reader of the whole object by `type`.
        default: the type of an object that names none.
        refused: types that exist elsewhere and that this server does not know.
    """
    expected = "expected one of " + ", ".join(f"'{name}'" for name in readers)
    known_elsewhere = frozenset(refused)

    def read(value: Any, at: At, key: Key) -> Any:
        if type(value) is not dict:
            raise wrong_type(value, "an object", at, key)
        tag = value.get("type")
        if tag is None:
            tag = default
        reader = readers.get(tag) if type(tag) is str else None
        if reader is not None:
            return reader(value, at, key)
        here = (at, key)
        if type(tag) is str and tag in known_elsewhere:
            raise invalid(f"'{tag}' is not supported", here, "type", Reason.UNSUPPORTED_VALUE)
        raise _wrong_tag(tag, expected, here)

    return read


def _wrong_tag(tag: Any, expected: str, here: At) -> BridgeError:
    if tag is None:
        return missing(here, "type")
    if type(tag) is not str:
        return wrong_type(tag, "a string", here, "type")
    return invalid(expected, here, "type")


def checked_before(value: Any, at: At, key: Key) -> None:
    """Read the `type` of an object that `variants` has already looked at."""


def only_with(tag: str) -> Reader:
    """Return the reader of a key that belongs to another `type` of the object: always a fault."""

    def read(_: Any, at: At, key: Key) -> None:
        raise invalid(f"it belongs to an object of type '{tag}'", at, key)

    return read


def constant(value: str) -> Reader:
    """Return the reader of a key that has one value only."""

    def read(found: Any, at: At, key: Key) -> None:
        if type(found) is not str:
            raise wrong_type(found, "a string", at, key)
        if found != value:
            raise invalid(f"expected '{value}'", at, key)

    return read
