"""Reading the tensors of a request and making those of a response, inside Triton."""

from __future__ import annotations

from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils


def received(request: Any) -> dict[str, list[Any]]:
    """Return every input the request carried as a flat list; BYTES as text."""
    inputs = {}
    for tensor in request.inputs():
        values = tensor.as_numpy().reshape(-1).tolist()
        inputs[tensor.name()] = [v.decode() if isinstance(v, bytes) else v for v in values]
    return inputs


def text(name: str, *values: bytes, shape: tuple[int, ...] | None = None) -> Any:
    """Return a BYTES tensor, of one dimension unless `shape` says otherwise."""
    array = np.array(values, dtype=np.object_)
    return pb_utils.Tensor(name, array if shape is None else array.reshape(shape))


def number(name: str, value: float | list[float], kind: type[np.generic]) -> Any:
    """Return a numeric tensor; a bare number has no dimension at all."""
    return pb_utils.Tensor(name, np.asarray(value, dtype=kind))


def response(*tensors: Any) -> Any:
    """Return a response of these outputs."""
    return pb_utils.InferenceResponse(output_tensors=list(tensors))


def error(message: str, code: int | None = None) -> Any:
    """Return an error response; the stream loses the code, unary calls show it."""
    kind = pb_utils.TritonError.INTERNAL if code is None else code
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(message, kind))
