"""What a request demands of the form of its text: one constraint, whichever field asked for it.

Rule: fields of requests in, a `Constraint` or a fault out. How a model is told is the translators' own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import orjson
from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest

from bridge.errors import BridgeError, Reason
from bridge.protocol.json_depth import MAX_DEPTH, is_too_deep

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from openai_bridge.v1.chat_pb2 import ResponseFormat
    from openai_bridge.v1.common_pb2 import StructuredOutputs
    from openai_bridge.v1.completions_pb2 import CreateCompletionRequest

    from bridge.protocol.model import Model

Kind: TypeAlias = Literal["json", "json_object", "regex", "choice", "grammar", "structural_tag"]
"""A member of vLLM's `structured_outputs`, of which a constraint is one."""

FIELDS: Final = ("response_format", "structured_outputs")
"""Fields of requests that hold a constraint."""

OPTIONS: Final = ("whitespace_pattern", "disable_any_whitespace", "disable_additional_properties")
"""Members of `structured_outputs` that say more of a constraint."""

ANY_OBJECT: Final = '{"type":"object","additionalProperties":true}'
"""The schema of any JSON object; with the second member, because engines take `strict` for granted."""

_SCHEMA_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """What the whole text of an answer must be."""

    kind: Kind
    value: str = ""
    """JSON Schema or structural tag as valid JSON text, regular expression, or grammar."""
    choices: tuple[str, ...] = ()
    """The texts to choose from, of kind "choice"."""
    options: Mapping[str, str | bool] = field(default_factory=dict)
    """Those of `OPTIONS` that ask for something."""
    param: str
    """The field of the request that asked for it, for errors."""


def constraint_of(request: CreateChatCompletionRequest | CreateCompletionRequest) -> Constraint | None:
    """Return what `response_format` or `structured_outputs` demand, or None if they demand nothing.

    Raises:
        BridgeError: a value is missing, empty or malformed, or both fields demand something; `param` is
            the path of the field at fault.
    """
    form = None
    if isinstance(request, CreateChatCompletionRequest) and request.HasField("response_format"):
        form = _of_format(request.response_format)
    if not request.HasField("structured_outputs"):
        return form
    constraint = _of_outputs(request.structured_outputs)
    if form is not None:
        sentence = "'structured_outputs' and 'response_format' both constrain the text; only one may"
        raise BridgeError(Reason.INVALID_VALUE, sentence, param="structured_outputs")
    return constraint


def check_carried(constraint: Constraint, carried: Collection[str], model: str) -> None:
    """Check that a model can be told of a constraint.

    Args:
        constraint: what is demanded.
        carried: as `Translator.constraints`.
        model: its name, for the error.

    Raises:
        BridgeError: UNSUPPORTED_PARAMETER naming the field, or the option that cannot be carried.
    """
    for name in (constraint.kind, *constraint.options):
        if name not in carried:
            raise _not_carried(constraint, name, model)


def carried_constraint(
    constraint: Constraint | None, model: Model
) -> tuple[Constraint | None, tuple[str, ...]]:
    """Return the constraint that the model is told of, and the fields that are ignored.

    Raises:
        BridgeError: as `check_carried`, unless the operator lets pass what the model cannot carry.
    """
    if constraint is not None:
        try:
            check_carried(constraint, model.translator.constraints, model.id)
        except BridgeError:
            if model.unsupported == "reject":
                raise
            return None, (constraint.param,)
    return constraint, ()


def _of_format(form: ResponseFormat) -> Constraint | None:
    """Read `response_format`; whatever `strict` says, a schema is to be followed."""
    match form.WhichOneof("format"):
        case "text":
            return None
        case "json_object":
            return Constraint(kind="json_object", param="response_format")
        case "json_schema":
            schema, path = form.json_schema, "response_format.json_schema"
            if not schema.name:
                raise _missing(f"{path}.name")
            if not _SCHEMA_NAME.fullmatch(schema.name):
                raise _invalid(f"{path}.name", "must be 1 to 64 of A-Z, a-z, 0-9, '_' and '-'")
            given = schema.HasField("schema_json")
            text = _object(schema.schema_json, f"{path}.schema") if given else ANY_OBJECT
            return Constraint(kind="json", value=text, param="response_format")
    raise _missing("response_format.type")


def _of_outputs(outputs: StructuredOutputs) -> Constraint:
    """Read `structured_outputs`."""
    param = "structured_outputs"
    options: dict[str, str | bool] = {
        name: getattr(outputs, name)
        for name in OPTIONS
        if outputs.HasField(name) and getattr(outputs, name) is not False
    }
    if options.get("whitespace_pattern") == "":
        raise _invalid(f"{param}.whitespace_pattern", "must not be empty")
    match outputs.WhichOneof("constraint"):
        case "json_object" if outputs.json_object:
            return Constraint(kind="json_object", options=options, param=param)
        case "choice":
            if not (choices := tuple(outputs.choice.values)):
                raise _invalid(f"{param}.choice", "must not be empty")
            return Constraint(kind="choice", choices=choices, options=options, param=param)
        case "schema_json":
            text = _object(outputs.schema_json, f"{param}.json")
            return Constraint(kind="json", value=text, options=options, param=param)
        case "structural_tag_json":
            text = _object(outputs.structural_tag_json, f"{param}.structural_tag")
            return Constraint(kind="structural_tag", value=text, options=options, param=param)
        case "regex" | "grammar" as kind:
            if not (text := getattr(outputs, kind)):
                raise _invalid(f"{param}.{kind}", "must not be empty")
            return Constraint(kind=kind, value=text, options=options, param=param)
    raise _invalid(param, "must hold a schema, a regular expression, choices, a grammar or a tag")


def _object(text: str, param: str) -> str:
    """Return JSON text as it is: the order of its keys and the form of its numbers mean something."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _invalid(param, "is not JSON") from None
    if type(found) is not dict:
        raise BridgeError(Reason.INVALID_TYPE, f"{param!r} must be a JSON object", param=param)
    if is_too_deep(text):
        raise _invalid(param, f"is nested deeper than {MAX_DEPTH}")
    return text


def _not_carried(constraint: Constraint, name: str, model: str) -> BridgeError:
    """Return the fault of a constraint whose kind or option `name` a model cannot be told of."""
    if name == constraint.kind:
        param = constraint.param
        kind = "json_schema" if (param, name) == ("response_format", "json") else name
        # LangChain looks for the first half of the sentence to explain the way out.
        message = f"{param!r} of type {kind!r} is not supported with this model, {model!r}"
    else:
        param = f"{constraint.param}.{name}"
        message = f"{param!r} is not supported with this model, {model!r}"
    return BridgeError(Reason.UNSUPPORTED_PARAMETER, message, param=param, model=model)


def _missing(param: str) -> BridgeError:
    return BridgeError(Reason.MISSING_REQUIRED_PARAMETER, f"{param!r} is required", param=param)


def _invalid(param: str, why: str) -> BridgeError:
    return BridgeError(Reason.INVALID_VALUE, f"{param!r} {why}", param=param)
