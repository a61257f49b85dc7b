"""Forgets every request: neither data nor an end ever comes."""

from __future__ import annotations

from typing import Any


class TritonPythonModel:
    """What Triton's Python backend loads."""

    def execute(self, requests: list[Any]) -> None:
        """Leave the requests unanswered."""
