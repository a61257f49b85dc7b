"""A worker of a Dynamo cluster with a tensor model: text and a limit go in, so many words come out.

Uses the wheel's own API and runs in Dynamo's environment:

    python -m tests.dynamo.tensor_worker MODEL
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from dynamo.common.utils.runtime import create_runtime
from dynamo.llm import ModelInput, ModelType, WorkerType, register_model

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def generate(request: dict[str, Any], context: Any) -> AsyncIterator[dict[str, Any]]:
    """Answer with the prompt's length in bytes, then numbered words; see Dynamo's `serve_endpoint`."""
    inputs = {tensor["metadata"]["name"]: tensor["data"]["values"] for tensor in request["tensors"]}
    (prompt,), (limit,) = inputs["text_input"], inputs["max_tokens"]
    for text in (f"{len(prompt)}", *(f" word{number}" for number in range(limit - 1))):
        tensor = {
            "metadata": {"name": "text_output", "data_type": "Bytes", "shape": [1], "parameters": {}},
            "data": {"data_type": "Bytes", "values": [list(text.encode())]},
        }
        yield {"model": request["model"], "id": request["id"], "tensors": [tensor], "parameters": {}}


async def main() -> None:
    """Serve until killed."""
    (name,) = sys.argv[1:]
    runtime, _ = create_runtime("file", "tcp", "zmq")
    endpoint = runtime.endpoint("dynamo.tensor.generate")
    config = {
        "name": name,
        "inputs": [
            {"name": "text_input", "data_type": "Bytes", "shape": [1]},
            {"name": "max_tokens", "data_type": "Int32", "shape": [1]},
        ],
        "outputs": [{"name": "text_output", "data_type": "Bytes", "shape": [-1]}],
    }
    kind = ModelType.TensorBased
    worker = WorkerType.Aggregated
    await register_model(
        ModelInput.Tensor, kind, endpoint, name, worker_type=worker, tensor_model_config=config
    )
    sys.stdout.write("worker on\n")
    sys.stdout.flush()
    await endpoint.serve_endpoint(generate)


if __name__ == "__main__":
    asyncio.run(main())
