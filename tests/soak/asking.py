"""How a plan is carried out: ordinary clients of both doors, and some that leave or stall."""

from __future__ import annotations

import asyncio
import gc
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import grpc
from openai_bridge.v1.common_pb2 import FinishReason

from tests.faults.clients import GrpcClient, HttpClient, client
from tests.grpc_client import chat, completion, connected
from tests.soak.answer import Answer, WrongAnswerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.grpc_client import Stubs
    from tests.soak.plan import Plan

WAIT: Final = 60.0
"""Seconds after which an answer will not come any more."""

STALLS: Final = 1.5
"""Seconds for which a client that stalls reads nothing: longer than the bridge waits."""

_DETAILS: Final = "grpc-status-details-bin"
_PATHS: Final = {"chat": "/v1/chat/completions", "completions": "/v1/completions"}


@dataclass(frozen=True)
class Doors:
    """Ports of the bridge."""

    http: int
    grpc: int


@dataclass(frozen=True)
class Bridge:
    """The doors, and connections to each."""

    doors: Doors
    session: aiohttp.ClientSession
    stubs: Stubs


@asynccontextmanager
async def connections(doors: Doors) -> AsyncIterator[Bridge]:
    """Connect to both doors, HTTP as often as there are requests at once."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, connected(doors.grpc) as stubs:
        yield Bridge(doors, session, stubs)
    gc.collect()  # calls that were left hold the channel's connection as long as they are objects


async def carry_out(plan: Plan, bridge: Bridge) -> Answer | None:
    """Ask, and return what came; None: the client was not there to see it.

    Raises:
        WrongAnswerError: what came breaks the protocol.
        TimeoutError: nothing came any more.
    """
    async with asyncio.timeout(WAIT):
        if plan.behaviour == "stalls":
            return await _stall(plan, bridge)
        asked = _over_http(plan, bridge) if plan.door == "http" else _over_grpc(plan, bridge)
        if plan.behaviour == "reads":
            return await asked
        leaving = asyncio.create_task(asked)
        if not plan.streamed:
            await asyncio.wait([leaving], timeout=plan.patience / 100)
            leaving.cancel()
        await asyncio.wait([leaving])
        if not leaving.cancelled():
            leaving.result()  # it was too late to leave: a failure is one
        return None


def _body(plan: Plan) -> dict[str, Any]:
    body: dict[str, Any] = {"model": plan.model, "max_tokens": plan.limit, "temperature": 0}
    if plan.endpoint == "chat":
        body["messages"] = [{"role": "user", "content": plan.prompt}]
    else:
        body["prompt"] = plan.prompt
    if plan.streamed:
        body["stream_options"] = {"include_usage": True}
    return body


async def _over_http(plan: Plan, bridge: Bridge) -> Answer | None:
    url = f"http://127.0.0.1:{bridge.doors.http}{_PATHS[plan.endpoint]}"
    async with bridge.session.post(url, json=_body(plan) | {"stream": plan.streamed}) as response:
        if response.status != 200:
            await response.json()
            return Answer(ended=True, error=str(response.status))
        if plan.streamed:
            return await _events(plan, response)
        whole = await response.json()
        (choice,) = whole["choices"]
        text = choice["message"]["content"] if plan.endpoint == "chat" else choice["text"]
        tokens = whole["usage"]["completion_tokens"]
        return Answer(text, [choice["finish_reason"]], tokens, ended=True)


async def _events(plan: Plan, response: aiohttp.ClientResponse) -> Answer | None:
    answer, heard = Answer(), 0
    async for line in response.content:
        data = line.removeprefix(b"data: ").strip()
        if not data or data.startswith(b":"):
            continue
        if answer.ended or (answer.error is not None and data != b"[DONE]"):
            raise WrongAnswerError(f"something comes after the end: {answer}")
        if data == b"[DONE]":
            answer.ended = True
            continue
        _take(json.loads(data), answer)
        heard += 1
        if plan.behaviour == "leaves" and heard > plan.patience:
            response.close()
            return None
    return answer


def _take(event: dict[str, Any], answer: Answer) -> None:
    if "error" in event:
        answer.error = event["error"]["code"]
        return
    if event.get("usage"):
        answer.tokens = event["usage"]["completion_tokens"]
    for choice in event["choices"]:
        answer.text += choice["text"] if "text" in choice else choice["delta"].get("content") or ""
        answer.finishes += [choice["finish_reason"]] if choice["finish_reason"] else []


async def _over_grpc(plan: Plan, bridge: Bridge) -> Answer | None:
    options = {"stream_options": {"include_usage": True}} if plan.streamed else {}
    fields: dict[str, Any] = {"max_tokens": plan.limit, "temperature": 0, **options}
    if plan.endpoint == "chat":
        stub, name = bridge.stubs.chat, "CreateChatCompletion"
        request: Any = chat(plan.directive, model=plan.model, **fields)
    else:
        stub, name = bridge.stubs.completions, "CreateCompletion"
        request = completion(plan.directive, model=plan.model, **fields)
    answer = Answer()
    try:
        if plan.streamed:
            return await _messages(plan, getattr(stub, f"{name}Stream")(request), answer)
        _add(await getattr(stub, name)(request), answer)
    except grpc.aio.AioRpcError as exc:
        if _DETAILS not in dict(exc.trailing_metadata() or ()):
            raise WrongAnswerError(f"an error that the bridge did not send: {exc}") from exc
        answer.error = exc.code().name
    answer.ended = True
    return answer


async def _messages(plan: Plan, call: Any, answer: Answer) -> Answer | None:
    heard = 0
    try:
        async for message in call:
            _add(message, answer)
            heard += 1
            if plan.behaviour == "leaves" and heard > plan.patience:
                return None
    finally:
        call.cancel()
    answer.ended = True
    return answer


def _add(message: Any, answer: Answer) -> None:
    """Add a message of a stream, or a whole answer."""
    if message.HasField("usage"):
        answer.tokens = message.usage.completion_tokens
    for choice in message.choices:
        if hasattr(choice, "text"):
            answer.text += choice.text
        else:
            answer.text += choice.delta.content if hasattr(choice, "delta") else choice.message.content
        if choice.finish_reason:
            name = FinishReason.Name(choice.finish_reason)
            answer.finishes.append(name.removeprefix("FINISH_REASON_").lower())


async def _stall(plan: Plan, bridge: Bridge) -> None:
    """Read the beginning of a long answer, then nothing for longer than the bridge allows, then leave."""
    http = plan.door == "http"
    async with client(*((HttpClient, bridge.doors.http) if http else (GrpcClient, bridge.doors.grpc))) as one:
        await one.ask(plan.directive)
        await asyncio.sleep(STALLS)
