"""What an embedding request and the tensors of a model know of each other, as `generation` is for text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.protocol.kserve import ModelInferRequest, ModelInferResponse

Input: TypeAlias = "str | tuple[int, ...]"
"""A text, or the token ids of one."""

FLOAT32: Final = 4
"""Bytes of a number."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """What one response of the model amounts to."""

    rows: Sequence[bytes] = ()
    """Little-endian float32, one vector per input, in their order."""
    prompt_tokens: int | None = None
    """Tokens of these inputs, where the model says so."""


class Embedder(Protocol):
    """Turns inputs into the tensors of one model, and its tensors into vectors."""

    family: str
    """Name of the tensor layout."""
    batch_size: int
    """Inputs that one request may hold, at least 1."""
    takes_token_ids: bool
    """Whether an input may be token ids instead of text."""

    def request(
        self, inputs: Sequence[Input], *, request_id: str, options: Mapping[str, Any]
    ) -> ModelInferRequest:
        """Return the request for Triton.

        Args:
            inputs: at most `batch_size`.
            request_id: unique; Triton echoes it.
            options: the fields of class F that the client set, by their names.

        Raises:
            BridgeError: UNSUPPORTED_PARAMETER naming a field that this model cannot carry.
        """

    def read(self, response: ModelInferResponse) -> Vectors:
        """Return what a response holds.

        Raises:
            BridgeError: BACKEND_CONTRACT when the tensors are not what the layout promises.
        """
