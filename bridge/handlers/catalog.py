"""The models that can be asked: found on the backend, kept true by polling.

A backend that cannot be reached keeps its models: a request then fails or succeeds by itself, and
works at once when the backend is back.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openai_bridge.v1 import models_pb2

from bridge.errors import BridgeError, Reason
from bridge.protocol.translators import UnservableError, choose

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from bridge.backends.base import Backend
    from bridge.protocol.generation import Translator
    from bridge.protocol.model import Model
    from bridge.protocol.signature import Signature

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A model of the backend, whether it can be served or not."""

    signature: Signature
    versions: str
    model: Model | None
    """None: it cannot be served."""
    why_not: str = ""


class Catalog:
    """Finds the models of one backend; see `handlers.base.Models`."""

    def __init__(
        self,
        backend: Backend,
        *,
        adapter: Callable[[str], str],
        make_model: Callable[[str, Translator, int], Model],
        configured: Collection[str],
        default_model: str | None,
        clock: Callable[[], float],
    ) -> None:
        """Begin with no models; `refresh` finds them.

        Args:
            backend: where to look.
            adapter: gives a model's configured `adapter`.
            make_model: makes the entry of a name, its translator and the time it was first seen.
            configured: names that must be ready for the bridge to be ready.
            default_model: the model for requests that name none.
            clock: Unix time in seconds.
        """
        self.backend = backend
        self.found: dict[str, Found] = {}
        """All ready models of the backend by name."""
        self._adapter = adapter
        self._make_model = make_model
        self._configured = tuple(configured)
        self._default = default_model
        self._clock = clock
        self._error: BridgeError | None = BridgeError(Reason.BACKEND_UNAVAILABLE, "Triton was not asked yet")
        self._lock = asyncio.Lock()
        self._rounds = 0

    async def refresh(self, *, forget: bool = False) -> None:
        """Look at the backend once; failures are kept for `not_ready`.

        Args:
            forget: ask for every model's tensors again, not only for new ones.
        """
        asked = self._rounds
        async with self._lock:
            if self._rounds > asked and not forget:
                return  # another look ended while this one waited: many callers, one question
            self._rounds += 1
            known = {} if forget else self.found
            try:
                versions = await self.backend.ready_models()
                fresh = [
                    name
                    for name, version in versions.items()
                    if name not in known or known[name].versions != version
                ]
                made = await asyncio.gather(*(self._find(name, versions[name]) for name in fresh))
            except BridgeError as exc:
                if self._error is None:
                    logger.warning("Triton: %s", exc.message)
                self._error = exc
                return
            self._error = None
            self._keep({name: known[name] for name in versions if name in known} | dict(made))

    async def poll(self, interval: float) -> None:
        """Refresh for ever, every `interval` seconds."""
        while True:
            await asyncio.sleep(interval)
            try:
                await self.refresh()
            except Exception:  # a bug must not leave the models as they are for ever
                logger.exception("bug while looking for models")

    async def route(self, name: str) -> Model:
        """Return the model of a request.

        Raises:
            BridgeError: MODEL_NOT_FOUND, MODEL_NOT_COMPATIBLE, or why the backend cannot be asked.
        """
        wanted = name or self._default
        if not wanted:
            raise BridgeError(Reason.MISSING_REQUIRED_PARAMETER, "'model' is required", param="model")
        if wanted not in self.found:
            await self.refresh()
        found = self.found.get(wanted)
        if found is None:
            if self._error is not None:
                raise self._error
            raise unknown_model(wanted)
        if found.model is None:
            raise BridgeError(
                Reason.MODEL_NOT_COMPATIBLE,
                f"model {wanted!r} cannot generate text: {found.why_not}",
                param="model",
                model=wanted,
            )
        return found.model

    async def list_models(self) -> models_pb2.ListModelsResponse:
        """See `Models.list_models`."""
        if self._error is not None:
            await self.refresh()
        if self._error is not None and not self.found:
            raise self._error
        return models_pb2.ListModelsResponse(data=[_entry(model) for _, model in sorted(self._servable())])

    async def retrieve_model(self, model: str) -> models_pb2.RetrieveModelResponse:
        """See `Models.retrieve_model`."""
        if model not in self.found:
            await self.refresh()
        for name, entry in self._servable():
            if name == model:
                return models_pb2.RetrieveModelResponse(model=_entry(entry))
        if self._error is not None:
            raise self._error
        raise unknown_model(model, param="model")

    async def not_ready(self) -> str | None:
        """See `Models.not_ready`."""
        if self._error is not None:
            return self._error.message
        servable = dict(self._servable())
        missing = [name for name in self._configured if name not in servable]
        if missing:
            return f"model {missing[0]!r} is configured but not ready"
        return None if servable else "Triton has no model that can be served"

    def _servable(self) -> list[tuple[str, Model]]:
        return [(name, found.model) for name, found in self.found.items() if found.model is not None]

    async def _find(self, name: str, versions: str) -> tuple[str, Found]:
        signature = await self.backend.signature(name)
        try:
            translator = choose(signature, self._adapter(name))
        except UnservableError as exc:
            return name, Found(signature=signature, versions=versions, model=None, why_not=str(exc))
        seen = self.found.get(name)
        created = seen.model.created if seen and seen.model else int(self._clock())
        model = self._make_model(name, translator, created)
        return name, Found(signature=signature, versions=versions, model=model)

    def _keep(self, found: dict[str, Found]) -> None:
        for name in found.keys() - self.found.keys():
            entry = found[name]
            if entry.model is not None:
                logger.info("model %s: served as %s", name, entry.model.translator.family)
            else:
                logger.info("model %s: not served, %s", name, entry.why_not)
        for name in self.found.keys() - found.keys():
            logger.info("model %s: no longer ready", name)
        self.found = found


def unknown_model(name: str, param: str | None = None) -> BridgeError:
    """Return the 404 of a model; it names the one asked for, not those that exist."""
    return BridgeError(Reason.MODEL_NOT_FOUND, f"The model {name!r} does not exist", param=param, model=name)


def _entry(model: Model) -> models_pb2.Model:
    entry = models_pb2.Model(id=model.id, created=model.created, owned_by=model.owned_by)
    if model.max_model_len is not None:
        entry.max_model_len = model.max_model_len
    return entry
