"""The mock speaks as Triton does, to the clients that others have written."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc.aio as triton_aio
from tritonclient.grpc import InferInput, service_pb2, service_pb2_grpc

from benchmarks import tokens as numbered
from benchmarks.mock_triton import answers, serve
from benchmarks.mock_triton.engine import tick
from tests.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.mock_triton import MockTriton

FLAGS = ("return_finish_reason", "return_num_input_tokens", "return_num_output_tokens")


def infer(model: str, tokens: int | str, **given: Any) -> service_pb2.ModelInferRequest:
    """Return a request as the bridge makes it."""
    request = service_pb2.ModelInferRequest(model_name=model, id="some-id")
    sampling = json.dumps({"max_tokens": tokens})
    values = {"text_input": b"hi", "sampling_parameters": sampling.encode(), **given}
    for name, value in values.items():
        request.inputs.add(name=name, datatype="BYTES", shape=[1])
        request.raw_input_contents.append(len(value).to_bytes(4, "little") + value)
    for name in FLAGS:
        request.inputs.add(name=name, datatype="BOOL", shape=[1])
        request.raw_input_contents.append(b"\1")
    return request


def said(response: service_pb2.ModelInferResponse, name: str) -> bytes:
    """Return the raw contents of an output."""
    names = [output.name for output in response.outputs]
    return response.raw_output_contents[names.index(name)]


@asynccontextmanager
async def stub(mock: MockTriton, **options: int) -> AsyncIterator[Any]:
    pairs = [(f"grpc.{name}", value) for name, value in options.items()]
    async with grpc.aio.insecure_channel(mock.address, options=pairs) as channel:
        yield service_pb2_grpc.GRPCInferenceServiceStub(channel)


async def answer(client: Any, request: Any) -> list[service_pb2.ModelInferResponse]:
    """Return the responses to one request; an error fails the test."""
    async with asyncio.timeout(10):
        replies = [reply async for reply in client.ModelStreamInfer(iter([request]))]
    assert [reply.error_message for reply in replies if reply.error_message] == []
    return [reply.infer_response for reply in replies]


@pytest.mark.parametrize("model", ["burst", "tick-1ms", "tick-20ms"])
@pytest.mark.parametrize("tokens", [1, 2, 30])
async def test_an_answer_has_as_many_numbered_tokens_as_were_asked_for(model: str, tokens: int) -> None:
    async with serve([model]) as mock, stub(mock) as client:
        responses = await answer(client, infer(model, tokens))
        assert [said(each, "text_output")[4:].decode() for each in responses] == [
            numbered.text(at) for at in range(tokens)
        ]
        assert (mock.counts.requests, mock.counts.complete, mock.counts.tokens) == (1, 1, tokens)
        assert mock.running == 0


async def test_every_response_says_whose_it_is_and_the_last_one_that_it_is_final() -> None:
    async with serve() as mock, stub(mock) as client:
        responses = await answer(client, infer("burst", 3))
    assert {(each.model_name, each.model_version, each.id) for each in responses} == {
        ("burst", "1", "some-id")
    }
    assert [each.parameters["triton_final_response"].bool_param for each in responses] == [False, False, True]
    assert [said(each, "finish_reason")[4:] for each in responses] == [b"None", b"None", b"length"]
    assert {said(each, "num_output_tokens") for each in responses} == {b"\1\0\0\0"}


async def test_outputs_are_those_that_were_asked_for() -> None:
    request = infer("burst", 1)
    request.outputs.add(name="text_output")
    request.outputs.add(name="num_output_tokens")
    async with serve() as mock, stub(mock) as client:
        (response,) = await answer(client, request)
    assert [output.name for output in response.outputs] == ["text_output", "num_output_tokens"]


async def test_a_request_without_limit_has_the_engines_own() -> None:
    async with serve() as mock, stub(mock) as client:
        responses = await answer(client, infer("burst", 1, sampling_parameters=b"{}"))
    assert len(responses) == answers.DEFAULT_TOKENS


async def test_answers_on_one_call_and_on_many_do_not_mix() -> None:
    async with serve(["tick-1ms"]) as mock, stub(mock) as client:
        lengths = range(1, 40)
        several = await asyncio.gather(*(answer(client, infer("tick-1ms", tokens)) for tokens in lengths))
        requests = [infer("tick-1ms", tokens) for tokens in (3, 5)]
        one_call = [reply async for reply in client.ModelStreamInfer(iter(requests))]
    assert [len(responses) for responses in several] == list(lengths)
    assert len(one_call) == 3 + 5


async def test_a_ticking_model_takes_its_time_and_a_burst_does_not() -> None:
    loop = asyncio.get_running_loop()
    async with serve(["tick-20ms", "burst"]) as mock, stub(mock) as client:
        await client.ServerLive(service_pb2.ServerLiveRequest())
        began = loop.time()
        await answer(client, infer("tick-20ms", 11))
        ticking = loop.time() - began
        began = loop.time()
        await answer(client, infer("burst", 11))
        at_once = loop.time() - began
    assert ticking >= 10 * 0.020 > at_once


async def test_a_cancelled_call_is_counted_and_ends() -> None:
    async with serve(["tick-20ms"]) as mock, stub(mock) as client:
        call = client.ModelStreamInfer(iter([infer("tick-20ms", 10_000)]))
        await call.read()
        assert mock.running == 1
        call.cancel()
        await eventually(lambda: mock.running == 0)
        assert (mock.counts.cancels, mock.counts.complete) == (1, 0)
        assert len(await answer(client, infer("tick-20ms", 1))) == 1


async def test_a_client_that_vanishes_ends_its_answers() -> None:
    async with serve(["tick-20ms"]) as mock:
        async with grpc.aio.insecure_channel(mock.address) as channel:
            client = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            await client.ModelStreamInfer(iter([infer("tick-20ms", 10_000)])).read()
        await eventually(lambda: mock.running == 0)
        assert mock.counts.cancels + mock.counts.lost == 1


@pytest.mark.parametrize("model", ["burst", "tick-1ms"])
async def test_a_client_that_does_not_read_stops_its_answer_and_loses_nothing(model: str) -> None:
    tokens = 3000  # many times what grpcio's windows take
    async with serve([model, "tick-2ms"]) as mock, stub(mock, **{"http2.bdp_probe": 0}) as client:
        call = client.ModelStreamInfer(iter([infer(model, tokens)]))
        await call.read()
        await eventually(lambda: mock.counts.stalls > 0, within=10)
        assert mock.counts.tokens < tokens
        assert len(await answer(client, infer("tick-2ms", 5))) == 5  # the others go on
        texts = [numbered.text(0)]
        async with asyncio.timeout(20):
            while (reply := await call.read()) is not grpc.aio.EOF:
                texts.append(said(reply.infer_response, "text_output")[4:].decode())
    assert "".join(texts) == numbered.whole_text(tokens)


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        pytest.param(infer("other", 1), "unknown model: 'other'", id="a model that it has not"),
        pytest.param(infer("burst", 0), "max_tokens", id="no tokens"),
        pytest.param(infer("burst", 100_000), "max_tokens", id="too many tokens"),
        pytest.param(infer("burst", 1, sampling_parameters=b"[]"), "Error generating", id="no object"),
        pytest.param(infer("burst", 1, sampling_parameters=b"{"), "Error generating", id="no JSON"),
        pytest.param(service_pb2.ModelInferRequest(model_name="burst"), "text_input", id="no prompt"),
    ],
)
async def test_what_cannot_be_answered_is_told_in_the_stream(request_: Any, text: str) -> None:
    async with serve() as mock, stub(mock) as client:
        replies = [reply async for reply in client.ModelStreamInfer(iter([request_]))]
    assert len(replies) == 1
    assert text in replies[0].error_message


async def test_what_the_mock_has_not_is_refused_with_a_status() -> None:
    async with serve() as mock, stub(mock) as client:
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await client.ModelConfig(service_pb2.ModelConfigRequest(name="other"))
        with pytest.raises(grpc.aio.AioRpcError) as missing:
            await client.ModelStatistics(service_pb2.ModelStatisticsRequest())
    assert unknown.value.code() == grpc.StatusCode.NOT_FOUND
    assert unknown.value.details() == "Request for unknown model: 'other' is not found"
    assert missing.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_tritons_own_client_understands_it() -> None:
    prompt = InferInput("text_input", [1], "BYTES")
    prompt.set_data_from_numpy(np.array([b"hi"], dtype=np.object_))

    async def requests() -> AsyncIterator[dict[str, Any]]:
        yield {"model_name": "burst", "inputs": [prompt], "request_id": "7"}

    async with serve() as mock, triton_aio.InferenceServerClient(mock.address) as client:
        assert await client.is_server_ready()
        assert await client.is_model_ready("burst")
        assert not await client.is_model_ready("other")
        index = await client.get_model_repository_index(as_json=True)
        assert [model["name"] for model in index["models"]] == ["burst", "tick-20ms", "tick-2ms"]
        metadata = await client.get_model_metadata("burst")
        assert ("text_output", "BYTES", [-1]) in [
            (o.name, o.datatype, list(o.shape)) for o in metadata.outputs
        ]
        assert (await client.get_model_config("burst")).config.model_transaction_policy.decoupled
        texts = []
        async for result, error in client.stream_infer(requests()):
            assert error is None
            texts.append(result.as_numpy("text_output")[0].decode())
            if len(texts) == answers.DEFAULT_TOKENS:
                break
    assert "".join(texts) == numbered.whole_text(answers.DEFAULT_TOKENS)


def test_a_name_tells_the_pace() -> None:
    assert (tick("burst"), tick("tick-2ms"), tick("tick-1500ms")) == (None, 0.002, 1.5)
    for wrong in ("tick-0ms", "tick-ms", "fast"):
        with pytest.raises(ValueError, match="a model is burst or tick-Nms"):
            tick(wrong)
