"""Constraints on the generated text: `structured_outputs`, and the `guided_*` names of older servers.

Whatever the spelling, at most one constraint leaves here, as one `StructuredOutputs`.
"""

from __future__ import annotations

from typing import Any, Final

from bridge.errors import BridgeError, Reason
from bridge.protocol.openai_json.containers import strings
from bridge.protocol.openai_json.objects import Rule, fields
from bridge.protocol.openai_json.place import At, Key, path
from bridge.protocol.openai_json.scalars import Reader, boolean, json_text, string

object_or_text: Final = json_text(dict, text=True)
"""Reads an object, or a string that holds JSON, as JSON text."""


def choice(value: Any, at: At, key: Key) -> dict[str, list[str]]:
    """Read an array of strings as a StringList."""
    return {"values": strings(value, at, key)}


CONSTRAINTS: Final[dict[str, Rule]] = {
    "json": ("schema_json", object_or_text),
    "regex": ("regex", string),
    "choice": ("choice", choice),
    "grammar": ("grammar", string),
    "json_object": ("json_object", boolean),
    "structural_tag": ("structural_tag_json", object_or_text),
}
"""JSON name -> member of the oneof, of which exactly one is set."""

GUIDED: Final[dict[str, Rule]] = {
    "guided_json": CONSTRAINTS["json"],
    "guided_regex": CONSTRAINTS["regex"],
    "guided_choice": CONSTRAINTS["choice"],
    "guided_grammar": CONSTRAINTS["grammar"],
    "guided_whitespace_pattern": ("whitespace_pattern", string),
}
"""Alias in the request -> field of StructuredOutputs."""

SPELLED: Final = "spelled"
"""Key of what is read of a request: path of a field -> the name that the client has for it."""

_MEMBERS: Final = frozenset(name for name, _ in CONSTRAINTS.values())


def _conflict(why: str, param: str) -> BridgeError:
    return BridgeError(Reason.INVALID_VALUE, f"Invalid value for '{param}': {why}.", param=param)


def _exactly_one(out: dict[str, Any], here: At) -> None:
    if out.get("json_object") is False:
        del out["json_object"]  # it constrains nothing
    if len(_MEMBERS & out.keys()) != 1:
        at, key = here if isinstance(here, tuple) else (here, "")
        names = ", ".join(f"'{name}'" for name in CONSTRAINTS)
        raise _conflict(f"it must hold exactly one of {names}", path(at, key))


def structured_outputs(others: dict[str, Rule]) -> Reader:
    """Return the reader of `structured_outputs`; `others` are the rules beside the constraint."""
    return fields({**others, **CONSTRAINTS}, finish=(_exactly_one,))


def guided_rules() -> dict[str, Rule]:
    """Return the rules that keep each `guided_*` value under its own name, for `fold_guided`."""
    return {name: (name, reader) for name, (_, reader) in GUIDED.items()}


def fold_guided(out: dict[str, Any], _: At) -> None:
    """Move the `guided_*` values of a request into its `structured_outputs`; `SPELLED` tells which."""
    sent = [name for name in GUIDED if name in out]
    if not sent:
        return
    spelled = {f"structured_outputs.{name.removeprefix('guided_')}": name for name in sent}
    out[SPELLED] = spelled if "structured_outputs" in out else {"structured_outputs": sent[0]} | spelled
    merged = out.setdefault("structured_outputs", {})
    for name in sent:
        field = str(GUIDED[name][0])
        if field in merged or (field in _MEMBERS and _MEMBERS & merged.keys()):
            raise _conflict("the request has more than one constraint on its text", name)
        merged[field] = out.pop(name)
    if not _MEMBERS & merged.keys():
        raise _conflict("there is no constraint for it to act on", sent[0])
