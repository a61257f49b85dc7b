"""A worker of a Dynamo cluster as engines are, steered by directives in the prompt (tests/models/README.md).

It gets token ids and yields token ids, one for each byte; the frontend makes text of them. Uses the wheel's
own API and runs in Dynamo's environment:

    python -m tests.dynamo.standin_worker FOLDER MODEL...
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dynamo.common.utils.runtime import create_runtime
from dynamo.llm import ModelInput, ModelType, WorkerType, exceptions, register_model

from benchmarks.peers.dynamo_token_worker import write_model
from tests.models.standin.directive import Directive, parse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHECK: Final = 0.01
"""Seconds between two looks at whether somebody still waits."""


class StandIn:
    """One model; it writes down what it was asked and how that ended."""

    def __init__(self, folder: Path, first_number: int) -> None:
        self._records = folder / "events.jsonl"
        self._letters = letters(folder / "model", first_number)
        self._ids = {byte: number for number, byte in self._letters.items()}

    async def generate(self, request: dict[str, Any], context: Any) -> AsyncIterator[dict[str, Any]]:
        """Answer one request; see Dynamo's `serve_endpoint`."""
        prompt = bytes(self._letters.get(number, 0x3F) for number in request["token_ids"]).decode()
        wish, rest = parse(prompt)
        self._record("request", wish, prompt=prompt, request=request)
        pieces = wish.reply(rest)
        for at, piece in enumerate(pieces):
            pause = wish.delay_ms if at else wish.first_delay_ms
            if at == wish.hang_at:
                pause = float("inf")
            if await left(context, pause):
                self._record("cancelled", wish, sent=at)
                return
            if at == wish.crash_at:
                os._exit(1)
            if at == wish.fail_at:
                self._record("failed", wish, sent=at)
                raise failure(wish.error)
            end = {"finish_reason": wish.finish} if at == len(pieces) - 1 and wish.finish else {}
            yield {"token_ids": [self._ids[byte] for byte in piece], **end}
        self._record("done", wish, sent=len(pieces))

    def _record(self, event: str, wish: Directive, **facts: object) -> None:
        line = {"event": event, "tag": wish.tag, **facts}
        with self._records.open("ab", buffering=0) as out:
            out.write(json.dumps(line).encode() + b"\n")


def failure(text: str) -> Exception:
    """Return Dynamo's own error where the text begins with the name of one, such as `InvalidArgument: no`."""
    name, found, message = text.partition(": ")
    if found and hasattr(exceptions, name):
        made: Exception = getattr(exceptions, name)(message)
        return made
    return RuntimeError(text)


def letters(model: Path, first_number: int) -> dict[int, int]:
    """Return the byte of each token below the numbered texts."""
    vocabulary = json.loads((model / "tokenizer.json").read_text())["model"]["vocab"]
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    codes = {byte: byte for byte in printable} | {byte: 0x100 + at for at, byte in enumerate(others)}
    found = {vocabulary[chr(code)]: byte for byte, code in codes.items()}
    return {number: byte for number, byte in found.items() if number < first_number}


async def left(context: Any, milliseconds: float) -> bool:
    """Pass the time; return whether nobody waits for the answer any more."""
    until = time.monotonic() + milliseconds / 1000
    while not context.is_stopped():
        rest = until - time.monotonic()
        if rest <= 0:
            return False
        await asyncio.sleep(min(rest, CHECK))
    return True


async def main() -> None:
    """Serve until killed."""
    folder = Path(sys.argv[1])
    first_number = write_model(folder / "model")
    runtime, _ = create_runtime("file", "tcp", "zmq")
    serving = []
    for at, name in enumerate(sys.argv[2:]):
        endpoint = runtime.endpoint(f"dynamo.standin{at}-{os.getpid()}.generate")
        await register_model(
            ModelInput.Tokens,
            ModelType.Chat | ModelType.Completions,
            endpoint,
            str(folder / "model"),
            name,
            worker_type=WorkerType.Aggregated,
        )
        serving.append(endpoint.serve_endpoint(StandIn(folder, first_number).generate))
    sys.stdout.write("worker on\n")
    sys.stdout.flush()
    await asyncio.gather(*serving)


if __name__ == "__main__":
    asyncio.run(main())
