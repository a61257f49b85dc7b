"""Tensor layouts, one file per family of backends; this file chooses.

`TRANSLATORS` is the registry: its keys are the configuration's values of `adapter`, its order is the
order of the tests for `auto` (the models of all other families would also pass for plain ones).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.errors import BridgeError
from bridge.protocol.generation import Generation
from bridge.protocol.translators.dynamo import DynamoTranslator
from bridge.protocol.translators.llmapi import LlmapiTranslator
from bridge.protocol.translators.text import TextTranslator
from bridge.protocol.translators.trtllm import TrtllmTranslator
from bridge.protocol.translators.typed_inputs import Overrides
from bridge.protocol.translators.vllm import VllmTranslator

if TYPE_CHECKING:
    from bridge.protocol.generation import Translator
    from bridge.protocol.signature import Signature
    from bridge.protocol.translators.typed_inputs import TypedTranslator

TRANSLATORS: Final[dict[str, type[VllmTranslator | TypedTranslator]]] = {
    "vllm": VllmTranslator,
    "dynamo": DynamoTranslator,
    "llmapi": LlmapiTranslator,
    "trtllm": TrtllmTranslator,
    "text": TextTranslator,
}


class UnservableError(Exception):
    """A model that cannot be chatted with; the text says why, for `check` and the log."""


def choose(
    signature: Signature,
    adapter: str = "auto",
    overrides: Overrides = Overrides(),  # noqa: B008 - frozen
) -> Translator:
    """Return the translator of a model.

    Args:
        signature: the model's tensors.
        adapter: a key of `TRANSLATORS`, or "auto".
        overrides: what the operator says of the model's tensors.

    Raises:
        UnservableError: no layout fits, or the named one leaves a required input without a value.
    """
    if adapter != "auto":
        family = TRANSLATORS[adapter]
    elif {"prompt", "answer"} & overrides.tensors.keys():
        family = TextTranslator  # no family knows these names
    else:
        found = next((found for found in TRANSLATORS.values() if found.fits(signature)), None)
        if found is None:
            raise UnservableError(_why(signature))
        family = found
    translator = family(signature, overrides)
    try:
        probe = translator.request(Generation(request_id="probe", prompt="", max_tokens=1))
    except BridgeError as exc:
        raise UnservableError(exc.message) from exc
    if not probe.outputs:
        raise UnservableError(f"no output is known for the answer of adapter {translator.family!r}")
    return translator


def _why(signature: Signature) -> str:
    texts = [name for name, spec in signature.inputs.items() if spec.datatype == "BYTES"]
    if not texts:
        return "no text input"
    return f"text inputs {', '.join(texts)} and outputs {', '.join(signature.outputs)} fit no known layout"
