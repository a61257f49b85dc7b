"""The tools of a chat request: which the model is shown, and whether it must call one of them.

Owns the checks of `tools` and `tool_choice`. How calls are read is the parsers'.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence  # noqa: TC003 - fields of a dataclass
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, TypeAlias

from openai_bridge.v1 import chat_pb2

from bridge.errors import BridgeError, Reason
from bridge.protocol.chat_messages import tools_to_template
from bridge.protocol.request_fields import refusal

if TYPE_CHECKING:
    from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest, Tool, ToolChoice

    from bridge.protocol.model import Model

Mode: TypeAlias = Literal["none", "auto", "required", "named"]

NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""OpenAI's rule for the names of functions."""

_MODES: Final[Mapping[int, Mode]] = {
    chat_pb2.TOOL_CHOICE_MODE_NONE: "none",
    chat_pb2.TOOL_CHOICE_MODE_AUTO: "auto",
    chat_pb2.TOOL_CHOICE_MODE_REQUIRED: "required",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """What a request wants of its tools."""

    mode: Mode = "none"
    shown: Sequence[dict[str, Any]] = ()
    """What the model is shown, as chat templates read it."""
    functions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Those that may be called: name -> JSON Schema of the parameters. Of mode "named" it is one."""
    first_only: bool = False
    """Whether one call is all that is wanted."""

    @property
    def forced(self) -> bool:
        """Whether the answer must be a call, so that guided decoding gives it its form."""
        return self.mode in {"required", "named"}


def offered(request: CreateChatCompletionRequest) -> Sequence[Tool]:
    """Return the tools that the model is shown: none if it must not call any, or those it may call.

    A model that is shown tools may call them, whatever the client said; its calls would be text.
    """
    choice = request.tool_choice
    if choice.mode == chat_pb2.TOOL_CHOICE_MODE_NONE:
        return ()
    if choice.HasField("allowed_tools"):
        names = choice.allowed_tools.function_names
        return [tool for tool in request.tools if tool.function.name in names]
    return request.tools


def tool_use(request: CreateChatCompletionRequest, model: Model) -> ToolUse:
    """Check the tools of a request and what is to be done with them.

    Raises:
        BridgeError: they are at fault, or more than this model can do; `param` names the field.
    """
    tools = _tools(request.tools)
    mode = _mode(request, tools)
    shown = {tool.function.name: tools[tool.function.name] for tool in offered(request)}
    called = [request.tool_choice.function_name] if mode == "named" else list(shown)
    use = ToolUse(
        mode=mode,
        shown=list(shown.values()),
        functions={name: shown[name]["function"]["parameters"] for name in called},
        first_only=request.HasField("parallel_tool_calls") and not request.parallel_tool_calls,
    )
    _check_model(use, model)
    return use


def _tools(tools: Sequence[Tool]) -> dict[str, dict[str, Any]]:
    """Return the tools as chat templates read them, by the names of their functions."""
    found: dict[str, dict[str, Any]] = {}
    for at, tool in enumerate(tools_to_template(tools)):
        name, param = tool["function"]["name"], f"tools[{at}].function.name"
        if not NAME.fullmatch(name):
            _wrong(f"{param!r} must be 1 to 64 of A-Z, a-z, 0-9, '_' and '-'", param)
        if name in found:
            _wrong(f"{param!r} is the name of two tools", param)
        found[name] = tool
    return found


def _mode(request: CreateChatCompletionRequest, tools: Collection[str]) -> Mode:
    """Return what the model is to do; every name in the choice is a tool's."""
    if not request.HasField("tool_choice"):
        return "auto" if tools else "none"
    choice = request.tool_choice
    kind = choice.WhichOneof("choice")
    if kind == "mode" and choice.mode in _MODES:
        mode = _MODES[choice.mode]
        if mode in {"none", "auto"} and not tools:
            return "none"
    elif kind == "function_name":
        mode = "named"
    elif kind == "allowed_tools":
        mode = _MODES.get(choice.allowed_tools.mode, "none")
    elif kind == "custom_name":
        raise _no_custom("tool_choice.type")
    else:
        _wrong("'tool_choice' must be a mode, a function or allowed tools", "tool_choice")
    if not tools:
        _wrong("'tool_choice' needs 'tools'", "tool_choice")
    _check_names(choice, tools)
    return mode


def _check_names(choice: ToolChoice, tools: Collection[str]) -> None:
    """Check a named function and a subset."""
    path = "tool_choice.allowed_tools"
    names = {"tool_choice.function.name": choice.function_name} if choice.HasField("function_name") else {}
    if choice.HasField("allowed_tools"):
        allowed = choice.allowed_tools
        if allowed.custom_names:
            raise _no_custom(f"{path}.tools")
        if _MODES.get(allowed.mode) not in {"auto", "required"}:
            _wrong(f"'{path}.mode' must be 'auto' or 'required'", f"{path}.mode")
        if not allowed.function_names:
            _wrong(f"'{path}.tools' must name a tool", f"{path}.tools")
        names = {f"{path}.tools[{at}].function.name": name for at, name in enumerate(allowed.function_names)}
    for param, name in names.items():
        if name not in tools:
            _wrong(f"{param!r} is not the name of one of the 'tools'", param)


def _check_model(use: ToolUse, model: Model) -> None:
    """Check that the model can do what is wanted: an unparsed call would look like an answer."""
    if use.mode == "auto":
        if model.tool_call_parser is None:
            raise refusal("tools", model.id, "it has no parser for tool calls; set 'tool_choice' to 'none'")
        if not (model.tool_template or model.template).reads("tools"):
            raise refusal("tools", model.id, "its chat template has no place for them")
    elif use.forced and "json" not in model.translator.constraints:
        raise refusal("tool_choice", model.id, "it has no guided decoding, which a forced call needs")


def _no_custom(param: str) -> BridgeError:
    return BridgeError(Reason.UNSUPPORTED_VALUE, "custom tools are not supported", param=param)


def _wrong(message: str, param: str) -> NoReturn:
    raise BridgeError(Reason.INVALID_VALUE, message, param=param)
