"""What an upstream bridge tells of a failure, when something on the way has changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc.status_pb2 import Status

from tests.openai_bodies import CHAT, chat
from tests.raw_http import ask

if TYPE_CHECKING:
    from tests.conftest import Serve


@pytest.mark.parametrize(
    "details",
    [
        pytest.param(b"\xff", id="no message"),
        pytest.param(Status(code=5, message="another").SerializeToString(), id="of another failure"),
    ],
)
async def test_details_that_do_not_fit_the_failure_are_left_out(serve: Serve, details: bytes) -> None:
    async def fails(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no", (("grpc-status-details-bin", details),))

    method = grpc.unary_unary_rpc_method_handler(fails)
    handler = grpc.method_handlers_generic_handler(
        "openai_bridge.v1.ChatService", {"CreateChatCompletion": method}
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        outer = await serve(upstream=f"grpc://127.0.0.1:{port}")
        answer = await ask(outer.http_port, "POST", CHAT, json=chat())
    finally:
        await server.stop(None)
    assert (answer.status, answer.error["message"]) == (400, "no")
