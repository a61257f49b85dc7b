"""Tensor layouts, one file per family of backends; this file chooses.

`TRANSLATORS` is the registry: its keys are the configuration's values of `adapter`, its order is the
order of the tests for `auto` (a vLLM model would also pass for a plain text model).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError
from bridge.protocol.generation import Generation
from bridge.protocol.translators.text import TextTranslator
from bridge.protocol.translators.vllm import VllmTranslator

if TYPE_CHECKING:
    from bridge.protocol.generation import Translator
    from bridge.protocol.signature import Signature

TRANSLATORS: Final[dict[str, type[VllmTranslator | TextTranslator]]] = {
    "vllm": VllmTranslator,
    "text": TextTranslator,
}


class UnservableError(Exception):
    """A model that cannot be chatted with; the text says why, for `check` and the log."""


def choose(signature: Signature, adapter: str = "auto") -> Translator:
    """Return the translator of a model.

    Args:
        signature: the model's tensors.
        adapter: a key of `TRANSLATORS`, or "auto".

    Raises:
        UnservableError: no layout fits, or the named one leaves a required input without a value.
    """
    if adapter == "auto":
        family = next((found for found in TRANSLATORS.values() if found.fits(signature)), None)
    else:
        family = TRANSLATORS[adapter]
    if family is None:
        raise UnservableError(_why(signature))
    translator = family(signature)
    try:
        translator.request(Generation(request_id="probe", prompt="", max_tokens=1))
    except BridgeError as exc:
        raise UnservableError(exc.message) from exc
    return translator


def _why(signature: Signature) -> str:
    texts = [name for name, spec in signature.inputs.items() if spec.datatype == "BYTES"]
    if not texts:
        return "no text input"
    return f"text inputs {', '.join(texts)} and outputs {', '.join(signature.outputs)} fit no known layout"
