"""Tensor layouts of embedding models, one file per family; this file chooses, also whether a model embeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError
from bridge.protocol.embedders.tensor import TensorEmbedder
from bridge.protocol.embedders.vllm import VllmEmbedder
from bridge.protocol.translators import UnservableError, choose
from bridge.protocol.translators.typed_inputs import Overrides

if TYPE_CHECKING:
    from bridge.protocol.embedders.base import Embedder
    from bridge.protocol.generation import Translator
    from bridge.protocol.signature import Signature

EMBEDDERS: Final[dict[str, type[VllmEmbedder | TensorEmbedder]]] = {
    "vllm": VllmEmbedder,
    "tensor": TensorEmbedder,
}


def choose_embedder(signature: Signature) -> Embedder:
    """Return the embedder of a model.

    A vLLM model declares the same tensors whatever it runs, so that only the configuration can tell
    one that embeds: ask for those, and for models that generate no text.

    Raises:
        UnservableError: no layout fits, or a required input has no value.
    """
    family = next((found for found in EMBEDDERS.values() if found.fits(signature)), None)
    if family is None:
        raise UnservableError(
            "embeddings need a text input and one FP32 or FP16 output of one vector per text, "
            "or the vLLM backend's input 'embedding_request'"
        )
    embedder = family(signature)
    try:
        embedder.request(("probe",), request_id="probe", options={})
    except BridgeError as exc:
        raise UnservableError(exc.message) from exc
    return embedder


def choose_task(
    signature: Signature,
    task: str,
    adapter: str,
    overrides: Overrides = Overrides(),  # noqa: B008 - frozen
) -> tuple[Translator | None, Embedder | None]:
    """Return a model's translator or its embedder; the other one is None.

    Args:
        signature: the model's tensors.
        task: "generate", "embed", or "auto": embed where it cannot generate.
        adapter: as for `translators.choose`; a named one is for a model that generates.
        overrides: as for `translators.choose`.

    Raises:
        UnservableError: it can do neither, or not what was named.
    """
    if task == "embed":
        return None, choose_embedder(signature)
    try:
        return choose(signature, adapter, overrides), None
    except UnservableError:
        if task != "auto" or adapter != "auto" or not any(f.fits(signature) for f in EMBEDDERS.values()):
            raise
    return None, choose_embedder(signature)
