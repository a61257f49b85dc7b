"""The record of what a stand-in model received and how each request ended, for tests to read.

One JSON line per event in `$TRITON_TEST_RECORDS/events.jsonl`. Times are seconds of CLOCK_MONOTONIC, which
all processes of a machine share, so a test compares them with its own `time.monotonic()`.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path


class Records:
    """Appends events of one model; without the environment variable it records nothing."""

    def __init__(self, model: str) -> None:
        directory = os.environ.get("TRITON_TEST_RECORDS")
        self._model = model
        self._file = Path(directory) / "events.jsonl" if directory else None

    def write(self, event: str, *, request_id: str, tag: str, **facts: object) -> None:
        """Append one event: `request`, `done`, `failed` or `cancelled`."""
        if self._file is None:
            return
        line = {
            "event": event,
            "model": self._model,
            "id": request_id,
            "tag": tag,
            "time": time.monotonic(),
            **facts,
        }
        # One write of a file opened for appending: lines of models in other processes never mix.
        with self._file.open("ab", buffering=0) as file:
            file.write(json.dumps(line).encode() + b"\n")
