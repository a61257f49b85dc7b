"""The interface of a backend: narrow, so that a faster transport changes nothing above it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from bridge.protocol.alike import Received
    from bridge.protocol.kserve import ModelConfig, ModelInferRequest
    from bridge.protocol.signature import Signature

    Metadata = Sequence[tuple[str, str]]
    """Names in lower case and values, both printable ASCII."""

    Stop = Callable[[], ModelInferRequest | None]
    """Makes the request that ends a generation on its server; None: the model knows none."""


LINGER: Final = 0.05
"""Seconds that a model may take to end by itself when its answer is complete before it is: at a stop string.

What the bridge stops at is often the last that the model says, and a cancel that meets Triton's own end of a
request can end the whole server by a segmentation fault (2.51; see its issues 7368 and 8034).
"""


def unheard(_address: str) -> None:
    """Take the place of who would hear where a generation runs."""


class Backend(Protocol):
    """Runs generations and tells which models there are."""

    def stream(
        self,
        request: ModelInferRequest,
        *,
        model: str,
        deadline: float,
        placed: Callable[[str], object] = unheard,
        metadata: Metadata = (),
        stop: Stop | None = None,
    ) -> AsyncGenerator[Sequence[Received], None]:
        """Run one generation; yield batches of its responses until it has ended.

        The first requested output must be the text: a response that differs from the one before only there
        may come as its text alone.

        Closing the generator gives the generation up: callers must close it, `async with aclosing(...)`.

        Args:
            request: sent once, then the call is half-closed.
            model: its name in requests, for errors and for what is known of it.
            deadline: time of the event loop's clock at which the generation is given up.
            placed: hears the address of the server that the request goes to, again if it goes to another.
            metadata: goes with the request, wherever that goes.
            stop: for a model that must not be cancelled: a generation that is given up is told to stop, and
                read to its end in the background. None: it is cancelled, `LINGER` after whoever reads has
                closed the stream, or at once where his task is cancelled.

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

    async def config(self, name: str, version: str = "") -> ModelConfig:
        """Return a model's own configuration; an empty version is the latest.

        Raises:
            BridgeError: the backend cannot be reached, or does not have the model.
        """

    def serves(self, signature: Signature, model: str) -> bool:
        """Tell whether a model that was found can be asked now, as far as is known without asking.

        Args:
            signature: as it was found.
            model: its name in requests.
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
