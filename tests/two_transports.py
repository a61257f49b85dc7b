"""One generation over either transport to Triton, and what its reader sees of it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bridge.backends.triton import TritonBackend
from bridge.backends.triton_native import NativeTritonBackend
from bridge.errors import BridgeError, Reason
from bridge.protocol import kserve
from tests.scripted_backend import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.backends.base import Backend

WAIT = 10.0
"""Deadline in seconds of a generation that tests no deadline."""

EITHER = pytest.mark.parametrize(
    "transport", [pytest.param(TritonBackend, id="grpcio"), pytest.param(NativeTritonBackend, id="native")]
)
"""Runs a test over both transports."""


@dataclass(frozen=True)
class Outcome:
    """All that a door could tell its client."""

    texts: list[str]
    reason: Reason | None = None
    retry: bool | None = None
    message: str | None = None


def failed(*texts: str, reason: Reason, retry: bool = False) -> Outcome:
    """Return the outcome of a generation that said these texts and failed."""
    return Outcome(list(texts), reason, retry)


def said(*texts: str) -> Outcome:
    """Return the outcome of a generation that said these texts and ended well."""
    return Outcome(list(texts))


async def outcome(
    backend: Backend,
    request: kserve.ModelInferRequest | None = None,
    *,
    seconds: float = WAIT,
    heard: Callable[[], Any] = lambda: None,
    read: Callable[[kserve.ModelInferResponse], str] = text,
) -> Outcome:
    """Run one generation to its end; `read` makes a text of a response, `heard` is called for each."""
    texts: list[str] = []
    deadline = asyncio.get_running_loop().time() + seconds
    sent = request or kserve.ModelInferRequest(model_name="m", id="r1")
    try:
        async with (
            asyncio.timeout(2 * WAIT),
            aclosing(backend.stream(sent, model="m", deadline=deadline)) as all_,
        ):
            async for batch in all_:
                for response in batch:
                    texts.append(read(response))
                    heard()
    except BridgeError as exc:
        return Outcome(texts, exc.reason, exc.retry, exc.message)
    return Outcome(texts)


def alike(one: Outcome) -> tuple[list[str], Reason | None, bool | None]:
    """Return what must not depend on the transport: everything but the sentence."""
    return one.texts, one.reason, one.retry
