"""Workers that are full, readers that are slow, many at once: who waits, who does not, what is kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.config import Nats
from bridge.protocol import icp, kserve
from bridge.protocol.tensors import byte_strings, pack
from tests.doors import refusal, tell
from tests.eventually import eventually
from tests.grpc_client import prompt
from tests.large_messages import LargeMessages
from tests.operators.asking import STREAM, chat
from tests.operators.stage import plane_of
from tests.raw_http import connected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.backends.nats_generation import Generation
    from bridge.errors import BridgeError
    from bridge.operators.operation import Operation
    from bridge.operators.worker import Worker
    from bridge.protocol.alike import Received
    from tests.operators.stage import Stage

MANY = 256
SLOW = 16
LONG = 400
"""Words of an answer that is longer than the credit."""
SHORT = 12
PROMPT = 300_000
"""Characters."""
KEPT = 64 * 1024
"""Bytes that a worker keeps of an answer that nobody takes; all of it would be as much."""


async def test_a_full_worker_is_a_429_and_takes_requests_again_when_it_has_room(stage: Stage) -> None:
    await stage.worker(settings=Nats(max_inflight=2))
    bridge = await stage.front_end()
    running = [
        asyncio.create_task(tell(bridge, STREAM, chat(tag=f"full{at}", words=5, hang_at=1)))
        for at in range(2)
    ]
    for at in range(2):
        await stage.tritons[0].event(f"full{at}", "request")
    refused = await refusal(bridge, STREAM, chat(words=1))
    assert (refused.status, "limit" in refused.message) == (429, True)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await eventually(lambda: not stage.workers[0]._running.count)
    assert (await tell(bridge, STREAM, chat(words=2))).texts == ["word0 word1 "]


async def test_a_full_worker_leaves_everything_to_the_other(stage: Stage) -> None:
    full, other = await stage.worker(0, settings=Nats(max_inflight=1)), await stage.worker(1)
    bridge = await stage.front_end(2)
    running = []
    while not full._running.count:
        running.append(asyncio.create_task(tell(bridge, STREAM, chat(words=2, hang_at=1))))
        await eventually(lambda: full._running.count + other._running.count == len(running))
    told = await asyncio.gather(*(tell(bridge, STREAM, chat(words=1)) for _ in range(20)))
    assert [one.texts for one in told] == [["word0 "]] * 20
    assert full._service.of("echo_vllm").requests == 0, "its only request still runs"
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_a_reader_that_stands_still_stops_only_its_own_generation(stage: Stage) -> None:
    worker = await stage.worker()
    bridge = await stage.front_end(max_buffered_bytes=1024)
    async with connected(bridge.http_port) as connection:
        body = chat(words=1_500_000, cut_bytes=4000, hang_at=3000) | {"max_tokens": 5000, "stream": True}
        await connection.send("POST", "/v1/chat/completions", json=body)
        await connection.head()
        await eventually(lambda: any(one.stalls for one in operations(worker)), 10)
        assert (await tell(bridge, STREAM, chat(words=400))).texts[0].endswith("word399 ")
        (held,) = operations(worker)
        assert held.waiting < 2_000_000


async def test_a_model_that_is_slow_holds_up_nobody(stage: Stage) -> None:
    worker = await stage.worker()
    bridge = await stage.front_end()
    slow = asyncio.create_task(tell(bridge, STREAM, chat(tag="slow", words=2, hang_at=1)))
    await stage.tritons[0].event("slow", "request")
    told = await asyncio.gather(*(tell(bridge, STREAM, chat(words=300)) for _ in range(5)))
    assert {one.texts[0] for one in told} == {words(300)}
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)
    await eventually(lambda: not operations(worker))


async def test_neither_side_keeps_a_prompt_while_its_answer_runs(stage: Stage) -> None:
    await stage.worker()
    bridge = await stage.front_end()
    body = chat(words=2, hang_at=1) | {"stream": True}
    body["messages"][0]["content"] += " x" * (PROMPT // 2)
    messages = LargeMessages(PROMPT)
    async with connected(bridge.http_port) as connection:
        await connection.send("POST", "/v1/chat/completions", json=body)
        await connection.until(b"word0")
        assert messages.kept() == []


class Reader:
    """A sink that may begin to read later."""

    def __init__(self, *, slow: bool) -> None:
        self.handle: Generation
        self.over: asyncio.Future[BridgeError | None] = asyncio.get_running_loop().create_future()
        self._slow = slow
        self._texts: list[bytes] = []

    def responses(self, batch: Sequence[Received]) -> None:
        if self._slow and not self._texts:
            self.handle.pause()
        for one in batch:
            text = one if isinstance(one, bytes) else byte_strings(one.raw_output_contents[0])[0]
            self._texts.append(text)

    def ended(self, error: BridgeError | None) -> None:
        self.over.set_result(error)

    @property
    def text(self) -> str:
        return b"".join(self._texts).decode()


async def test_256_streams_share_an_inbox_lose_nothing_and_keep_little(stage: Stage) -> None:
    worker = await stage.worker(settings=Nats(max_inflight=MANY))
    bridge = await stage.front_end()
    readers = [Reader(slow=at < SLOW) for at in range(MANY)]
    backend, deadline = bridge._handlers.catalog.backend, asyncio.get_running_loop().time() + 60
    for reader in readers:
        asked = request(LONG if reader in readers[:SLOW] else SHORT)
        reader.handle = backend.open(asked, model="echo_vllm", deadline=deadline, sink=reader)
    async with asyncio.timeout(30):
        assert await asyncio.gather(*(reader.over for reader in readers[SLOW:])) == [None] * (MANY - SLOW)
        await eventually(lambda: sum(one.stalls > 0 for one in operations(worker)) == SLOW, 30)
        assert [one.sent for one in operations(worker)] == [icp.CREDIT] * SLOW
        assert max(one.waiting for one in operations(worker)) < KEPT
        arrived = plane_of(bridge)._generations.values()
        await eventually(lambda: [one.sent for one in arrived] == [icp.CREDIT] * SLOW)
        for reader in readers[:SLOW]:
            reader.handle.resume()
        assert await asyncio.gather(*(reader.over for reader in readers)) == [None] * MANY
    said = {reader.text for reader in readers[:SLOW]}, {reader.text for reader in readers[SLOW:]}
    assert said == ({words(LONG)}, {words(SHORT)})
    assert not plane_of(bridge)._generations
    assert not operations(worker)


def operations(worker: Worker) -> list[Operation]:
    return list(worker._running._operations.values())


def words(count: int) -> str:
    return "".join(f"word{number} " for number in range(count))


def request(count: int) -> kserve.ModelInferRequest:
    """Ask for an answer of so many words, whose end comes a moment after the last."""
    made = kserve.ModelInferRequest(model_name="echo_vllm")
    tensors = (
        ("text_input", "BYTES", prompt(words=count, end_delay_ms=500)),
        ("stream", "BOOL", True),
        ("sampling_parameters", "BYTES", f'{{"max_tokens": {count}}}'),
    )
    for name, datatype, value in tensors:
        made.inputs.add(name=name, datatype=datatype, shape=[1])
        made.raw_input_contents.append(pack(datatype, [value]))
    made.outputs.add(name="text_output")
    return made
