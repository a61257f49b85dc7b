"""What the failure of a generation tells: whom to leave out for a while, and whether to ask another server.

One table over the reasons of `errors`. Pure.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from bridge.errors import Reason

if TYPE_CHECKING:
    from bridge.errors import BridgeError


class Blame(Enum):
    """Who is at fault."""

    NOBODY = auto()
    """The request, or the model whatever server it is on."""
    SERVER = auto()
    MODEL = auto()
    """On that server; its other models are well."""
    SUSPECT = auto()
    """The model on that server, if another server then takes the same request; else the request."""


ELSEWHERE: Final = frozenset({
    Reason.BACKEND_UNAVAILABLE,
    Reason.BACKEND_REFUSED,
    Reason.MODEL_NOT_READY,
    Reason.MODEL_NOT_FOUND,
    Reason.BACKEND_CONTRACT,
    Reason.QUEUE_FULL,
})  # fmt: skip
"""Reasons that, before the first response, say that nothing was generated and that another server may do it.

Not TIMEOUT: a model that has not answered yet may well be at work. A server that is silent altogether is
found out by asking for its models.
"""


def blame(error: BridgeError, *, answered: bool, expired: bool) -> Blame:
    """Return who is at fault.

    Args:
        error: how the generation ended.
        answered: whether anything had come of it.
        expired: whether its own time was over: a client must not make a server look bad by its deadline.
    """
    match error.reason:
        case Reason.BACKEND_UNAVAILABLE if error.model is None:
            return Blame.SERVER
        case Reason.BACKEND_REFUSED:
            return Blame.SERVER
        case Reason.BACKEND_UNAVAILABLE | Reason.MODEL_NOT_READY:
            return Blame.MODEL
        case Reason.TIMEOUT if not expired:
            return Blame.MODEL
        case Reason.MODEL_NOT_FOUND | Reason.BACKEND_CONTRACT if not answered:
            return Blame.SUSPECT
        case _:
            return Blame.NOBODY
