"""Three real Tritons with one model, which tests kill, stop and restart, and clients of a bridge."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import aiohttp

from bridge.config import Upstream
from tests.grpc_client import WAIT, chat, prompt, words
from tests.stopped import stopped

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from bridge.app import Bridge
    from tests.grpc_client import Stubs
    from tests.tritonserver import RunningTriton

MODEL = "echo_vllm"

_tags = (f"f{number}" for number in count())


@dataclass(frozen=True)
class Fleet:
    """The servers; each keeps its port."""

    tritons: list[RunningTriton]

    def upstreams(self, servers: int = 2) -> tuple[Upstream, ...]:
        """Return the first few of them, as a bridge's configuration has them."""
        return tuple(Upstream(address=one.address) for one in self.tritons[:servers])

    def kill(self, at: int) -> None:
        """End a server as a crash would."""
        self.tritons[at].server.kill()

    async def restart(self, at: int) -> None:
        """Have a killed server back."""
        await self.tritons[at].server.start()
        await self.tritons[at].server.wait_ready()

    async def running(self, servers: int) -> Fleet:
        """Return the fleet with that many ready ones first; the others start meanwhile.

        A test that kills one of two leaves two for the next, which need not wait for the third.
        """
        dead = [one for one in self.tritons if not one.server.running]
        for one in dead:
            one.server.kill()  # one that crashed has not been waited for
            await one.server.start()
        fleet = Fleet([one for one in self.tritons if one not in dead] + dead)
        for one in fleet.tritons[:servers]:
            await one.server.wait_ready()
        return fleet

    def stopped(self, at: int) -> AbstractContextManager[None]:
        """Stop a server's process; it goes on where it was when the block ends."""
        return stopped(self.tritons[at].server.pid)

    def served(self, tag: str) -> list[int]:
        """Return which servers have been asked for a tag, once for each time."""
        return [
            at
            for at, one in enumerate(self.tritons)
            for event in one.events(tag)
            if event["event"] == "request"
        ]


def tag() -> str:
    """Return a tag that no other request has."""
    return next(_tags)


def http_body(directive: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the body of a chat request that steers a stand-in."""
    message = {"role": "user", "content": prompt(**directive)}
    return {"model": MODEL, "messages": [message], "max_tokens": 1000, **fields}


async def answers(bridge: Bridge, directive: dict[str, Any], requests: int) -> list[tuple[int, str]]:
    """Ask the HTTP door so many times at once; return status and text of each: the answer, or the error."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WAIT)) as session:
        return await asyncio.gather(*(_answer(session, bridge, directive) for _ in range(requests)))


async def _answer(
    session: aiohttp.ClientSession, bridge: Bridge, directive: dict[str, Any]
) -> tuple[int, str]:
    url = f"http://127.0.0.1:{bridge.http_port}/v1/chat/completions"
    async with session.post(url, json=http_body(directive)) as response:
        answer = await response.json()
        if response.status != 200:
            return response.status, answer["error"]["message"]
        return 200, answer["choices"][0]["message"]["content"]


@dataclass(frozen=True)
class Streamed:
    """One answer of the HTTP door, streamed."""

    text: str
    error: dict[str, Any] | None
    usage: dict[str, Any] | None
    finishes: list[str]


async def streamed(
    bridge: Bridge, directive: dict[str, Any], begun: asyncio.Event | None = None, **fields: Any
) -> Streamed:
    """Ask the HTTP door for a stream; `begun` is set with its first text.

    Raises:
        AssertionError: it did not end with [DONE], or something came after an error.
    """
    url = f"http://127.0.0.1:{bridge.http_port}/v1/chat/completions"
    body = http_body(directive, stream=True, stream_options={"include_usage": True}, **fields)
    text, error, usage, finishes, done = "", None, None, [], False
    timeout = aiohttp.ClientTimeout(total=WAIT)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.post(url, json=body) as response:
        assert response.status == 200, await response.text()
        async for line in response.content:
            data = line.removeprefix(b"data: ").strip()
            if not data or data.startswith(b":"):
                continue
            assert not done
            assert error is None or data == b"[DONE]"
            done = data == b"[DONE]"
            message = {} if done else json.loads(data)
            error, usage = message.get("error", error), message.get("usage") or usage
            for choice in message.get("choices", ()):
                text += choice["delta"].get("content") or ""
                finishes += [choice["finish_reason"]] if choice.get("finish_reason") else []
            if text and begun is not None:
                begun.set()
    assert done, "the stream ended without [DONE]"
    return Streamed(text, error, usage, finishes)


async def grpc_answers(stubs: Stubs, directive: dict[str, Any], requests: int) -> list[str]:
    """Ask the gRPC door so many times at once; return the texts.

    Raises:
        grpc.aio.AioRpcError: one failed.
    """
    calls = [stubs.chat.CreateChatCompletion(chat(directive), timeout=WAIT) for _ in range(requests)]
    return [answer.choices[0].message.content for answer in await asyncio.gather(*calls)]


async def goes_to(fleet: Fleet, bridge: Bridge, at: int, within: float = 15.0) -> None:
    """Ask until a request is served by a server.

    Raises:
        TimeoutError: none was.
    """
    async with asyncio.timeout(within):
        while True:
            mine = tag()
            ((status, text),) = await answers(bridge, {"tag": mine, "words": 2}, 1)
            assert (status, text) == (200, words(2))
            if at in fleet.served(mine):
                return
            await asyncio.sleep(0.02)


def count(bridge: Bridge, name: str) -> float:
    """Return the sum of a metric over all its labels."""
    lines = bridge.metrics.text().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"openai_bridge_{name}{{"))
