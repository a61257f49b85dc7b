"""Triton's request parameters: the operator's own, those a client may set, and the priority."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.errors import BridgeError, Reason
from bridge.protocol.request_fields import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.protocol.model import Model
    from bridge.protocol.tensors import Scalar

_PRIORITY = "priority"
_PARAMETERS = "triton_parameters"


def by_parameter(field: str, model: Model) -> bool:
    """Tell whether a field of class F reaches the model as a request parameter."""
    return field == _PARAMETERS or (field == _PRIORITY and model.priority_levels > 0)


def parameter_carriers(model: Model) -> dict[str, str]:
    """Return the fields that reach the model as request parameters whatever its family, and how, in words."""
    carriers = {}
    if model.priority_levels:
        carriers[_PRIORITY] = f"parameter {_PRIORITY}, 1 to {model.priority_levels}"
    if model.allowed_parameters:
        carriers[_PARAMETERS] = f"parameters {', '.join(sorted(model.allowed_parameters))}"
    return carriers


def request_parameters(asked: Mapping[str, Any], model: Model) -> dict[str, Scalar]:
    """Return the request parameters of every generation of a request.

    Triton's priorities begin at 1, the highest; 0 is the model's default. More than the model has
    levels is its lowest.

    Raises:
        BridgeError: UNSUPPORTED_PARAMETER: a name that the operator does not allow.
    """
    found: dict[str, Scalar] = dict(model.parameters)
    for name, value in asked.get(_PARAMETERS, {}).items():
        param = f"{_PARAMETERS}.{name}"
        if name not in model.allowed_parameters:
            raise refusal(param, model.id, "the operator does not allow it")
        kind = value.WhichOneof("parameter_choice")
        if kind is None:
            raise BridgeError(Reason.INVALID_VALUE, f"{param!r} holds no value", param=param)
        found[name] = getattr(value, kind)
    if asked.get(_PRIORITY) and model.priority_levels:
        found[_PRIORITY] = min(asked[_PRIORITY], model.priority_levels)
    return found
