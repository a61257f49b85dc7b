"""`openai-bridge status` before a real NATS server: the table, the JSON, a terminal, what goes wrong."""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
import signal
import struct
import sys
import termios
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from bridge.cli import main
from bridge.config import Config, Nats
from bridge.status_command import View, run
from tests.doors import refusal, tell
from tests.eventually import eventually
from tests.nats_server import NatsServer, nats_server
from tests.operators.asking import STREAM, chat
from tests.operators.stage import Stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.conftest import Serve
    from tests.tritonserver import RunningTriton

SILENT = """authorization { users: [
  { user: all, password: p }
  { user: front, password: p, permissions: { subscribe: ["_INBOX_icp.>", "icp.hb.*"] } }
  { user: status, password: p, permissions: { publish: ["$SRV.>"], subscribe: ["_INBOX_icp.>"] } }
] }"""
BRIDGE = (sys.executable, "-m", "bridge", "status")
WITHIN = 20.0


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path) as running:
        yield running


@pytest.fixture
async def stage(nats: NatsServer, triton: RunningTriton, serve: Serve) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        yield Stage(nats, [triton], serve, stack)


async def shown(nats: NatsServer, **how: Any) -> str:
    """Return what the command prints."""
    out = io.StringIO()
    view = View(**({"once": True, "as_json": False, "interval": 0.1} | how))
    assert await run(Config(nats=Nats(url=nats.url)), view, out) == 0
    return out.getvalue()


async def test_the_json_tells_of_everybody_and_counts_what_runs(stage: Stage) -> None:
    worker = await stage.worker(settings=Nats(max_inflight=5))
    bridge = await stage.front_end()
    told = asyncio.create_task(tell(bridge, STREAM, chat(tag="status", words=300, delay_ms=20)))
    await stage.tritons[0].event("status", "request")
    plane = orjson.loads(await shown(stage.nats, as_json=True, once=False, interval=0.5))
    told.cancel()
    (front_end,), (one,) = plane["front_ends"], plane["workers"]
    assert (one["component_id"], one["state"], one["capacity"]) == (worker.component_id, "ready", 5)
    assert one["pid"] == front_end["pid"] == os.getpid()
    assert one["models"] == worker._offers.models
    for load in (one["load"], front_end["load"], plane["load"]):
        assert (load["inflight"], load["requests"], load["requests_per_second"]) == (1, 0, 0.0)
        assert 0 < load["responses_per_second"] < 60  # 50, where the machine is not busy
    models = {model["name"]: model for model in plane["models"]}
    assert models["echo_vllm"]["workers"] == models["echo_vllm"]["load"]["inflight"] == 1
    assert models["demo"]["load"]["inflight"] == 0


async def test_a_generation_is_counted_once_at_both_ends_however_it_ends(stage: Stage) -> None:
    worker = await stage.worker()
    bridge = await stage.front_end()
    counts = bridge._handlers.catalog.backend._plane.counts
    await tell(bridge, STREAM, chat(words=3))
    assert (await refusal(bridge, STREAM, chat(words=3, fail_at=0))).status == 500
    left = asyncio.create_task(tell(bridge, STREAM, chat(tag="counted", words=3, hang_at=1)))
    await stage.tritons[0].event("counted", "request")
    left.cancel()
    await eventually(lambda: not worker._running.count and not counts.inflight, WITHIN)
    plane = orjson.loads(await shown(stage.nats, as_json=True))
    loads = [plane[kind][0]["load"] for kind in ("front_ends", "workers")] + [plane["load"]]
    assert [(one["inflight"], one["requests"], one["errors"]) for one in loads] == [(0, 3, 1)] * 3
    assert 4 <= counts.responses <= worker._service.counts["echo_vllm"].responses  # one may have come late


async def test_a_front_end_that_may_not_answer_serves_and_is_not_shown(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "p").write_text("p")
    home = tmp_path / "home"
    home.mkdir()
    ours = Nats(user="front", password_file=tmp_path / "p")
    with nats_server(home, settings=SILENT) as stage.nats:
        worker = await stage.worker(settings=replace(ours, user="all"))
        bridge = await stage.front_end(nats=ours)
        assert (await tell(bridge, STREAM, chat(words=1))).texts == ["word0 "]
        out = io.StringIO()
        config = Config(upstream=stage.nats.url, nats=replace(ours, user="status"))
        await run(config, View(once=True, as_json=True, interval=0.1), out)
        await bridge.stop()
        await worker.stop()
    plane = orjson.loads(out.getvalue())
    assert (plane["front_ends"], len(plane["workers"])) == ([], 1)


async def test_without_a_terminal_one_table_is_printed(stage: Stage) -> None:
    worker = await stage.worker()
    bridge = await stage.front_end()
    await tell(bridge, STREAM, chat(words=3))
    table = await shown(stage.nats, once=False)
    first, _, _, front_end, _, headings, row, *_ = table.splitlines()
    assert first.startswith(f"{stage.nats.url} icp: 1 front end, 1 worker, ")
    assert front_end.split()[1:4] == ["ready", "0", "0.0"]
    assert headings.split()[:2] == ["WORKER", "STATE"]
    assert row.split()[:3] == [worker.component_id, "ready", "0/64"]
    assert "\x1b" not in table


def test_a_plane_without_anybody_is_shown_as_that(
    nats: NatsServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bridge.toml"
    path.write_text(f'upstream = "{nats.url}"\n[nats]\nprefix = "blue"\n')
    assert main(["status", "--config", str(path), "--once", "--interval", "0.1"]) == 0
    out, err = capsys.readouterr()
    assert (out.startswith(f"{nats.url} blue: 0 front ends, 0 workers, 0 models; "), err) == (True, "")


@asynccontextmanager
async def on_a_terminal(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, bytearray]]:
    """Run the command on a terminal of 60 columns and 12 lines; give what it writes there."""
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 60, 0, 0))
    written = bytearray()
    loop = asyncio.get_running_loop()
    process = await asyncio.create_subprocess_exec(
        *BRIDGE, *arguments, stdin=its, stdout=its, stderr=its, env=os.environ | {"TERM": "xterm"}
    )
    os.close(its)
    loop.add_reader(ours, lambda: written.extend(_read(ours)))
    try:
        yield process, written
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        loop.remove_reader(ours)
        os.close(ours)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other side has gone
        return b""


def frames(written: bytearray) -> list[str]:
    """Return what was drawn, each time from the top."""
    return written.decode().split("\x1b[H")[1:]


async def test_a_terminal_is_redrawn_and_left_as_it_was(nats: NatsServer) -> None:
    async with on_a_terminal("--nats", nats.url, "--interval", "0.05") as (process, written):
        await eventually(lambda: len(frames(written)) > 2, WITHIN)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(WITHIN):
            assert await process.wait() == 0
        await eventually(lambda: written.endswith(b"\x1b[?25h\x1b[?1049l"), WITHIN)
    assert written.startswith(b"\x1b[?1049h\x1b[?25l")
    assert written.count(b"\x1b[?1049h") == 1
    lines = frames(written)[1].removesuffix("\x1b[J").split("\x1b[K\r\n")
    assert lines[0] == f"{nats.url} icp: 0 front ends, 0 workers, 0 models; 0 of"[:58] + ".."
    assert lines[1:] == ["", "no front ends", "", "no workers", "", "no models", ""]


async def test_a_plane_that_is_lost_and_comes_back_is_shown_as_such(nats: NatsServer) -> None:
    async with on_a_terminal("--nats", nats.url, "--interval", "0.05") as (_, written):
        await eventually(lambda: frames(written), WITHIN)
        nats.kill()
        await eventually(lambda: "request plane" in frames(written)[-1], WITHIN)
        nats.start()
        await eventually(lambda: "0 workers" in frames(written)[-1], WITHIN)


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the complaint of a command that ends with 1."""
    assert main(["status", *arguments]) == 1
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    return err.lower()


def test_a_plane_that_cannot_be_reached_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    complaint = failure(capsys, "--nats", "nats://127.0.0.1:1")
    assert complaint.startswith("openai-bridge: nats://127.0.0.1:1: the request plane cannot be reached: ")


REFUSING = 'authorization { users: [ { user: u, password: p, permissions: { publish: "_INBOX_icp.>" } } ] }'


@pytest.mark.parametrize(
    ("login", "why"),
    [
        pytest.param("", "the request plane cannot be reached: ", id="no login"),
        pytest.param(
            'user = "u"\npassword_file = "p"', "permissions violation for publish", id="no permission"
        ),
    ],
)
def test_a_plane_that_does_not_let_us_ask_ends_with_1(
    tmp_path: Path, login: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p").write_text("p")
    path = tmp_path / "bridge.toml"
    with nats_server(tmp_path, settings=REFUSING) as refusing:
        path.write_text(f'[nats]\nurl = "{refusing.url}"\n{login}\n')
        complaint = failure(capsys, "--config", str(path))
    assert complaint.startswith(f"openai-bridge: {refusing.url}: ")
    assert why in complaint


def test_without_a_plane_it_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 2
    assert "nats.url: where is the request plane?" in capsys.readouterr().err


@pytest.mark.parametrize("interval", ["0", "-1", "soon", "inf", "nan"])
def test_an_interval_is_a_time(interval: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["status", "--nats", "nats://a:1", "--interval", interval])
    assert f"must be a number of seconds above 0, not {interval}" in capsys.readouterr().err
