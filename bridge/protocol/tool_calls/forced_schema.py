"""The form that guided decoding gives an answer which must be a call: a JSON Schema of the functions.

A named function's answer is its arguments; a required call's is an array of `{"name", "parameters"}`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from bridge.protocol.constraints import Constraint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.protocol.tool_choice import ToolUse

REFERENCE: Final = "$ref"


def forced_constraint(use: ToolUse) -> Constraint:
    """Return what the whole text of an answer must be, where a call is forced."""
    if use.mode == "named":
        schema = _parameters(*use.functions.values())
    else:
        schema = _calls(use.functions, first_only=use.first_only)
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    return Constraint(kind="json", value=text, param="tool_choice")


def _parameters(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a function's arguments, which are an object also where it does not say so."""
    typed = {"type": "object", **schema}
    # Engines take the absence of the second member for its opposite.
    return typed if len(typed) > 1 else {**typed, "additionalProperties": True}


def _calls(functions: Mapping[str, Mapping[str, Any]], *, first_only: bool) -> dict[str, Any]:
    """Return the schema of one or more calls.

    References count from the root of a document. So the schemas that hold some stand under `$defs`, whole
    and by the names of their functions, and their references begin there.
    """
    alternatives, definitions = [], {}
    for name, schema in functions.items():
        parameters = _parameters(schema)
        place = f"#/$defs/{name}"
        if (moved := _moved(parameters, place)) != parameters:
            definitions[name], parameters = moved, {REFERENCE: place}
        alternatives.append(
            {
                "type": "object",
                "properties": {"name": {"type": "string", "enum": [name]}, "parameters": parameters},
                "required": ["name", "parameters"],
                "additionalProperties": False,
            }
        )
    calls: dict[str, Any] = {"type": "array", "minItems": 1, "items": {"anyOf": alternatives}}
    if first_only:
        calls["maxItems"] = 1
    return {**calls, "$defs": definitions} if definitions else calls


def _moved(schema: dict[str, Any], place: str) -> dict[str, Any]:
    """Return a schema whose references to its own root lead to `place`, however deep it is nested."""
    moved: dict[str, Any] = {}
    todo: list[tuple[Any, Any]] = [(schema, moved)]
    while todo:
        source, target = todo.pop()
        for key, value in source.items() if isinstance(source, dict) else enumerate(source):
            target[key] = value
            if isinstance(value, dict | list):
                target[key] = {} if isinstance(value, dict) else [None] * len(value)
                todo.append((value, target[key]))
            elif key == REFERENCE and isinstance(value, str) and value.startswith("#"):
                target[key] = place + value[1:]
    return moved
