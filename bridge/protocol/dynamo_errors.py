"""What an error of NVIDIA Dynamo's KServe frontend means: its class stands before its text, `Class: text`.

Source: release 1.6.1, asked for every class that a worker can raise. A status says the same with a few words
of its own before the class.
"""

from __future__ import annotations

import re
from typing import Final

from bridge.errors import Reason

_FORM: Final = re.compile(r"(?:Failed to [a-z ]+: )?(\w+): (.*)", re.DOTALL)

CLASSES: Final[dict[str, tuple[Reason, str]]] = {
    "InvalidRequest": (Reason.INVALID_VALUE, ""),
    "PayloadTooLarge": (Reason.REQUEST_TOO_LARGE, ""),
    "RateLimited": (Reason.QUEUE_FULL, ""),
    "CapacityExhausted": (Reason.QUEUE_FULL, ""),
    "DeadlineExceeded": (Reason.TIMEOUT, ""),
    "Cancelled": (Reason.CANCELLED, ""),
    "Unavailable": (Reason.BACKEND_UNAVAILABLE, "the worker that runs the model is not available"),
}
"""Class -> reason, and a sentence where Dynamo's own names addresses; all others are faults of the model."""

BUSY: Final = "model temporarily unavailable"
"""Text of a status UNAVAILABLE that speaks of a model, not of the frontend: it has lost its workers."""


def of_class(text: str) -> tuple[Reason, str] | None:
    """Return the reason that an error's class stands for, and its text; None: it has none of `CLASSES`."""
    form = _FORM.match(text)
    if form is None or form[1] not in CLASSES:
        return None
    reason, sentence = CLASSES[form[1]]
    return reason, sentence or form[2]
