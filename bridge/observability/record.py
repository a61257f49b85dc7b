"""One request's record: what the metrics and the log line are made of."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openai_bridge.v1.common_pb2 import CompletionUsage

    from bridge.observability.instruments import Series
    from bridge.observability.metrics import Metrics

logger = logging.getLogger("bridge.access")

UPSTREAM: Final = frozenset({
    Reason.BACKEND_ERROR,
    Reason.BACKEND_CONTRACT,
    Reason.BACKEND_REFUSED,
    Reason.RESPONSE_TRUNCATED,
    Reason.BACKEND_UNAVAILABLE,
    Reason.MODEL_NOT_READY,
    Reason.TIMEOUT,
})  # fmt: skip
"""Reasons that count as failures of the upstream."""


class RequestRecord:
    """Follows one request from its arrival to its end; `end` must be called exactly once."""

    def __init__(self, metrics: Metrics, *, door: str, endpoint: str, request_id: str) -> None:
        """Begin a request.

        Args:
            metrics: where to count.
            door: "http" or "grpc".
            endpoint: "chat", "completions", "embeddings", "models".
            request_id: for the log line.
        """
        self._metrics = metrics
        self._door, self._endpoint = door, endpoint
        self.request_id = request_id
        """For the log line; an id in a body replaces it."""
        self._start = self._last = time.perf_counter()
        self._first_token: float | None = None
        self._inter_token: Series | None = None
        self._usage: CompletionUsage | None = None
        self._ignored: Sequence[str] = ()
        self.model = ""
        """Name as listed; empty until the request is routed."""
        metrics.in_flight.labels(door, endpoint).inc()

    def responded(self, responses: int = 1) -> None:
        """Note that so many responses have come from the model together."""
        now = time.perf_counter()
        if self._inter_token is None:
            self._first_token = now - self._start
            self._metrics.first_token.labels(self._endpoint, self.model).add(self._first_token)
            self._inter_token = self._metrics.inter_token.labels(self._endpoint, self.model)
            if responses > 1:
                self._inter_token.add(0.0, responses - 2)
        else:
            self._inter_token.add(now - self._last, responses - 1)
        self._last = now

    def counted(self, usage: CompletionUsage | None) -> None:
        """Note the true token counts, at the end or when the request is cut off."""
        self._usage = usage

    def let_pass(self, fields: Sequence[str]) -> None:
        """Note the known fields that the model cannot carry and that the operator lets pass."""
        self._ignored = fields
        for field in fields:
            self._metrics.ignored_fields.labels(field).inc()

    def end(self, error: BridgeError | None = None) -> None:
        """End the request: count it and write its line.

        Args:
            error: None when it succeeded; CANCELLED when the client left.
        """
        metrics, seconds = self._metrics, time.perf_counter() - self._start
        code = error.row.grpc.name if error else "OK"
        metrics.in_flight.labels(self._door, self._endpoint).dec()
        metrics.requests.labels(self._door, self._endpoint, self.model, code).inc()
        metrics.duration.labels(self._door, self._endpoint).add(seconds)
        if self._usage is not None:
            metrics.tokens.labels(self.model, "prompt").inc(self._usage.prompt_tokens)
            metrics.tokens.labels(self.model, "completion").inc(self._usage.completion_tokens)
        if error is not None and error.reason in UPSTREAM:
            metrics.upstream_errors.labels(error.reason.name).inc()
        self._log(error, code, seconds)

    def _log(self, error: BridgeError | None, code: str, seconds: float) -> None:
        facts: dict[str, object] = {
            "request_id": self.request_id,
            "door": self._door,
            "endpoint": self._endpoint,
            "model": self.model,
            "code": code,
            "seconds": round(seconds, 4),
        }
        if error is not None:
            facts["reason"] = error.reason.name
        if self._ignored:
            facts["ignored"] = list(self._ignored)
        if self._first_token is not None:
            facts["first_token_seconds"] = round(self._first_token, 4)
        if self._usage is not None:
            facts["prompt_tokens"] = self._usage.prompt_tokens
            facts["completion_tokens"] = self._usage.completion_tokens
        failed = error is not None and error.row.http >= 500  # noqa: PLR2004
        logger.log(logging.WARNING if failed else logging.INFO, "request", extra={"facts": facts})
