"""Workers of the bridge in a Dynamo cluster, in this process, and clients of its frontends."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from openai import AsyncOpenAI

from bridge.config import Config, Dynamo, ModelConfig
from bridge.dynamo.worker import DynamoWorker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.dynamo.environment import Frontend
    from tests.tritonserver import RunningTriton

WITHIN = 30.0
MODELS = {
    "echo_vllm": ModelConfig(),
    "Org/Tools-1.0": ModelConfig(
        triton_model="echo_vllm", tool_call_parser="hermes", reasoning_parser="think"
    ),
}
"""What workers of tests offer."""


def in_folder(folder: Path) -> str:
    """Return the address of a cluster that is a folder."""
    return f"file://{folder}"


@asynccontextmanager
async def joined(
    triton: RunningTriton, url: str, dynamo: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[DynamoWorker]:
    """Offer the models of a Triton for the length of the block; it waits only for a `drain_timeout`."""
    defaults = {"poll_interval": 0.1, "serve_unconfigured": False, "models": MODELS}
    config = Config(**(defaults | settings), triton=triton.address, dynamo=Dynamo(url=url, **(dynamo or {})))
    worker = DynamoWorker(config)
    await worker.start()
    try:
        yield worker
    finally:
        if "drain_timeout" not in settings:
            worker.hurry()
        await worker.stop()


@asynccontextmanager
async def client(frontend: Frontend) -> AsyncIterator[AsyncOpenAI]:
    """Connect OpenAI's client to a frontend for the length of the block."""
    address = f"http://{frontend.address}/v1"
    async with AsyncOpenAI(base_url=address, api_key="unused", max_retries=0, timeout=WITHIN) as made:
        yield made


async def lists(openai: AsyncOpenAI, *models: str) -> None:
    """Wait until a frontend has these of the models and none of the others."""
    async with asyncio.timeout(WITHIN):
        while True:
            found = {model.id for model in (await openai.models.list()).data}
            if found & MODELS.keys() == set(models):
                return
            await asyncio.sleep(0.02)


def asks(content: str, *, model: str = "echo_vllm", **fields: Any) -> dict[str, Any]:
    """Return the arguments of a chat request."""
    return {"model": model, "messages": [{"role": "user", "content": content}], "max_tokens": 5000, **fields}
