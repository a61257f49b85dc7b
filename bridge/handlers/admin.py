"""Loading and unloading of models, for who holds an admin key."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bridge.errors import BridgeError, Reason
from bridge.handlers.catalog import unknown_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.access.keys import Key
    from bridge.backends.base import Backend
    from bridge.handlers.catalog import Catalog

logger = logging.getLogger(__name__)


class ModelAdmin:
    """Changes which models the backend has."""

    def __init__(self, catalog: Catalog, *, triton_name: Callable[[str], str]) -> None:
        """Wire the handler.

        Args:
            catalog: knows where the models are; refreshed after every change.
            triton_name: the backend's name of a model.
        """
        self._catalog = catalog
        self._triton_name = triton_name

    async def load(self, model: str, key: Key) -> None:
        """Load a model; return when it is ready.

        Args:
            model: its name in requests.
            key: the caller's.

        Raises:
            BridgeError: MODEL_NOT_ALLOWED, MODEL_NOT_FOUND, or why it cannot be loaded.
        """
        await self._backend(model, key).load_model(self._triton_name(model))
        await self._catalog.refresh(forget=True)
        logger.info("model %s: loaded by %s", model, key.name)

    async def unload(self, model: str, key: Key) -> None:
        """Unload a model; its running generations end by themselves.

        Args:
            model: its name in requests.
            key: the caller's.

        Raises:
            BridgeError: MODEL_NOT_ALLOWED, MODEL_NOT_FOUND, or why it cannot be unloaded.
        """
        await self._backend(model, key).unload_model(self._triton_name(model))
        await self._catalog.refresh(forget=True)
        logger.info("model %s: unloaded by %s", model, key.name)

    def _backend(self, model: str, key: Key) -> Backend:
        """Return where a model is, for a key that may change it."""
        if not key.admin:
            message = "this key may not load or unload models"
            raise BridgeError(Reason.MODEL_NOT_ALLOWED, message, model=model or None)
        if not model:
            raise BridgeError(Reason.MISSING_REQUIRED_PARAMETER, "'model' is required", param="model")
        if not key.sees(model):
            raise unknown_model(model)
        return self._catalog.backend_of(model)
