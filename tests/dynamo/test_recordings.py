"""The pure tests of Dynamo's models go by what a real frontend says; UPDATE_GOLDEN=1 records it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from bridge.protocol import kserve
from bridge.protocol.generation import Generation
from bridge.protocol.translators import choose
from tests.golden_files import golden
from tests.protocol import dynamo_frontend

if TYPE_CHECKING:
    from tests.dynamo.environment import Frontend

WAIT = 20.0


async def test_a_frontend_says_what_is_recorded(standin: Frontend) -> None:
    request = kserve.ModelConfigRequest(name="standin")
    async with grpc.aio.insecure_channel(standin.address) as channel:
        stub: Any = kserve.GRPCInferenceServiceStub(channel)
        config = (await stub.ModelConfig(request, timeout=WAIT)).config
        golden(dynamo_frontend.CONFIG, dynamo_frontend.written([config]))
        translator = choose(dynamo_frontend.signature())
        asked = translator.request(Generation(request_id="r", prompt=dynamo_frontend.PROMPT, max_tokens=1024))
        golden(dynamo_frontend.REQUEST, dynamo_frontend.written([asked]))
        said = [message async for message in stub.ModelStreamInfer(iter([asked]), timeout=WAIT)]
    golden(dynamo_frontend.ANSWER, dynamo_frontend.written(said))
