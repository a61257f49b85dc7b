"""Returns its numbers unchanged."""

from __future__ import annotations

from typing import Any

import triton_python_backend_utils as pb_utils
from standin import tensors


class TritonPythonModel:
    """What Triton's Python backend loads."""

    def execute(self, requests: list[Any]) -> list[Any]:
        return [_same(request) for request in requests]


def _same(request: Any) -> Any:
    numbers = pb_utils.get_input_tensor_by_name(request, "INPUT0").as_numpy()
    return tensors.response(pb_utils.Tensor("OUTPUT0", numbers))
