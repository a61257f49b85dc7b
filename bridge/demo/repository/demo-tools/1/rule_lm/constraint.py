"""The constraint on an answer, as the vLLM backend takes it in `sampling_parameters`.

Rule: JSON text in, a `Constraint` or a ValueError out; what satisfies it is `answer.py`'s.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS: Final = ("structured_outputs", "guided_decoding")
"""Of backends since 25.11, and of those before."""
KINDS: Final = ("json", "json_object", "regex", "choice", "grammar", "structural_tag")
NO_MATTER: Final = frozenset({"backend", "disable_fallback"})
"""Members that choose between vLLM's engines."""
OPTIONS: Final = frozenset({"disable_additional_properties", "disable_any_whitespace", "whitespace_pattern"})


@dataclass(frozen=True, slots=True)
class Constraint:
    """What the whole answer must be."""

    kind: str
    value: Any
    """Of kind `json` the schema, of `choice` a list of texts, of `regex` and `grammar` a text."""
    compact: bool = False
    """Whether JSON is written without white space."""
    closed: bool = False
    """Whether objects hold only properties that their schema declares."""


def taken(sampling: Mapping[str, Any]) -> tuple[Constraint | None, dict[str, Any]]:
    """Return the constraint in sampling parameters, if there is one, and the other parameters.

    Raises:
        ValueError: it is malformed, or of a kind that this model cannot do; the message names the member.
    """
    found = [key for key in KEYS if key in sampling]
    others = {key: value for key, value in sampling.items() if key not in KEYS}
    if len(found) > 1:
        raise ValueError(f"only one of {' and '.join(KEYS)} may be set")
    return (_read(sampling[found[0]], found[0]) if found else None), others


def _read(value: Any, key: str) -> Constraint:
    members = {name: each for name, each in _object(value, key).items() if each is not None}
    unknown = members.keys() - {*KINDS, *OPTIONS, *NO_MATTER}
    if unknown:
        raise ValueError(f"{key}.{min(unknown)} is unknown")
    kinds = [kind for kind in KINDS if members.get(kind, False) is not False]
    if len(kinds) != 1:
        raise ValueError(f"{key} must hold exactly one of {', '.join(KINDS)}, not {len(kinds)}")
    (kind,) = kinds
    return Constraint(
        kind=kind,
        value=_value(kind, members[kind], f"{key}.{kind}"),
        compact=bool(members.get("disable_any_whitespace")) or _forbids_none(members, key),
        closed=bool(members.get("disable_additional_properties")),
    )


def _object(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path} must be a JSON object")  # noqa: TRY004 - the request's fault, not a bug
    return value


def _value(kind: str, value: Any, path: str) -> Any:
    if kind == "structural_tag":
        raise ValueError(f"{path} is not supported by this model")
    if kind == "json":
        return _object(value, path)
    is_right = {
        "json_object": value is True,
        "choice": isinstance(value, list) and value != [] and all(isinstance(each, str) for each in value),
    }
    if not is_right.get(kind, isinstance(value, str)):
        raise ValueError(f"{path} is malformed")
    return value


def _forbids_none(members: Mapping[str, Any], key: str) -> bool:
    """Whether a pattern for white space is set; no white space at all must be among what it allows."""
    pattern = members.get("whitespace_pattern")
    if pattern is None:
        return False
    try:
        allows_none = re.fullmatch(pattern, "") is not None
    except (re.error, TypeError) as error:
        raise ValueError(f"{key}.whitespace_pattern is malformed: {error}") from error
    if not allows_none:
        raise ValueError(f"{key}.whitespace_pattern must allow no white space: this model writes none")
    return True
