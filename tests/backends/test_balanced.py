"""Generations over several servers: what is tried elsewhere, what is not, and who is asked next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest

from bridge.errors import Reason
from tests.backends.balancing import WAIT, WELL, balancing, each_transport, failure, said
from tests.scripted_triton import data, empty, error, fails, sends

if TYPE_CHECKING:
    from tests.scripted_triton import Script

UNAVAILABLE = fails(grpc.StatusCode.UNAVAILABLE, "Server exiting")


@each_transport
async def test_generations_go_to_all_servers(transport: str) -> None:
    async with balancing(WELL, WELL, transport=transport) as setting:
        for _ in range(4):
            assert await said(setting) == ["a", "b"]
    assert setting.went() == "abab"
    assert setting.count("upstream_requests_total", 0) == 2
    assert setting.count("upstream_requests_in_flight", 0) == 0


@each_transport
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(UNAVAILABLE, Reason.BACKEND_UNAVAILABLE, id="the server exits"),
        pytest.param(
            fails(grpc.StatusCode.UNAVAILABLE, "This protocol is restricted, expecting header 'k'"),
            Reason.BACKEND_REFUSED,
            id="our key is wrong there",
        ),
        pytest.param(
            sends(error("Stub process 'm_0_0' is not healthy.", final=True)),
            Reason.BACKEND_UNAVAILABLE,
            id="the model's process has crashed",
        ),
        pytest.param(
            sends(error("[request id: r1] Exceeds maximum queue size")),
            Reason.QUEUE_FULL,
            id="the queue is full",
        ),
        pytest.param(
            sends(error("Request for unknown model: 'm' has no available versions")),
            Reason.MODEL_NOT_FOUND,
            id="the model was unloaded",
        ),
        pytest.param(
            sends(error("unexpected inference input 'x' for model 'm'")),
            Reason.BACKEND_CONTRACT,
            id="the model has other tensors",
        ),
    ],
)
async def test_what_another_server_may_do_better_is_tried_there(
    transport: str, script: Script, reason: Reason
) -> None:
    async with balancing(script, WELL, transport=transport) as setting:
        assert await said(setting) == ["a", "b"]
    assert setting.went() == "ab"
    assert setting.count("retries_total", 0, reason=reason.name) == 1
    assert setting.count("upstream_errors_total", 0, reason=reason.name) == 1
    assert setting.count("upstream_requests_in_flight", 0) == 0


@each_transport
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(sends(error("text_input is required")), Reason.INVALID_VALUE, id="a wrong request"),
        pytest.param(
            sends(error("prompt is longer than the maximum model length of 10")),
            Reason.CONTEXT_LENGTH_EXCEEDED,
            id="a prompt that is too long",
        ),
        pytest.param(sends(error("boom", final=True)), Reason.BACKEND_ERROR, id="the model failed on it"),
        pytest.param(sends(empty(final=True)), Reason.RESPONSE_TRUNCATED, id="an end without data"),
    ],
)
async def test_what_no_other_server_would_do_better_is_not_tried(
    transport: str, script: Script, reason: Reason
) -> None:
    async with balancing(script, WELL, transport=transport) as setting:
        failed = await failure(setting)
    assert failed.reason is reason
    assert failed.upstream == setting.peers[0].address
    assert setting.went() == "a"


@each_transport
async def test_nothing_is_tried_again_once_something_was_said(transport: str) -> None:
    script = fails(grpc.StatusCode.UNAVAILABLE, "Server exiting", data("a"))
    async with balancing(script, WELL, transport=transport) as setting:
        heard: list[str] = []
        failed = await failure(setting, heard)
    assert (heard, failed.reason) == (["a"], Reason.BACKEND_UNAVAILABLE)
    assert setting.went() == "a"


@each_transport
async def test_a_request_is_tried_three_times_at_most(transport: str) -> None:
    async with balancing(*[UNAVAILABLE] * 4, transport=transport) as setting:
        failed = await failure(setting)
    assert failed.reason is Reason.BACKEND_UNAVAILABLE
    assert setting.went() == "abc"


async def test_without_retries_the_first_failure_is_the_answer() -> None:
    async with balancing(UNAVAILABLE, WELL, retries=0) as setting:
        await failure(setting)
    assert setting.went() == "a"


async def test_alone_a_lost_server_is_tried_once_more() -> None:
    async with balancing(UNAVAILABLE) as setting:
        await failure(setting)
    assert setting.went() == "aa"


async def test_alone_a_crashed_model_is_not_tried_again() -> None:
    async with balancing(sends(error("Stub process 'm_0_0' is not healthy.", final=True))) as setting:
        await failure(setting)
    assert setting.went() == "a"


@each_transport
async def test_a_server_that_failed_is_left_out_for_a_while(transport: str) -> None:
    async with balancing(UNAVAILABLE, WELL, transport=transport, eject_time=60, max_eject_time=60) as setting:
        for _ in range(4):
            await said(setting)
        assert setting.count("upstream_ejected", 0) == 1
        assert setting.count("upstream_ejected", 1) == 0
    assert setting.went() == "abbbb"


async def test_a_server_that_failed_comes_back() -> None:
    async with balancing(UNAVAILABLE, WELL, eject_time=0.02, slow_start=0) as setting:
        await said(setting)
        setting.peers[0].script = WELL
        async with asyncio.timeout(WAIT):
            while not setting.went().endswith("a"):
                await said(setting)
        await setting.backend.ready_models()
        assert setting.count("upstream_ejected", 0) == 0
    assert setting.went().startswith("ab")


async def test_a_server_that_queues_is_not_left_out() -> None:
    full = sends(error("Exceeds maximum queue size"))
    async with balancing(full, WELL) as setting:
        for _ in range(4):
            await said(setting)
    assert "a" in setting.went()[2:]


async def test_other_tensors_count_only_where_another_server_has_those_expected() -> None:
    other = sends(error("unexpected inference input 'x' for model 'm'"))
    async with balancing(other, other) as setting:
        failed = await failure(setting)
        assert failed.reason is Reason.BACKEND_CONTRACT
        setting.peers[1].script = WELL
        await said(setting)  # whoever is first, both are thought well of
        await said(setting)
        await said(setting)
    assert setting.went()[-1] == "b"
    assert "ab" in setting.went()[2:]


async def test_a_deadline_of_a_client_says_nothing_about_a_server() -> None:
    async with balancing(sends(hangs=True), WELL) as setting:
        failed = await failure(setting, seconds=0.05)
        assert failed.reason is Reason.TIMEOUT
        await said(setting)
        setting.peers[0].script = WELL
        await said(setting)
    assert setting.went() == "aba"


async def test_a_model_that_does_not_begin_is_left_out_there_and_not_tried_elsewhere() -> None:
    silent = sends(hangs=True)
    async with balancing(silent, WELL, settings={"first_token_timeout": 0.05}) as setting:
        failed = await failure(setting)
        assert failed.reason is Reason.TIMEOUT
        await said(setting)
        await said(setting)
    assert setting.went() == "abb"
