"""A model that is not what it was, as its failure says: what it is now, and what the caller is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import BridgeError, Reason

if TYPE_CHECKING:
    from bridge.handlers.catalog import Catalog


async def reconsidered(error: BridgeError, catalog: Catalog, name: str) -> BridgeError:
    """Return what to tell of a failure, after another look at the model where that is called for.

    A Triton that was told to exit knows no model any more while it ends what runs. It is the server that is
    away then, not the model: a client may try again, which "not found" would keep it from.
    """
    if error.reason not in {Reason.BACKEND_CONTRACT, Reason.MODEL_NOT_FOUND}:
        return error
    await catalog.refresh(forget=True)
    if error.reason is Reason.BACKEND_CONTRACT or not catalog.is_away(name):
        return error
    told = BridgeError(Reason.MODEL_NOT_READY, "the server of the model is not ready", model=name)
    told.upstream = error.upstream
    return told
