"""The parent, with programs for workers that do what real ones do only when all goes wrong."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from bridge.config import Config, ConfigError
from bridge.workers.restarts import Restarts
from bridge.workers.supervisor import Supervisor, WorkersFailed, _tell
from tests.eventually import eventually

if TYPE_CHECKING:
    from pathlib import Path

LISTENING = 'print(\'["listening", ""]\', flush=True)'
WITHIN = 10.0


def supervisor(tmp_path: Path, program: str, workers: int = 2, delay: float = 0.01) -> Supervisor:
    return Supervisor(
        Config(workers=workers, http_port=1, grpc_port=2),
        tmp_path,
        program=(sys.executable, "-I", "-S", "-c", program),
        restarts=lambda: Restarts(limit=3, first_delay=delay, longest_delay=delay),
        patience=0.1,
    )


async def run(keeping: Supervisor) -> list[tuple[int, int]]:
    """Run to the end; return what was said when all listened."""
    started: list[tuple[int, int]] = []
    async with asyncio.timeout(WITHIN):
        await keeping.run(lambda *ports: started.append(ports))
    return started


@pytest.mark.parametrize(
    ("program", "how"),
    [
        pytest.param("import sys; sys.exit(3)", "exit code 3", id="before it listens"),
        pytest.param(f"import os; {LISTENING}; os.abort()", "SIGABRT", id="soon after"),
        pytest.param("import os; os.close(0); os._exit(4)", "exit code 4", id="without reading its job"),
    ],
)
async def test_a_worker_that_ends_at_once_again_and_again_is_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, program: str, how: str
) -> None:
    with pytest.raises(WorkersFailed) as caught:
        await run(supervisor(tmp_path, program, workers=1))
    assert str(caught.value) == f"worker 1 ended 3 times in a row soon after its start, at last by {how}"
    assert [item.getMessage() for item in caplog.records if item.levelno == logging.ERROR] == [
        f"worker 1 ended by {how}, a new one starts in 0.0 s"
    ] * 2


async def test_when_one_is_given_up_the_others_end_too(tmp_path: Path) -> None:
    (tmp_path / "marks").mkdir()
    program = (
        "import sys, os, signal\n"
        f"marks = {str(tmp_path / 'marks')!r}\n"
        "try: os.mkdir(marks + '/first')\n"
        "except FileExistsError: sys.exit(5)\n"
        f"{LISTENING}\n"
        "signal.pause()\n"
    )
    with pytest.raises(WorkersFailed):
        await run(supervisor(tmp_path, program))


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        pytest.param("wrong setting", ConfigError, id="a setting"),
        pytest.param("no address", OSError, id="an address"),
    ],
)
async def test_a_complaint_at_the_first_start_is_the_parents(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, outcome: str, kind: type[Exception]
) -> None:
    program = f"""import time; print('["{outcome}", "host: \\\\n no"]', flush=True); time.sleep(60)"""
    with pytest.raises(kind) as caught:
        await run(supervisor(tmp_path, program))
    assert str(caught.value) == "host: \n no"
    assert not caplog.records


def hold_until_ended(pid: int) -> None:
    """Hold the event loop up, so that it does not notice the end."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


async def test_a_signal_takes_the_end_of_a_worker_from_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    # The default watcher waits in a thread, which only sometimes comes too late.
    watcher = asyncio.PidfdChildWatcher()
    watcher.attach_loop(asyncio.get_running_loop())
    monkeypatch.setattr(asyncio.get_event_loop_policy(), "_watcher", watcher)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "raise SystemExit(3)")
    hold_until_ended(process.pid)
    _tell(process, signal.SIGTERM)
    assert await process.wait() == 3


async def test_a_stop_does_not_wait_for_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeping = supervisor(tmp_path, "import sys; sys.exit(3)", workers=1, delay=60)
    running = asyncio.create_task(run(keeping))
    await eventually(lambda: "a new one starts in 60.0 s" in caplog.text)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == []


async def test_a_worker_that_will_not_end_is_killed_after_a_second_signal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    program = f"import signal, time; signal.signal(15, signal.SIG_IGN); {LISTENING}; time.sleep(60)"
    running = asyncio.create_task(run(supervisor(tmp_path, program)))
    await eventually(lambda: caplog.text.count("listens") == 2)
    os.kill(os.getpid(), signal.SIGINT)
    await eventually(lambda: "stopping" in caplog.text)
    assert not running.done()
    os.kill(os.getpid(), signal.SIGINT)
    assert await running == [(1, 2)]
