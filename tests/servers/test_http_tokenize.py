"""/tokenize and /detokenize on the wire: routes, bodies, errors, headers, records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from bridge.access.entrance import Entrance
from bridge.config import Config
from bridge.errors import BridgeError, Reason
from bridge.handlers.tokenize import TokenizeHandler
from bridge.observability.metrics import Metrics
from bridge.protocol.tokenizer import Tokenizer
from bridge.servers.http_call import HttpCalls
from bridge.servers.http_errors import add_headers, errors
from bridge.servers.http_tokenize import TokenizeEndpoints
from tests.protocol.models import served
from tests.raw_http import Answer, ask
from tests.tokenizers import small

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MODEL = served(
    "echo_vllm", small.TEMPLATE, tokenizer=Tokenizer(small.source(small.byte_level())), max_model_len=64
)
LIMIT = 1000


async def route(name: str) -> Any:
    if name == "broken":
        raise RuntimeError("a bug")
    if name != MODEL.id:
        raise BridgeError(Reason.MODEL_NOT_FOUND, f"The model {name!r} does not exist")
    return MODEL


class Door:
    """Posts to the endpoints."""

    def __init__(self, port: int, metrics: Metrics) -> None:
        self._port = port
        self.metrics = metrics

    async def __call__(self, path: str, **request: Any) -> Answer:
        return await ask(self._port, "POST", path, **request)


async def _served(config: Config) -> AsyncIterator[Door]:
    metrics = Metrics()
    app = web.Application(middlewares=[errors], client_max_size=LIMIT)
    app.on_response_prepare.append(add_headers)
    calls = HttpCalls(Entrance(None, lambda: 0.0), config, metrics)
    app.add_routes(TokenizeEndpoints(TokenizeHandler(route), calls).routes())
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield Door(runner.addresses[0][1], metrics)
    await runner.cleanup()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async for found in _served(Config()):
        yield found


@pytest.fixture
async def strict_door() -> AsyncIterator[Door]:
    async for found in _served(Config(unknown_fields="reject")):
        yield found


@pytest.mark.parametrize("root", ["", "/v1"])
async def test_both_endpoints_answer_under_both_roots(door: Door, root: str) -> None:
    there = await door(f"{root}/tokenize", json={"model": MODEL.id, "prompt": "</s>"})
    assert (there.status, there.headers["content-type"]) == (200, "application/json")
    assert there.json == {"count": 2, "max_model_len": 64, "tokens": [0, 1], "token_strs": None}
    back = await door(f"{root}/detokenize", json={"model": MODEL.id, "tokens": there.json["tokens"]})
    assert (back.status, back.json) == (200, {"prompt": "<s></s>"})
    assert "x-request-id" in back.headers


async def test_unknown_fields_are_named_in_the_header(door: Door) -> None:
    answer = await door("/tokenize", json={"model": MODEL.id, "prompt": "x", "color": 1})
    assert (answer.status, answer.headers["openai-bridge-ignored"]) == (200, "color")
    plain = await door("/tokenize", json={"model": MODEL.id, "prompt": "x"})
    assert "openai-bridge-ignored" not in plain.headers


async def test_unknown_fields_are_refused_where_that_is_configured(strict_door: Door) -> None:
    answer = await strict_door("/detokenize", json={"model": MODEL.id, "tokens": [1], "color": 1})
    assert answer.status == 400
    assert (answer.error["code"], answer.error["param"]) == ("unknown_parameter", "color")


@pytest.mark.parametrize(
    ("request_", "status", "code", "param"),
    [
        pytest.param({"body": b"{"}, 400, None, None, id="no JSON"),
        pytest.param({"body": b"[]"}, 400, None, None, id="no object"),
        pytest.param(
            {"json": {"prompt": "x"}, "headers": {"Content-Type": "text/plain"}}, 400, None, None, id="type"
        ),
        pytest.param({"json": {}}, 400, "missing_required_parameter", "prompt", id="nothing"),
        pytest.param(
            {"json": {"model": "x", "prompt": "x"}}, 404, "model_not_found", None, id="no such model"
        ),
        pytest.param({"json": {"prompt": "x" * LIMIT}}, 413, None, None, id="too large"),
        pytest.param(
            {"body": b"xxxx", "headers": {"Content-Encoding": "gzip"}}, 400, None, None, id="not packed"
        ),
        pytest.param({"json": {"model": "broken", "prompt": "x"}}, 500, None, None, id="a bug of ours"),
    ],
)
async def test_errors_come_in_the_envelope(
    door: Door, request_: dict[str, Any], status: int, code: str | None, param: str | None
) -> None:
    answer = await door("/tokenize", **request_)
    assert answer.status == status
    assert (answer.error["code"], answer.error["param"]) == (code, param)
    assert "a bug" not in answer.error["message"]


async def test_a_body_that_does_not_arrive_is_a_timeout() -> None:
    async for door in _served(Config(request_timeout=0.1)):
        answer = await door("/tokenize", body=b"{", headers={"Content-Length": "100"})
        assert (answer.status, answer.error["message"]) == (408, "the body did not arrive in time")


async def test_every_request_is_recorded_once(door: Door) -> None:
    await door("/tokenize", json={"model": MODEL.id, "prompt": "x"})
    await door("/v1/tokenize", json={"model": MODEL.id, "prompt": "x" * LIMIT})
    await door("/detokenize", json={"model": MODEL.id})
    text = door.metrics.text().decode()
    counts = [
        line.removeprefix("openai_bridge_requests_total")
        for line in text.splitlines()
        if line.startswith("openai_bridge_requests_total")
    ]
    assert sorted(counts) == [
        '{code="INVALID_ARGUMENT",door="http",endpoint="detokenize",model=""} 1.0',
        '{code="OK",door="http",endpoint="tokenize",model="echo_vllm"} 1.0',
        '{code="RESOURCE_EXHAUSTED",door="http",endpoint="tokenize",model=""} 1.0',
    ]
    in_flight = [line for line in text.splitlines() if line.startswith("openai_bridge_requests_in_flight{")]
    assert {line.rpartition(" ")[2] for line in in_flight} == {"0.0"}
