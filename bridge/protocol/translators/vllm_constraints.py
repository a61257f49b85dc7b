"""How vLLM's backend is told of a constraint: JSON text under a key of `sampling_parameters`.

Source: `src/utils/vllm_backend_utils.py` of triton-inference-server/vllm_backend, pull requests 80 and 113;
the members are those of vLLM's `GuidedDecodingParams` and `StructuredOutputsParams`, which are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.protocol.constraints import OPTIONS

if TYPE_CHECKING:
    from bridge.protocol.constraints import Constraint
    from bridge.protocol.signature import Signature

KEYS: Final = ("structured_outputs", "guided_decoding")
"""The key of backends since release 25.11, and that of those before."""

CONSTRAINTS: Final = frozenset(
    {*("json", "json_object", "regex", "choice", "grammar", "structural_tag"), *OPTIONS}
)
"""Kinds of constraints, and options of them, that are members."""


def constraint_key(signature: Signature, setting: str | None) -> str:
    """Return the key that a constraint goes to, or "" where the model knows none.

    ModelConfig does not tell the age of a backend. A Python model with its signature may pass over a
    key that it does not know, so it gets one only if its parameter `guided_decoding` names it.

    Args:
        signature: of the model.
        setting: what the operator says: one of `KEYS`, "none", or None for nothing.
    """
    newest = KEYS[0] if signature.backend == "vllm" else ""
    key = setting or signature.parameters.get("guided_decoding", newest)
    return key if key in KEYS else ""


def constraint_text(constraint: Constraint) -> str:
    """Return the value of the key; a schema in it stays as it is, to the order of its keys."""
    value: Any = constraint.value
    if constraint.kind == "json":
        value = orjson.Fragment(constraint.value)
    elif constraint.kind == "json_object":
        value = True
    elif constraint.kind == "choice":
        value = constraint.choices
    return orjson.dumps({constraint.kind: value, **constraint.options}).decode()
