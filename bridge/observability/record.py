"""One request's record: what the metrics and the log line are made of."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from openai_bridge.v1.common_pb2 import FinishReason

from bridge.errors import BridgeError, Reason
from bridge.observability.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from openai_bridge.v1.common_pb2 import CompletionUsage

    from bridge.observability.instruments import Series
    from bridge.observability.metrics import Metrics
    from bridge.observability.tracing import Metadata, Trace

logger = logging.getLogger("bridge.access")

M = TypeVar("M", bound=Any)

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

    def __init__(
        self, metrics: Metrics, *, door: str, endpoint: str, request_id: str, trace: Trace | None = None
    ) -> None:
        """Begin a request.

        Args:
            metrics: where to count.
            door: "http" or "grpc".
            endpoint: "chat", "completions", "embeddings", "models".
            request_id: for the log line.
            trace: where it stands in one, if anybody traces it.
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
        self._upstreams: dict[str, None] = {}
        self._resumed = 0
        self._responses = 0
        self._finish_reasons: dict[int, str] = {}
        self._trace = trace
        self.model = ""
        """Name as listed; empty until the request is routed."""
        self.streamed: bool | None = None
        """Whether the answer is streamed; None where it never is."""
        self.metadata: Metadata = ()
        """What tells the model of the trace."""
        self.key = ""
        """Name of the caller's key, if it has one; for the log line alone."""
        self.told: BridgeError | None = None
        """A failure that an answer which had begun has told in its stream."""
        metrics.in_flight.labels(door, endpoint).inc()

    def asked(self, request: Any) -> None:
        """Note that a model is asked this message now; `metadata` goes with it."""
        if self._trace is not None:
            self.metadata = self._trace.ask(self._endpoint, self.model, request)

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
        self._responses += responses

    def spent(self) -> int:
        """Return the tokens of prompt and answer, or the responses of a model that does not count them."""
        if self._usage is None:
            return self._responses
        return self._usage.prompt_tokens + self._usage.completion_tokens

    def placed(self, upstream: str) -> None:
        """Note an upstream that the request went to, by its address."""
        self._upstreams[upstream] = None

    def resumed(self) -> None:
        """Note that the answer goes on elsewhere, its server being lost."""
        self._resumed += 1
        self._metrics.resumes.labels(self.model).inc()

    def counted(self, usage: CompletionUsage | None) -> None:
        """Note the true token counts, at the end or when the request is cut off."""
        self._usage = usage

    def ending(self, messages: Iterable[M]) -> Iterator[M]:
        """Yield the last messages of a stream, noting why its choices end."""
        for message in messages:
            for choice in message.choices:
                if choice.finish_reason:
                    name = FinishReason.Name(choice.finish_reason)
                    self._finish_reasons[choice.index] = name.removeprefix("FINISH_REASON_").lower()
            yield message

    def let_pass(self, fields: Sequence[str]) -> None:
        """Note the known fields that the model cannot carry and that the operator lets pass."""
        self._ignored = fields
        for field in fields:
            self._metrics.ignored_fields.labels(field).inc()

    def end(self, error: BridgeError | None = None) -> None:
        """End the request: count it and write its line.

        Args:
            error: None when it succeeded, or has `told` how it failed; CANCELLED when the client left.
        """
        error = error or self.told
        metrics, seconds = self._metrics, time.perf_counter() - self._start
        code = error.row.grpc.name if error else "OK"
        metrics.in_flight.labels(self._door, self._endpoint).dec()
        metrics.requests.labels(self._door, self._endpoint, self.model, code).inc()
        metrics.duration.labels(self._door, self._endpoint).add(seconds)
        if self._usage is not None:
            metrics.tokens.labels(self.model, "prompt").inc(self._usage.prompt_tokens)
            metrics.tokens.labels(self.model, "completion").inc(self._usage.completion_tokens)
        if error is not None and error.reason in UPSTREAM:
            metrics.upstream_errors.labels(self._at_fault(error), error.reason.name).inc()
        outcome = self._outcome(error, code, seconds)
        level = logging.WARNING if outcome.failed else logging.INFO
        logger.log(level, "request", extra={"facts": outcome.facts()})
        if self._trace is not None:
            self._trace.end(outcome)

    def _at_fault(self, error: BridgeError) -> str:
        """Return the upstream that failed; empty: none was asked."""
        return error.upstream or next(reversed(self._upstreams), "")

    def _outcome(self, error: BridgeError | None, code: str, seconds: float) -> Outcome:
        return Outcome(
            request_id=self.request_id,
            trace_id="" if self._trace is None else self._trace.trace_id,
            door=self._door,
            endpoint=self._endpoint,
            model=self.model,
            key=self.key,
            code=code,
            status=self._status(error) if self._door == "http" else None,
            error=error,
            seconds=seconds,
            first_token=self._first_token,
            streamed=self.streamed,
            finish_reasons=[reason for _, reason in sorted(self._finish_reasons.items())],
            usage=self._usage,
            upstreams=tuple(self._upstreams),
            resumed=self._resumed,
            ignored=self._ignored,
        )

    def _status(self, error: BridgeError | None) -> int:
        """Return HTTP's status; what was told in a stream came after it."""
        return 200 if error is None or error is self.told else error.row.http
