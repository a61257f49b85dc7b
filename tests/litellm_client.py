"""A program that asks by LiteLLM: `python litellm_client.py REQUESTS`, a JSON array of keyword arguments.

Prints a JSON array: of each request the answer, the chunks of its stream, or the exception. It is a process
of its own because the library warns, and leaves tasks behind in the loop that it runs in.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # no look at the network when it is imported

import litellm


async def ask(request: dict[str, Any]) -> Any:
    """Return what comes of one request."""
    try:
        answer = await litellm.acompletion(**request)
        if request.get("stream"):
            return [chunk.model_dump() async for chunk in answer]
        return answer.model_dump()
    except Exception as exc:  # noqa: BLE001 - the test looks at it
        return {"exception": type(exc).__name__, "message": str(exc)}


async def main() -> None:
    """Ask one after the other."""
    answers = [await ask(request) for request in json.loads(sys.argv[1])]
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    litellm.suppress_debug_info = True
    asyncio.run(main())
