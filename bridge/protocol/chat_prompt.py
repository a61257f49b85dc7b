"""The prompt of a chat request: its messages, tools and variables through the model's chat template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from bridge.errors import BridgeError, Reason
from bridge.protocol.chat_messages import to_template, tools_to_template
from bridge.protocol.images import MEDIA_KIND
from bridge.protocol.request_fields import refusal

if TYPE_CHECKING:
    from datetime import datetime

    from openai_bridge.v1.chat_pb2 import CreateChatCompletionRequest

    from bridge.protocol.chat_template import ChatTemplate
    from bridge.protocol.model import Model


def chat_prompt(request: CreateChatCompletionRequest, model: Model, now: datetime) -> str:
    """Return the prompt.

    Args:
        request: never changed.
        model: the one it goes to.
        now: local time, for templates that print a date.

    Raises:
        BridgeError: the request is at fault; `param` names the field.
    """
    template = (model.tool_template if request.tools else None) or model.template
    opens = request.add_generation_prompt if request.HasField("add_generation_prompt") else None
    allowed = {MEDIA_KIND} if model.translator.takes_images else ()
    return template.render(
        to_template(request.messages, allowed=allowed),
        now=now,
        tools=tools_to_template(request.tools),
        documents=_documents(request),
        add_generation_prompt=opens,
        continue_final_message=request.continue_final_message,
        variables=_variables(request, template, model.id),
    )


def _documents(request: CreateChatCompletionRequest) -> list[dict[str, Any]]:
    documents = _json(request.documents_json or "[]", "documents")
    if not (isinstance(documents, list) and all(isinstance(item, dict) for item in documents)):
        raise BridgeError(Reason.INVALID_TYPE, "'documents' must be an array of objects", param="documents")
    return documents


def _variables(request: CreateChatCompletionRequest, template: ChatTemplate, model: str) -> dict[str, Any]:
    """Return the template's extra variables: the client's own, effort and verbosity."""
    variables = _json(request.chat_template_kwargs_json or "{}", "chat_template_kwargs")
    if not isinstance(variables, dict):
        raise BridgeError(
            Reason.INVALID_TYPE, "'chat_template_kwargs' must be an object", param="chat_template_kwargs"
        )
    if request.HasField("reasoning_effort"):
        effort = request.reasoning_effort
        reads = [name for name in ("reasoning_effort", "enable_thinking") if template.reads(name)]
        if not reads and effort != "none":
            raise refusal("reasoning_effort", model, "its chat template does not read it")
        variables = {"reasoning_effort": effort, "enable_thinking": effort != "none", **variables}
    if request.HasField("verbosity"):
        if not template.reads("verbosity") and request.verbosity != "medium":
            raise refusal("verbosity", model, "its chat template does not read it")
        variables = {"verbosity": request.verbosity, **variables}
    return variables


def _json(text: str, param: str) -> Any:
    """Read a field that carries JSON as text: over gRPC it may hold anything."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise BridgeError(Reason.INVALID_VALUE, f"'{param}' must be JSON", param=param) from exc
