"""The interface of a backend: narrow, so that a faster transport changes nothing above it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from bridge.protocol.alike import Received
    from bridge.protocol.kserve import ModelInferRequest
    from bridge.protocol.signature import Signature


class Backend(Protocol):
    """Runs generations and tells which models there are."""

    def stream(
        self, request: ModelInferRequest, *, model: str, deadline: float
    ) -> AsyncGenerator[Sequence[Received], None]:
        """Run one generation; yield batches of its responses until it has ended.

        The first requested output must be the text: a response that differs from the one before only there
        may come as its text alone.

        Closing the generator cancels the generation: callers must close it, `async with aclosing(...)`.

        Args:
            request: sent once, then the call is half-closed.
            model: the OpenAI name, for errors.
            deadline: time of the event loop's clock at which the generation is cancelled.

        Raises:
            BridgeError: the model or the connection failed, was silent too long, or said nothing at all.
        """

    async def ready_models(self) -> dict[str, str]:
        """Return the names of the models that are ready, each with a word that changes with its versions.

        Raises:
            BridgeError: the backend cannot be reached.
        """

    async def signature(self, name: str, version: str = "") -> Signature:
        """Return a model's tensors; an empty version is the latest.

        Raises:
            BridgeError: the backend cannot be reached, or does not have the model.
        """

    async def load_model(self, name: str) -> None:
        """Load a model; return when it is ready.

        Raises:
            BridgeError: MODEL_NOT_FOUND, UNSUPPORTED_OPERATION, or why it did not load.
        """

    async def unload_model(self, name: str) -> None:
        """Unload a model; its running generations end by themselves.

        Raises:
            BridgeError: UNSUPPORTED_OPERATION, or why it did not unload.
        """

    async def close(self) -> None:
        """Close the connections; running generations fail."""
