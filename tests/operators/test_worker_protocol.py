"""What a worker says to anybody who speaks NATS: discovery, refusals, credit."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from nats.aio.client import Client

from bridge.protocol import icp, kserve
from bridge.protocol.icp_answer import Answer
from bridge.protocol.icp_subjects import Subjects
from bridge.protocol.tensors import pack
from tests.eventually import eventually
from tests.grpc_client import prompt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.aio.msg import Msg

    from tests.operators.stage import Stage

SUBJECTS = Subjects("icp")
AT = SUBJECTS.operator("echo_vllm", "")


@asynccontextmanager
async def speaking(stage: Stage) -> AsyncIterator[Client]:
    """Speak to a worker whose model is on offer."""
    worker = await stage.worker()
    await eventually(lambda: AT in worker._offers.joined)
    client = Client()
    await client.connect(stage.nats.url)
    try:
        yield client
    finally:
        await client.close()


def asking(inbox: str, **more: Any) -> bytes:
    request = kserve.ModelInferRequest(model_name="echo_vllm")
    request.inputs.add(name="text_input", datatype="BYTES", shape=[1])
    request.raw_input_contents.append(pack("BYTES", [prompt(words=40, tag=more.pop("tag", ""))]))
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
        _, end = Answer("m").take((await inbox.next_msg(2)).data)
    assert end is not None
    assert end.error is not None
    assert why in end.error.message


async def test_a_worker_sends_no_more_than_its_credit_and_stops_when_told(stage: Stage) -> None:
    received: list[Msg] = []

    async def keep(msg: Msg) -> None:
        received.append(msg)

    async with speaking(stage) as client:
        worker = stage.workers[0]
        await client.subscribe("_INBOX_icp.front.*", cb=keep)
        inbox = "_INBOX_icp.front.1"
        await client.publish(AT, asking(inbox, credit=5, tag="credit"), reply=inbox)
        await eventually(
            lambda: any(one.sent == 5 and one._ready for one in worker._running._operations.values())
        )
        await client.flush()
        control = SUBJECTS.control(worker.component_id, "r1")
        assert (await client.request(control, b"probe", timeout=2)).data == b"5"
        await client.publish(control, b"credit 3")
        await eventually(lambda: len([one for one in received if one.subject == inbox]) == 1 + 8)
        await client.publish(control, b"cancel")
        await eventually(lambda: len([one for one in received if one.subject == inbox]) == 1 + 9)
        await eventually(lambda: not worker._running.count)
    answer = Answer("m")
    ends = [answer.take(one.data)[1] for one in received if one.subject == inbox]
    assert ends[-1] is not None
    assert ends[-1].cancelled


async def test_a_request_without_an_inbox_is_dropped(stage: Stage) -> None:
    async with speaking(stage) as client:
        await client.publish(AT, asking("_INBOX_icp.front.1"), reply="other.place")
        await client.publish(AT, asking("_INBOX_icp.front.1"))
        await client.flush()
        answer = await client.request("$SRV.STATS", timeout=2)
    assert orjson.loads(answer.data)["endpoints"][0]["num_requests"] == 0
