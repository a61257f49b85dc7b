"""The request that ends a running one of TensorRT-LLM's engine: the same id, and `stop`.

Source: `triton_backend/all_models/inflight_batcher_llm/tensorrt_llm` of TensorRT-LLM. Triton gives the steps
of an ensemble the id of its request, so this reaches an engine inside one. The engine answers with an empty
final response, also when it has no request of that id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.protocol.kserve import ModelInferRequest
    from bridge.protocol.signature import Signature
    from bridge.protocol.tensors import Scalar

LENGTHS: Final[Mapping[str, tuple[Scalar, ...]]] = {"input_lengths": (0,), "request_output_len": (0,)}
"""What an engine wants of any request."""

STOP: Final[Mapping[str, tuple[Scalar, ...]]] = {**LENGTHS, "input_ids": (0,), "stop": (True,)}


def engine_of(steps: Sequence[Signature]) -> Signature | None:
    """Return the step of an ensemble that can be told to stop, if one can."""
    return next((step for step in steps if _stops(step)), None)


def stop_request(engine: Signature, request_id: str) -> ModelInferRequest:
    """Return the request that ends the engine's running one of this id."""
    values = {name: value for name, value in STOP.items() if name in engine.inputs}
    return engine.request(values, request_id=request_id, outputs=())


def _stops(step: Signature) -> bool:
    return (
        {"stop", *LENGTHS} <= step.inputs.keys()
        and not step.missing(STOP)
        and all(step.takes(name, value) for name, value in STOP.items() if name in step.inputs)
    )
