"""Log lines: a constant message and facts as fields, as text or as JSON."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping


class TextFormatter(logging.Formatter):
    """`12:34:56.789 INFO bridge.access request request_id=... model=...`."""

    def __init__(self, prefix: str = "") -> None:
        super().__init__()
        self._prefix = prefix

    def format(self, record: logging.LogRecord) -> str:
        """Return one line; a traceback follows on lines of its own."""
        when = datetime.fromtimestamp(record.created, UTC).astimezone()
        facts = getattr(record, "facts", {})
        line = " ".join((
            f"{self._prefix}{when:%H:%M:%S}.{int(record.msecs):03d}",
            record.levelname,
            record.name,
            record.getMessage(),
            *(f"{key}={_word(value)}" for key, value in facts.items()),
        ))  # fmt: skip
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ts (Unix seconds), level, logger, msg, and the facts."""

    def __init__(self, facts: Mapping[str, object] | None = None) -> None:
        super().__init__()
        self._facts = facts or {}

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        entry: dict[str, object] = {
            "ts": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
            **self._facts,
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(entry, default=str).decode()


def configure(level: str, form: str, prefix: str = "", facts: Mapping[str, object] | None = None) -> None:
    """Send all log lines to standard error.

    Args:
        level: "debug", "info", "warning" or "error".
        form: "text" or "json".
        prefix: put before every text line.
        facts: put into every JSON line.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(facts) if form == "json" else TextFormatter(prefix))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # It shows header blocks, in which keys may be.
    logging.getLogger("hpack").setLevel(logging.INFO)


def _word(value: object) -> str:
    """Quote what would break the line or its fields: a client chooses its request id."""
    text = str(value)
    return text if text.isprintable() and text and not set(text) & set(' "=') else ascii(text)
