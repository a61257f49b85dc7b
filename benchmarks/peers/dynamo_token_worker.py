"""A worker of a Dynamo cluster as engines are: it gets token ids and yields token ids.

The frontend applies the chat template, tokenises and turns the ids back into text: Dynamo's usual way of
serving, where the bridge's Triton gives text. Uses the wheel's own API and runs in its environment:

    python -m benchmarks.peers.dynamo_token_worker FOLDER MODEL...
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dynamo.common.utils.runtime import create_runtime
from dynamo.llm import ModelInput, ModelType, WorkerType, register_model

from benchmarks.tokens import text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NUMBERS: Final = 10_000
"""Tokens of the vocabulary that stand for numbered text."""
END: Final = "<|end|>"
_TEMPLATE: Final = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"


class Model:
    """Steps all its answers together."""

    def __init__(self, name: str, first_id: int) -> None:
        self._tick = None if name == "burst" else int(name.removeprefix("tick-").removesuffix("ms")) / 1000
        self._first_id = first_id
        self._news = asyncio.Event()
        self._ticking: asyncio.Task[None] | None = None

    async def generate(self, request: dict[str, Any], context: Any) -> AsyncIterator[dict[str, Any]]:
        """Answer one request; see Dynamo's `serve_endpoint`."""
        tokens = request["stop_conditions"]["max_tokens"]
        for position in range(tokens):
            if position and self._tick is not None:
                self._ticking = self._ticking or asyncio.create_task(self._run(self._tick))
                await self._news.wait()
            if context.is_stopped():
                return
            reason = {"finish_reason": "length"} if position == tokens - 1 else {}
            yield {"token_ids": [self._first_id + position], **reason}

    async def _run(self, tick: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + tick, loop.time())
            await asyncio.sleep(due - loop.time())
            self._news.set()
            self._news.clear()


def write_model(folder: Path) -> int:
    """Write the files of a model whose tokens are bytes and numbered texts; return the first number's id."""
    letters = _byte_letters()
    words = [END, *letters, *(text(at).replace(" ", "\u0120") for at in range(NUMBERS))]
    vocabulary = {word: at for at, word in enumerate(words)}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    files = {
        "tokenizer.json": {
            "version": "1.0",
            "added_tokens": [{"id": 0, "content": END, **special}],
            "pre_tokenizer": byte_level,
            "decoder": byte_level,
            "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": END,
            "chat_template": _TEMPLATE,
        },
        "config.json": {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": len(words),
            "max_position_embeddings": 131_072,
            "eos_token_id": 0,
            "bos_token_id": 0,
        },
        "generation_config.json": {"eos_token_id": 0},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return 1 + len(letters)


def _byte_letters() -> list[str]:
    """Return the letters that byte-level tokenisers write bytes with."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [0x100 + at for at in range(256 - len(printable))]
    return [chr(code) for code in (*printable, *others)]


async def main() -> None:
    """Serve until killed."""
    folder = Path(sys.argv[1]) / "model"
    first_id = write_model(folder)
    runtime, _ = create_runtime("file", "tcp", "zmq")
    serving = []
    for at, name in enumerate(sys.argv[2:]):
        endpoint = runtime.endpoint(f"dynamo.tokens{at}.generate")
        await register_model(
            ModelInput.Tokens,
            ModelType.Chat,
            endpoint,
            str(folder),
            name,
            worker_type=WorkerType.Aggregated,
        )
        serving.append(endpoint.serve_endpoint(Model(name, first_id).generate))
    print("worker on", flush=True)
    await asyncio.gather(*serving)


if __name__ == "__main__":
    asyncio.run(main())
