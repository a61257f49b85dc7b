"""The models that can be asked: found on the backend, kept true by polling.

A backend that cannot be reached keeps its models: a request then fails or succeeds by itself, and
works at once when the backend is back.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Final

from openai_bridge.v1 import models_pb2

from bridge.errors import BridgeError, Reason
from bridge.handlers.routing import Found
from bridge.protocol.model import EmbeddingModel, Model
from bridge.protocol.translators import UnservableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.backends.base import Backend
    from bridge.handlers.routing import Route, Routing

logger = logging.getLogger(__name__)

JITTER: Final = 0.1
"""Part of the time between two looks by which it varies."""


class Catalog:
    """Finds the models of one backend; see `handlers.base.Models`."""

    def __init__(
        self,
        backend: Backend,
        routing: Routing,
        *,
        clock: Callable[[], float],
        own: Mapping[str, Backend] | None = None,
    ) -> None:
        """Begin with no models; `refresh` finds them.

        Args:
            backend: where to look.
            routing: what the models are called and how they are asked.
            clock: Unix time in seconds.
            own: where to look for models that not all of `backend` may serve, by their names in requests.
        """
        self.backend = backend
        self.found: dict[str, Found] = {}
        """All ready models by their names in requests."""
        self.routing = routing
        self._clock = clock
        self._own = own or {}
        self._unasked: dict[str, BridgeError] = {}
        """Why the tensors of a model could not be asked for, by its name in requests."""
        self._error: BridgeError | None = BridgeError(Reason.BACKEND_UNAVAILABLE, "Triton was not asked yet")
        self._lock = asyncio.Lock()
        self._rounds = self._forgets = 0

    def backend_of(self, model: str) -> Backend:
        """Return what runs the generations of a model, by its name in requests."""
        return self._own.get(model, self.backend)

    async def refresh(self, *, forget: bool = False) -> None:
        """Look at the backend once; failures are kept for `not_ready`.

        Args:
            forget: ask for every model's tensors again, not only for new ones.
        """
        asked = self._forgets if forget else self._rounds
        async with self._lock:
            if (self._forgets if forget else self._rounds) > asked:
                return  # another look ended while this one waited: many callers, one question
            self._rounds += 1
            self._forgets += forget
            try:
                found = await self._look({} if forget else self.found)
            except BridgeError as exc:
                self._error = exc
                return
            self._error = None
            self._keep(found)

    async def _look(self, known: Mapping[str, Found]) -> dict[str, Found]:
        """Return what is ready; what is known is not asked again."""
        backends = dict.fromkeys((self.backend, *self._own.values()))
        ready = dict(zip(backends, await asyncio.gather(*map(_ready, backends)), strict=True))
        everywhere = ready[self.backend]
        if isinstance(everywhere, BridgeError):
            raise everywhere
        kept: dict[str, Found] = {}
        new: list[tuple[Route, str]] = []
        for route in self.routing.routes(everywhere.keys()):
            answer, name = ready[self.backend_of(route.name)], route.name
            if isinstance(answer, BridgeError):  # the few servers that may serve it are away
                kept |= {name: self.found[name]} if name in self.found else {}
            elif (versions := answer.get(route.triton_model)) is not None:
                if name in known and known[name].versions == versions:
                    kept[name] = known[name]
                else:
                    new.append((route, versions))
        self._unasked = {}
        made = await asyncio.gather(*(self._find(route, versions) for route, versions in new))
        return kept | {name: found for name, found in made if found is not None}

    async def poll(self, interval: float) -> None:
        """Refresh for ever, about every `interval` seconds: many bridges must not ask at the same time."""
        while True:
            await asyncio.sleep(interval * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - no secret
            try:
                await self.refresh()
            except Exception:  # a bug must not leave the models as they are for ever
                logger.exception("bug while looking for models")

    async def route(self, name: str) -> Model:
        """Return the model of a generation.

        Raises:
            BridgeError: MODEL_NOT_FOUND, MODEL_NOT_COMPATIBLE, or why the backend cannot be asked.
        """
        wanted, found = await self._lookup(name)
        if found.model is None:
            why = "it embeds" if found.embedding else found.why_not
            raise _incompatible(f"model {wanted!r} cannot generate text: {why}", wanted)
        return found.model

    async def route_embedding(self, name: str) -> EmbeddingModel:
        """Return the model of an embedding.

        Raises:
            BridgeError: MODEL_NOT_FOUND, MODEL_NOT_COMPATIBLE, or why the backend cannot be asked.
        """
        wanted, found = await self._lookup(name)
        if found.embedding is None:
            why = "it generates text" if found.model else found.why_not
            raise _incompatible(f"model {wanted!r} cannot embed: {why}", wanted)
        return found.embedding

    async def _lookup(self, name: str) -> tuple[str, Found]:
        """Return the model that is meant, and what is known of it."""
        wanted = name or self.routing.default
        if not wanted:
            raise BridgeError(Reason.MISSING_REQUIRED_PARAMETER, "'model' is required", param="model")
        if wanted not in self.found:
            await self.refresh()
        found = self.found.get(wanted)
        if found is None:
            raise self._error or self._unasked.get(wanted) or unknown_model(wanted)
        return wanted, found

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

    def is_away(self, name: str) -> bool:
        """Tell whether a model is there, as far as is known, but no server can be asked for it now."""
        found = self.found.get(name)
        if found is None:
            return False
        return self._error is not None or not self.backend_of(name).serves(found.signature, name)

    async def not_ready(self) -> str | None:
        """See `Models.not_ready`."""
        if self._error is not None:
            return self._error.message
        servable = dict(self._servable())
        ready = {name for name in servable if self.backend_of(name).serves(self.found[name].signature, name)}
        missing = [name for name in self.routing.required if name not in ready]
        if missing:
            return f"model {missing[0]!r} is configured but not ready"
        return None if ready else "Triton has no model that can be served"

    def _servable(self) -> list[tuple[str, Model | EmbeddingModel]]:
        return [(name, found.entry) for name, found in self.found.items() if found.entry is not None]

    async def _find(self, route: Route, versions: str) -> tuple[str, Found | None]:
        """Return a model; None if it went away between two questions, or cannot be asked for now."""
        name = route.name
        try:
            signature = await self.backend_of(name).signature(route.triton_model, route.version)
        except BridgeError as exc:
            if exc.reason is Reason.MODEL_NOT_FOUND:
                return name, None
            self._unasked[name] = exc
            return name, self.found.get(name)
        seen = self.found.get(name)
        created = seen.entry.created if seen and seen.entry else int(self._clock())
        try:
            made = self.routing.make(name, signature, created)
        except UnservableError as exc:
            return name, Found(signature=signature, versions=versions, model=None, why_not=str(exc))
        if isinstance(made, EmbeddingModel):
            return name, Found(signature=signature, versions=versions, model=None, embedding=made)
        return name, Found(signature=signature, versions=versions, model=made)

    def _keep(self, found: dict[str, Found]) -> None:
        for name in found.keys() - self.found.keys():
            entry = found[name]
            if entry.family:
                logger.info("model %s: served as %s", name, entry.family)
            else:
                logger.info("model %s: not served, %s", name, entry.why_not)
        for name in self.found.keys() - found.keys():
            logger.info("model %s: no longer ready", name)
        self.found = found


async def _ready(backend: Backend) -> Mapping[str, str] | BridgeError:
    try:
        return await backend.ready_models()
    except BridgeError as exc:
        return exc


def unknown_model(name: str, param: str | None = None) -> BridgeError:
    """Return the 404 of a model; it names the one asked for, not those that exist."""
    return BridgeError(Reason.MODEL_NOT_FOUND, f"The model {name!r} does not exist", param=param, model=name)


def _incompatible(message: str, model: str) -> BridgeError:
    return BridgeError(Reason.MODEL_NOT_COMPATIBLE, message, param="model", model=model)


def _entry(model: Model | EmbeddingModel) -> models_pb2.Model:
    entry = models_pb2.Model(id=model.id, created=model.created, owned_by=model.owned_by)
    if model.max_model_len is not None:
        entry.max_model_len = model.max_model_len
    if isinstance(model, Model) and model.parent is not None:
        entry.parent = model.parent
    return entry
