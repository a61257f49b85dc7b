"""One real tritonserver for a test run, serving the demo models and the stand-ins of tests/models.

It needs no event loop, so that a session-scoped fixture can hold it while every test has a loop of its own:

    @pytest.fixture(scope="session")
    def triton(tmp_path_factory):
        with start_triton(tmp_path_factory.mktemp("triton"), lasting=True) as running:
            yield running

Tests that crash, leak or kill start a server of their own, with only the models they need: ready in 1.5 s.
Each keeps its gRPC port: to have a killed one back, call `running.server.start_now()` and
`running.server.wait_ready_now()`.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.demo import DEMO_REPOSITORY
from bridge.demo.ports import HOST, bound
from bridge.demo.tritonserver import TritonOptions, Tritonserver

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = Path(__file__).parent / "models"
TOKEN_DELAY_MS = 1
LASTING: list[RunningTriton] = []
"""Servers that many tests share; see `revive`."""
POLL_SECONDS = 0.005
CACHES = shutil.ignore_patterns("__pycache__")


@dataclass(frozen=True, slots=True)
class RunningTriton:
    """A ready server and what its stand-ins wrote down."""

    server: Tritonserver
    records: Path

    @property
    def address(self) -> str:
        """`host:port` of the gRPC service."""
        return self.server.address

    def events(self, tag: str) -> list[dict[str, Any]]:
        """Return what has been recorded of the requests with this tag, in order."""
        if not self.records.exists():
            return []
        *lines, _unfinished = self.records.read_text().split("\n")
        return [event for event in map(json.loads, lines) if event["tag"] == tag]

    async def event(self, tag: str, name: str, within: float = 5.0) -> dict[str, Any]:
        """Wait for the first event `name` of a tag: request, done, failed or cancelled.

        Raises:
            TimeoutError: it did not come within that many seconds.
        """
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            for event in self.events(tag):
                if event["event"] == name:
                    return event
            await asyncio.sleep(POLL_SECONDS)
        raise TimeoutError(f"no event {name!r} of {tag!r} within {within} s, only {self.events(tag)}")


@contextmanager
def start_triton(
    tmp: Path, *models: str, extra_args: tuple[str, ...] = (), lasting: bool = False
) -> Iterator[RunningTriton]:
    """Serve `models`, or all of them, until the block ends; requests may load and unload."""
    with ExitStack() as held:
        made = _prepared(tmp, models, held, extra_args)
        with _running([made], lasting=lasting):
            yield made
            made.server.stop_now()


@contextmanager
def start_tritons(
    tmp: Path, *models: str, servers: int = 1, lasting: bool = False
) -> Iterator[list[RunningTriton]]:
    """Serve `models` by several servers, all started at the same time and killed at the end."""
    with ExitStack() as held:
        made = [_prepared(tmp / str(at), models, held) for at in range(servers)]
        with _running(made, lasting=lasting):
            yield made


@contextmanager
def _running(tritons: list[RunningTriton], *, lasting: bool) -> Iterator[None]:
    try:
        _start(tritons)
        LASTING.extend(tritons if lasting else [])
        yield
    finally:
        for one in tritons:
            one.server.kill()
        LASTING[:] = [one for one in LASTING if one not in tritons]


def _start(tritons: list[RunningTriton]) -> None:
    for one in tritons:
        one.server.start_now()
    for one in tritons:
        one.server.wait_ready_now()


def revive() -> None:
    """Start those anew that are to last and have crashed: 2.51 does when it is cancelled at the wrong moment.

    The test in which it does so fails; those that come after it have nothing to do with that.
    """
    crashed = [one for one in LASTING if not one.server.running]
    for one in crashed:
        one.server.kill()  # its models' processes go on without it
    _start(crashed)


def _prepared(
    tmp: Path, models: tuple[str, ...], held: ExitStack, extra_args: tuple[str, ...] = ()
) -> RunningTriton:
    records = tmp / "records"
    records.mkdir(parents=True, exist_ok=True)
    options = TritonOptions(
        repository=assemble(tmp / "repository"),
        work_dir=tmp,
        grpc_port=bound(HOST, 0, held),  # nobody else gets it while the server is down
        models=models or ("*",),
        # Each model takes a second to start, most of which it sleeps.
        extra_args=("--model-load-thread-count=16", *extra_args),
        exit_timeout=1,
        environment={"TRITON_TEST_RECORDS": str(records)},
    )
    return RunningTriton(Tritonserver(options), records / "events.jsonl")


def assemble(repository: Path) -> Path:
    """Copy the demo models, sped up, and the stand-ins into one repository and return it.

    A model can import only what is in its own directory, so each stand-in gets its copy of `standin`.
    """
    for config in DEMO_REPOSITORY.glob("*/config.pbtxt"):
        model = repository / config.parent.name
        shutil.copytree(config.parent, model, ignore=CACHES, dirs_exist_ok=True)
        (model / config.name).write_text(faster(config.read_text()))
    for config in MODELS.glob("*/config.pbtxt"):
        model = repository / config.parent.name
        shutil.copytree(config.parent, model, ignore=CACHES, dirs_exist_ok=True)
        shutil.copytree(MODELS / "standin", model / "1" / "standin", ignore=CACHES, dirs_exist_ok=True)
    return repository


def faster(config: str) -> str:
    """Return a demo model's configuration with the tests' delay between tokens."""
    delay = r'(key: "token_delay_ms"\s*value: \{ string_value: )"[^"]*"'
    changed, count = re.subn(delay, rf'\g<1>"{TOKEN_DELAY_MS}"', config)
    if count != 1:
        raise ValueError("a demo model's config.pbtxt has no token_delay_ms to change")
    return changed
