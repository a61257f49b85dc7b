"""What a backend asks Triton about its models: a few unary calls, the same over every transport."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import BridgeError, Reason
from bridge.protocol import kserve
from bridge.protocol.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message

UNARY_TIMEOUT: Final = 5.0
"""Seconds that a question about models may take."""

_ONLY_VERSION: Final = "1"
"""What Dynamo calls the version of all its models."""

LOAD_TIMEOUT: Final = 600.0
"""Seconds that loading a model may take."""


class Questions(ABC):
    """The part of `Backend` that runs no generation."""

    _names: Sequence[str] = ()
    """Models to ask for where the server does not tell which it has."""

    @abstractmethod
    async def ask(
        self, method: str, request: Message, *, limit: float = UNARY_TIMEOUT, model: str = ""
    ) -> Any:
        """Make a unary call and return its answer.

        Args:
            method: name of the RPC in inference.GRPCInferenceService.
            request: its message.
            limit: seconds that it may take.
            model: the model that is asked about, for errors.

        Raises:
            BridgeError: Triton cannot be reached, or refuses.
        """

    async def ready_models(self) -> dict[str, str]:
        """See `Backend.ready_models`."""
        try:
            index = await self.ask("RepositoryIndex", kserve.RepositoryIndexRequest(ready=True))
        except BridgeError as exc:
            if exc.reason is not Reason.UNSUPPORTED_OPERATION:
                raise
            return await self._ready_names()
        versions: dict[str, str] = {}
        for entry in index.models:
            versions[entry.name] = f"{versions.get(entry.name, '')} {entry.version}".strip()
        return versions

    async def _ready_names(self) -> dict[str, str]:
        """Return which of the known names are ready, at a server without an index: NVIDIA Dynamo."""
        if not self._names:
            message = "the server does not tell its models: name them in the configuration"
            raise BridgeError(Reason.BACKEND_UNAVAILABLE, message)
        asked = [kserve.ModelReadyRequest(name=name) for name in self._names]
        answers = await asyncio.gather(*(self.ask("ModelReady", request) for request in asked))
        ready = zip(self._names, answers, strict=True)
        return {name: _ONLY_VERSION for name, answer in ready if answer.ready}

    async def signature(self, name: str, version: str = "") -> Signature:
        """See `Backend.signature`."""
        config = await self.config(name, version)
        found = [await self._step(step) for step in config.ensemble_scheduling.step]
        steps = tuple(step for step in found if step is not None)
        return replace(Signature.from_config(config, version), steps=steps)

    async def config(self, name: str, version: str = "") -> kserve.ModelConfig:
        """See `Backend.config`."""
        request = kserve.ModelConfigRequest(name=name, version=version)
        answer = await self.ask("ModelConfig", request, model=name)
        config: kserve.ModelConfig = answer.config
        return config

    async def _step(self, step: Any) -> Signature | None:
        """Return a model of an ensemble; None: it has gone."""
        version = str(step.model_version) if step.model_version > 0 else ""  # else the latest
        try:
            return Signature.from_config(await self.config(step.model_name, version), version)
        except BridgeError as exc:
            if exc.reason is not Reason.MODEL_NOT_FOUND:
                raise
            return None

    def serves(self, signature: Signature, model: str) -> bool:  # noqa: ARG002 - one server: see `ready_models`
        """See `Backend.serves`."""
        return True

    async def load_model(self, name: str) -> None:
        """See `Backend.load_model`."""
        request = kserve.RepositoryModelLoadRequest(model_name=name)
        await self.ask("RepositoryModelLoad", request, limit=LOAD_TIMEOUT, model=name)

    async def unload_model(self, name: str) -> None:
        """See `Backend.unload_model`."""
        request = kserve.RepositoryModelUnloadRequest(model_name=name)
        await self.ask("RepositoryModelUnload", request, limit=LOAD_TIMEOUT, model=name)
