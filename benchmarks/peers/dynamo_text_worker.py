"""A worker of a Dynamo cluster that does nothing but stream, as the mock Triton does for the bridge.

It joins as a Text model (the frontend passes OpenAI's JSON through and detokenises nothing, which is its
cheapest way) by the file discovery backend and the TCP request plane of ai-dynamo 1.6.1: both internal to
Dynamo. Each token is one frame and one write. Runs in Dynamo's own environment, for its msgpack:

    python -m benchmarks.peers.dynamo_text_worker FOLDER MODEL...
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from benchmarks.tokens import text

if TYPE_CHECKING:
    from collections.abc import Callable

TOUCH: Final = 3.0
"""Seconds between two signs of life; without one for 10 s a worker is gone."""
_HEAD: Final = struct.Struct(">QQQ")
_END: Final = {"complete_final": True}
_pack: Final = msgspec.msgpack.encode


def frame(header: Any = None, data: bytes = b"") -> bytes:
    """Return a two-part frame; None is no header."""
    head = b"" if header is None else json.dumps(header).encode()
    return _HEAD.pack(len(head), len(data), 0) + head + data


class Frames:
    """The data frames of answers, made before they are needed."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._middle: list[bytes] = []

    def middle(self, tokens: int) -> list[bytes]:
        """Return the frames of at least so many tokens."""
        for position in range(len(self._middle), tokens):
            delta = {"content": text(position), "role": "assistant"}
            self._middle.append(self._frame(delta, None))
        return self._middle

    def end(self) -> bytes:
        """Return what follows the last token."""
        return self._frame({}, "length") + frame(data=_pack(_END)) + frame("sentinel")

    def _frame(self, delta: dict[str, str], reason: str | None) -> bytes:
        chunk = {
            "id": "chatcmpl-0123456789abcdef0123456789abcdef",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": self._model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        }
        return frame(data=_pack({"data": {"data": chunk}, "complete_final": False}))


class Answer(asyncio.Protocol):
    """The connection that carries one answer to the frontend."""

    def __init__(self, greeting: bytes, begin: Callable[[Answer], None], frames: Frames, tokens: int) -> None:
        """Prepare an answer; `begin` hears when it is connected."""
        self._greeting, self._begin = greeting, begin
        self._middle, self._end, self._tokens = frames.middle(tokens), frames.end(), tokens
        self._position = 0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say whose answer it is, then the first token."""
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport.write(self._greeting)
        self._begin(self)

    def step(self) -> bool:
        """Say one token; tell whether more follow."""
        if self._transport.is_closing():
            return False
        self._transport.write(self._middle[self._position])
        self._position += 1
        if self._position < self._tokens:
            return True
        self._transport.write(self._end)
        self._transport.close()
        return False


class Model:
    """All answers of a model step together."""

    def __init__(self, name: str) -> None:
        self._tick = None if name == "burst" else int(name.removeprefix("tick-").removesuffix("ms")) / 1000
        self.frames = Frames(name)
        self._running: list[Answer] = []
        self._due = 0.0
        self._ticking = False

    def begin(self, answer: Answer) -> None:
        """Say the first token."""
        more = answer.step()
        if self._tick is None:
            while more:
                more = answer.step()
        elif more:
            self._running.append(answer)
            if not self._ticking:
                self._ticking = True
                loop = asyncio.get_running_loop()
                self._due = loop.time() + self._tick
                loop.call_at(self._due, self._step, self._tick)

    def _step(self, tick: float) -> None:
        self._running = [answer for answer in self._running if answer.step()]
        self._ticking = bool(self._running)
        if self._ticking:
            loop = asyncio.get_running_loop()
            self._due = max(self._due + tick, loop.time())
            loop.call_at(self._due, self._step, tick)


class Worker:
    """The request plane: requests come on connections that stay, answers go on connections of their own."""

    def __init__(self, models: list[str]) -> None:
        self.paths = {f"{at + 1:x}/dynamo/c{at}/generate": name for at, name in enumerate(models)}
        self._models = {name: Model(name) for name in models}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take the requests of one connection."""
        try:
            while True:
                path = (await _counted(reader, 2)).decode()
                await _counted(reader, 2)
                raw = await _counted(reader, 4)
                writer.write(bytes(4))
                task = asyncio.create_task(self._answer(path, raw))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except asyncio.IncompleteReadError:
            writer.close()

    async def _answer(self, path: str, raw: bytes) -> None:
        size, length, _ = _HEAD.unpack_from(raw)
        header = json.loads(raw[_HEAD.size : _HEAD.size + size])
        asked = msgspec.msgpack.decode(raw[_HEAD.size + size : _HEAD.size + size + length])
        info = json.loads(header["connection_info"]["info"])
        tokens = asked.get("max_tokens") or asked.get("max_completion_tokens") or 16
        greeting = frame({"subject": info["subject"], "stream_type": "response"}) + frame({"error": None})
        model = self._models[self.paths[path]]
        host, _, port = info["address"].rpartition(":")
        answer = Answer(greeting, model.begin, model.frames, tokens)
        await asyncio.get_running_loop().create_connection(lambda: answer, host.strip("[]"), int(port))


def register(folder: Path, address: str, paths: dict[str, str]) -> list[Path]:
    """Write what discovery looks for; return the files to be touched."""
    written = []
    for path, name in paths.items():
        identity, namespace, component, endpoint = path.split("/")
        common: dict[str, Any] = {"namespace": namespace, "component": component, "endpoint": endpoint}
        common |= {"instance_id": int(identity, 16)}
        instance = {"type": "Endpoint", **common, "device_type": "cpu", "request_plane_codec": "msgpack"}
        instance |= {"transport": {"tcp": f"{address}/{path}"}}
        card: dict[str, Any] = {"display_name": name, "slug": name, "model_input": "Text"}
        card |= {"model_type": "Chat | Completions"}
        card |= {"worker_type": "aggregated", "needs": [], "context_length": 0}
        card |= {"kv_cache_block_size": 0, "migration_limit": 0}
        key = f"{namespace}%2F{component}%2F{endpoint}%2F{identity}"
        for kind, content in (
            ("instances", instance),
            ("mdc", {"type": "Model", **common, "card_json": card}),
        ):
            target = folder / "v1" / kind / key
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as out:
                json.dump(content, out)
            Path(out.name).rename(target)  # the frontend would read a half-written file
            written.append(target)
    return written


async def _counted(reader: asyncio.StreamReader, width: int) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(width), "big"))


async def main() -> None:
    """Serve until killed."""
    worker = Worker(sys.argv[2:])
    server = await asyncio.start_server(worker.serve, "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    files = register(Path(sys.argv[1]), address, worker.paths)
    print(f"worker on {address}", flush=True)
    while True:
        await asyncio.sleep(TOUCH)
        for path in files:
            os.utime(path)


if __name__ == "__main__":
    asyncio.run(main())
