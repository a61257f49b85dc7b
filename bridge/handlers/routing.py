"""Names in requests and the models behind them: what the configuration decides and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from bridge.protocol.model import EmbeddingModel, Model
    from bridge.protocol.signature import Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A model of the backend, whether it can be served or not."""

    signature: Signature
    versions: str
    model: Model | None
    """None: it cannot generate text."""
    embedding: EmbeddingModel | None = None
    """None: it cannot embed."""
    why_not: str = ""
    """Why it can do neither."""

    @property
    def entry(self) -> Model | EmbeddingModel | None:
        """What is listed; None: it cannot be served."""
        return self.model or self.embedding

    @property
    def family(self) -> str:
        """Name of the tensor layout; empty where it cannot be served."""
        if self.model is not None:
            return self.model.translator.family
        return f"{self.embedding.embedder.family} (embeddings)" if self.embedding else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A name in requests and the model of the backend behind it."""

    name: str
    triton_model: str
    version: str = ""
    """Empty: the backend's latest."""


class Routing(Protocol):
    """What the configuration says of names and models."""

    @property
    def required(self) -> Collection[str]:
        """Names that must be ready for the bridge to be ready."""

    @property
    def default(self) -> str | None:
        """The model of requests that name none."""

    def routes(self, ready: Collection[str]) -> list[Route]:
        """Return the names that the backend's ready models are served under."""

    def template_source(self, name: str) -> str:
        """Return where a model's chat template is from, for people."""

    def make(self, name: str, signature: Signature, created: int) -> Model | EmbeddingModel:
        """Return the model that a name stands for.

        Raises:
            UnservableError: it cannot be served, and why.
        """
