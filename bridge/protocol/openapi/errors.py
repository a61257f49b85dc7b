"""The error responses of the document, one for each status, from the table of `bridge.errors`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.errors import RETRY_AFTER, TABLE, Reason
from bridge.protocol.openapi.shapes import STRING, Schema, nullable, record, reference, told, words

if TYPE_CHECKING:
    from collections.abc import Iterable

_NOT_OF_A_ROUTE: Final = frozenset({405, 499})
"""Statuses of the table that no route gives: another method; a client that has left."""
_SERVER_FAULT: Final = 500

_REASONS: Final[dict[int, list[Reason]]] = {
    status: [reason for reason, row in TABLE.items() if row.http == status]
    for status in sorted({row.http for row in TABLE.values()} - _NOT_OF_A_ROUTE)
}


def envelope(reasons: Iterable[Reason] | None = None) -> Schema:
    """Return the schema of an error: of some reasons, or of one within a stream (None), which any may be."""
    rows = [row for reason, row in TABLE.items() if reasons is None or reason in set(reasons)]
    codes = dict.fromkeys(row.stream_code if reasons is None else row.code for row in rows)
    known = words(code for code in codes if code is not None)
    code = {"type": "null"} if not known["enum"] else nullable(known) if None in codes else known
    error = record(
        {
            "message": told(STRING, "A sentence for a person."),
            "type": words(dict.fromkeys(row.type for row in rows)),
            "param": told(nullable(STRING), "Path of the field at fault, as it was sent."),
            "code": code,
        },
        all_required=True,
    )
    return record({"error": error}, all_required=True)


def responses() -> dict[str, Schema]:
    """Return the components: an error response for each status."""
    return {_name(status): _response(status, reasons) for status, reasons in _REASONS.items()}


def references(*without: int) -> dict[str, Schema]:
    """Return the error responses of a route that can give every status of the table but these."""
    return only(*(status for status in _REASONS if status not in without))


def only(*statuses: int) -> dict[str, Schema]:
    """Return the error responses of a route that can give these statuses."""
    return {str(status): reference(_name(status), "responses") for status in statuses}


def _name(status: int) -> str:
    return f"Error{status}"


def _response(status: int, reasons: list[Reason]) -> Schema:
    headers = {"x-request-id": reference("RequestId", "headers")}
    if any(reason in RETRY_AFTER for reason in reasons):
        headers["retry-after"] = reference("RetryAfter", "headers")
    if Reason.INVALID_API_KEY in reasons:
        headers["www-authenticate"] = reference("Authenticate", "headers")
    if status >= _SERVER_FAULT:
        headers["x-should-retry"] = reference("ShouldRetry", "headers")
    return {
        "description": ", ".join(reason.value for reason in reasons),
        "headers": headers,
        "content": {"application/json": {"schema": envelope(reasons)}},
    }
