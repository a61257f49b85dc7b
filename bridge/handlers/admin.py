"""Loading and unloading of models, for who holds an admin key."""

from __future__ import annotations

import hashlib
import hmac
import logging
from typing import TYPE_CHECKING

from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bridge.backends.base import Backend
    from bridge.handlers.catalog import Catalog

logger = logging.getLogger(__name__)

_BEARER = "bearer "


class ModelAdmin:
    """Changes which models the backend has."""

    def __init__(
        self,
        catalog: Catalog,
        backend: Backend,
        *,
        keys: Sequence[str],
        triton_name: Callable[[str], str],
    ) -> None:
        """Wire the handler.

        Args:
            catalog: refreshed after every change.
            backend: where the models are.
            keys: the admin keys, at least one.
            triton_name: the backend's name of a model.
        """
        self._catalog = catalog
        self._backend = backend
        self._keys = [_digest(key) for key in keys]
        self._triton_name = triton_name

    async def load(self, model: str, authorization: str | None) -> None:
        """Load a model; return when it is ready.

        Args:
            model: its name in requests.
            authorization: the header or metadata of that name.

        Raises:
            BridgeError: INVALID_API_KEY, MODEL_NOT_FOUND, or why it cannot be loaded.
        """
        await self._change(self._backend.load_model, model, authorization)
        logger.info("model %s: loaded by an admin", model)

    async def unload(self, model: str, authorization: str | None) -> None:
        """Unload a model; its running generations end by themselves.

        Args:
            model: its name in requests.
            authorization: the header or metadata of that name.

        Raises:
            BridgeError: INVALID_API_KEY, MODEL_NOT_FOUND, or why it cannot be unloaded.
        """
        await self._change(self._backend.unload_model, model, authorization)
        logger.info("model %s: unloaded by an admin", model)

    async def _change(
        self, change: Callable[[str], Awaitable[None]], model: str, authorization: str | None
    ) -> None:
        self._authorize(authorization)
        if not model:
            raise BridgeError(Reason.MISSING_REQUIRED_PARAMETER, "'model' is required", param="model")
        await change(self._triton_name(model))
        await self._catalog.refresh(forget=True)

    def _authorize(self, authorization: str | None) -> None:
        """Compare with every key, in a time that tells nothing of any."""
        given = authorization or ""
        key = given[len(_BEARER) :] if given[: len(_BEARER)].lower() == _BEARER else ""
        if not sum(hmac.compare_digest(_digest(key), known) for known in self._keys):
            raise BridgeError(Reason.INVALID_API_KEY, "a valid admin key is required")


def _digest(key: str) -> bytes:
    # A header may hold bytes that are no UTF-8; aiohttp makes surrogates of them.
    return hashlib.sha256(key.encode(errors="surrogatepass")).digest()
