"""The command runs on uvloop where it is installed."""

from __future__ import annotations

import asyncio

import uvloop

from bridge.loop import run


async def the_running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_uvloop_runs_what_the_command_runs() -> None:
    assert isinstance(run(the_running_loop()), uvloop.Loop)
