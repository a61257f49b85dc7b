"""What a worker says to anybody who speaks NATS: discovery, refusals, credit."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from nats.aio.client import Client

from bridge.errors import Reason
from bridge.protocol import icp, kserve
from bridge.protocol.icp_answer import Answer
from bridge.protocol.icp_subjects import Subjects
from bridge.protocol.tensors import pack
from tests.eventually import eventually
from tests.grpc_client import prompt
from tests.nats_server import taken
from tests.scripted_triton import config, data, empty, scripted_triton, sends
from tests.tcp_proxy import tcp_proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.aio.msg import Msg

    from bridge.protocol.icp_answer import End
    from tests.operators.stage import Stage
    from tests.tritonserver import RunningTriton

SUBJECTS = Subjects("icp")
AT = SUBJECTS.operator("echo_vllm", "")


@asynccontextmanager
async def speaking(stage: Stage) -> AsyncIterator[Client]:
    """Speak to a worker whose model is on offer."""
    await stage.worker()
    client = Client()
    await client.connect(stage.nats.url)
    try:
        yield client
    finally:
        await client.close()


INBOX = "_INBOX_icp.front.1"


def asking(inbox: str, directive: dict[str, Any] | None = None, **more: Any) -> bytes:
    request = kserve.ModelInferRequest(model_name="echo_vllm")
    request.inputs.add(name="text_input", datatype="BYTES", shape=[1])
    request.raw_input_contents.append(pack("BYTES", [prompt(**{"words": 40} | (directive or {}))]))
    request.inputs.add(name="stream", datatype="BOOL", shape=[1])
    request.raw_input_contents.append(pack("BOOL", [True]))
    request.inputs.add(name="sampling_parameters", datatype="BYTES", shape=[1])
    request.raw_input_contents.append(pack("BYTES", ['{"max_tokens": 100}']))
    request.outputs.add(name="text_output")
    opening = icp.Opening(request_id="r1", inbox=inbox, component_id="front", **more)
    return icp.pack_request(request, opening)


@pytest.mark.parametrize(
    "subject", ["$SRV.{}", "$SRV.{}.icp-worker", "$SRV.{}.icp-worker.ID"], ids=["all", "service", "one"]
)
@pytest.mark.parametrize("verb", ["PING", "INFO", "STATS"])
async def test_discovery_is_answered(stage: Stage, subject: str, verb: str) -> None:
    async with speaking(stage) as client:
        own = stage.workers[0].component_id
        answer = orjson.loads((await client.request(subject.format(verb).replace("ID", own), timeout=2)).data)
    assert answer["type"] == f"io.nats.micro.v1.{verb.lower()}_response"
    assert (answer["name"], answer["id"], answer["metadata"]["component_id"]) == ("icp-worker", own, own)
    if verb != "PING":
        shown = answer["endpoints"][0]
        assert (shown["name"], shown["subject"], shown["queue_group"]) == ("echo_vllm", AT, AT)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"\xff", "no ModelInferRequest", id="garbage"),
        pytest.param(b"", "lacks the parameter", id="empty"),
        pytest.param(asking("_INBOX_icp.other.1"), "its inbox", id="somebody else's inbox"),
        pytest.param(asking("_INBOX_icp.front.1", credit=0), "credit", id="no credit"),
    ],
)
async def test_a_malformed_request_gets_a_final_error(stage: Stage, data: bytes, why: str) -> None:
    async with speaking(stage) as client:
        inbox = await client.subscribe("_INBOX_icp.front.1")
        await client.publish(AT, data, reply="_INBOX_icp.front.1")
        answer = Answer("m")
        _, end = answer.take((await inbox.next_msg(2)).data)
    assert end is not None
    assert end.error is not None
    assert why in end.error.message
    assert answer.component_id == stage.workers[0].component_id, "who is not to be asked again"


class Mailbox:
    """What a front end hears of one request."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    async def keep(self, msg: Msg) -> None:
        if msg.subject == INBOX:
            self.messages.append(msg.data)

    @property
    def has_ended(self) -> bool:
        """Whether the last message that has come is the end."""
        return b"icp_final_response" in self.messages[-1]

    @property
    def end(self) -> End:
        """How it ended; nothing may be missing before that."""
        answer = Answer("m")
        *ends, last = [answer.take(data)[1] for data in self.messages]
        assert ends == [None] * len(ends)
        assert last is not None
        return last


@asynccontextmanager
async def corresponding(stage: Stage) -> AsyncIterator[tuple[Client, Mailbox]]:
    """Speak to a worker, and hear what it says."""
    async with speaking(stage) as client:
        mailbox = Mailbox()
        await client.subscribe("_INBOX_icp.front.*", cb=mailbox.keep)
        yield client, mailbox


def waits_for_credit(stage: Stage, sent: int, left: int) -> bool:
    """Tell whether the worker's generation has sent so much, and holds the rest."""
    running = stage.workers[0]._running._operations.values()
    return any((one.sent, len(one._ready)) == (sent, left) for one in running)


async def test_a_worker_sends_no_more_than_its_credit_and_stops_when_told(stage: Stage) -> None:
    async with corresponding(stage) as (client, mailbox):
        worker = stage.workers[0]
        await client.publish(AT, asking(INBOX, credit=5), reply=INBOX)
        await eventually(lambda: waits_for_credit(stage, 5, 35))
        control = SUBJECTS.control(worker.component_id, "r1")
        assert (await client.request(control, b"probe", timeout=2)).data == b"5"
        for nonsense in (b"credit -1", b"credit x", b"credit", b"load m", b"\xff", b""):
            await client.publish(control, nonsense)
        await client.publish(control, b"credit 3")
        await eventually(lambda: len(mailbox.messages) == 1 + 8)
        await client.publish(control, b"cancel")
        await eventually(lambda: len(mailbox.messages) == 1 + 9)
        await eventually(lambda: not worker._running.count)
        assert (await client.request(control, b"probe", timeout=2)).data == b"gone"
    assert mailbox.end.cancelled


async def test_what_waits_leaves_in_one_message(stage: Stage) -> None:
    async with corresponding(stage) as (client, mailbox):
        await client.publish(AT, asking(INBOX, credit=1, batch=64), reply=INBOX)
        await eventually(lambda: waits_for_credit(stage, 1, 39))
        await client.publish(SUBJECTS.control(stage.workers[0].component_id, "r1"), b"credit 256")
        await eventually(lambda: len(mailbox.messages) >= 4)
        assert not stage.workers[0]._running.count
    assert len(mailbox.messages) == 4, "the acceptance, the first response, all others, the end"
    assert mailbox.end.error is None


@pytest.mark.parametrize(
    "directive",
    [pytest.param({}, id="what waits for credit"), pytest.param({"hang_at": 0}, id="a silent model")],
)
async def test_a_worker_stops_by_its_own_clock(stage: Stage, directive: dict[str, Any]) -> None:
    async with corresponding(stage) as (client, mailbox):
        headers = {"grpc-timeout": "200m"}
        await client.publish(AT, asking(INBOX, directive, credit=1), reply=INBOX, headers=headers)
        await eventually(lambda: stage.workers[0]._running.count)
        await eventually(lambda: not stage.workers[0]._running.count, 2)
        await eventually(lambda: mailbox.has_ended)
    assert mailbox.end.error is not None
    assert mailbox.end.error.reason is Reason.TIMEOUT


async def test_a_second_request_of_the_same_id_is_refused(stage: Stage) -> None:
    async with corresponding(stage) as (client, mailbox):
        for number in (1, 2):
            inbox = f"_INBOX_icp.front.{number}"
            await client.publish(AT, asking(inbox, {"hang_at": 0}), reply=inbox)
        second = await client.subscribe("_INBOX_icp.front.2")
        await client.publish(AT, asking("_INBOX_icp.front.2"), reply="_INBOX_icp.front.2")
        _, end = Answer("m").take((await second.next_msg(2)).data)
        assert end is not None
        assert end.error is not None
        assert "its id" in end.error.message
        assert len(mailbox.messages) == 1


async def test_only_what_tells_of_the_trace_goes_on_to_the_model(stage: Stage) -> None:
    given = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01", "X-Request-Id": "r7"}
    async with scripted_triton(sends(data("a"), empty(final=True)), config("echo_vllm")) as peer:
        await stage.worker(triton=peer.address)
        client = Client()
        await client.connect(stage.nats.url)
        await client.publish(AT, asking(INBOX), reply=INBOX, headers={**given, "authorization": "x"})
        await eventually(lambda: peer.calls)
        metadata = dict(peer.calls[0].metadata)
        await client.close()
        await stage.stack.aclose()
    assert {key: metadata.get(key) for key in ("traceparent", "x-request-id", "authorization")} == {
        "traceparent": given["traceparent"],
        "x-request-id": "r7",
        "authorization": None,
    }


async def test_a_question_that_takes_long_holds_up_no_other(stage: Stage, pair: list[RunningTriton]) -> None:
    async with tcp_proxy(pair[0].address) as proxy:
        worker = await stage.worker(triton=proxy.address)
        proxy.passes.clear()
        client = Client()
        await client.connect(stage.nats.url)
        question = kserve.ModelConfigRequest(name="echo_vllm").SerializeToString()
        describe = SUBJECTS.control(worker.component_id, "describe")
        waiting = asyncio.create_task(client.request(describe, question, timeout=10))
        await eventually(lambda: worker._telling)
        control = SUBJECTS.control(worker.component_id, "r1")
        assert (await client.request(control, b"probe", timeout=1)).data == b"gone"
        proxy.passes.set()
        answer = kserve.ModelConfigResponse.FromString((await waiting).data)
        assert answer.config.name == "echo_vllm"
        await client.close()
        await stage.stack.aclose()


async def test_a_request_without_an_inbox_is_dropped(stage: Stage) -> None:
    async with speaking(stage) as client:
        await client.publish(AT, asking("_INBOX_icp.front.1"), reply="other.place")
        await client.publish(AT, asking("_INBOX_icp.front.1"))
        await taken(client)
        answer = await client.request("$SRV.STATS", timeout=2)
    assert orjson.loads(answer.data)["endpoints"][0]["num_requests"] == 0
