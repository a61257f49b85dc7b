"""A deployment file brought to this machine: programs found, ports held, settings read; the plan comes out.

Nothing is started here.
"""

from __future__ import annotations

import os
import secrets
import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bridge.app import bracketed
from bridge.backends.nats_login import options
from bridge.config import Config, ConfigError, Nats, load
from bridge.demo.ports import Ports, bound
from bridge.deploy import commands, programs
from bridge.deploy.entries import LOOPBACK
from bridge.deploy.plan import (
    FrontendCheck,
    NatsCheck,
    Planned,
    Stage,
    TritonCheck,
    WorkerCheck,
    reachable,
)
from bridge.wiring import require_nats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import ExitStack
    from pathlib import Path

    from bridge.deploy.entries import BridgeEntry, FrontendEntry, TritonEntry
    from bridge.deploy.file import Deployment

PROGRAM = (sys.executable, "-P", "-m", "bridge")


class Ground:
    """See the module; `stages` once."""

    def __init__(
        self, deployment: Deployment, base: Path, *, held: ExitStack, work_dir: Path, level: int | None
    ) -> None:
        """Find and hold nothing yet.

        Args:
            deployment: what the file says.
            base: the directory that repositories are relative to.
            held: keeps ports from others until it closes.
            work_dir: for what is put together; it must stay as long as the processes.
            level: of logs, 0 to 2; None: as each one's configuration says.
        """
        self._deployment, self._base, self._held = deployment, base, held
        self._work_dir, self._level = work_dir, level
        self._run = secrets.token_hex(4)
        self._url = deployment.nats.url if deployment.nats is not None else None
        self._servers: dict[str, list[str]] = {}
        """Addresses of Tritons by the name of their entry."""
        self._asker: Nats | None = None
        """How to log in to NATS to ask who is there: as a front end, which may ask, if there is one."""

    def stages(self) -> list[Stage]:
        """Return what to start, in order.

        Raises:
            ConfigError: a program is missing, or settings are wrong; the text begins with the key.
            OSError: a port is in use.
        """
        nats = list(self._nats())
        tritons = list(self._tritons())
        frontends = list(self._frontends())  # before the workers, for `_asker`
        made = (
            Stage("NATS", tuple(nats)),
            Stage("Tritons", tuple(tritons)),
            Stage("workers", tuple(self._workers())),
            Stage("front ends", tuple(frontends)),
        )
        return [stage for stage in made if stage.processes]

    def _nats(self) -> Iterator[Planned]:
        entry = self._deployment.nats
        if entry is None or entry.url is not None:
            return
        program = programs.nats_server(entry.program, "nats")
        with _naming(entry.instances[0]):
            port = bound(entry.host, entry.port, self._held)
        host = reachable(entry.host)
        self._url = f"nats://{bracketed(host)}:{port}"
        yield Planned(
            name=entry.instances[0],
            command=commands.nats(program, entry, port, self._level),
            environment={**os.environ, **entry.environment},
            check=NatsCheck(host, port),
            shown=self._url,
        )

    def _tritons(self) -> Iterator[Planned]:
        for at, entry in enumerate(self._deployment.tritons):
            program = programs.tritonserver(entry.program, f"tritons[{at}]", self._work_dir)
            for number in range(entry.count):
                yield self._triton(entry, number, program)

    def _triton(self, entry: TritonEntry, number: int, program: programs.TritonProgram) -> Planned:
        wanted = dict(zip(("grpc", "http", "metrics"), entry.ports(number), strict=True))
        with _naming(entry.instances[number]):
            ports = Ports(**wanted).bound(self._held)
        address = f"{LOOPBACK}:{ports.grpc}"
        self._servers.setdefault(entry.name, []).append(address)
        run_id = f"bridge-deploy-{self._run}-{entry.name}-{number}"
        return Planned(
            name=entry.instances[number],
            command=commands.triton(
                program.path,
                entry,
                self._base,
                backends=program.backends,
                ports=ports,
                run_id=run_id,
                level=self._level,
            ),
            environment={**program.environment, **entry.environment},
            check=TritonCheck(ports, run_id),
            shown=f"gRPC {address}, HTTP {LOOPBACK}:{ports.http}, metrics {LOOPBACK}:{ports.metrics}",
        )

    def _workers(self) -> Iterator[Planned]:
        for at, entry in enumerate(self._deployment.workers):
            servers = self._addresses(entry)
            for number, name in enumerate(entry.instances):
                server = servers[number % len(servers)]
                config = _settings(entry, f"workers[{at}]", {"nats": self._url, "triton": [server]})
                asker = replace(self._asker or config.nats, url=self._url, prefix=config.nats.prefix)
                yield Planned(
                    name=name,
                    command=(
                        *PROGRAM,
                        *commands.worker(entry, url=self._url or "", server=server, level=self._level),
                    ),
                    environment=_environment(entry),
                    check=WorkerCheck(asker),
                    shown=f"offers the models of {server}",
                )

    def _frontends(self) -> Iterator[Planned]:
        for at, entry in enumerate(self._deployment.frontends):
            upstream: dict[str, list[str]] = {"triton": self._addresses(entry)}
            if not entry.tritons:
                upstream = {"upstream": [self._url or ""]}
            config = self._frontend_settings(entry, f"frontends[{at}]", upstream)
            for number in range(entry.count):
                yield self._frontend(entry, number, config, upstream)

    def _frontend_settings(self, entry: FrontendEntry, key: str, upstream: Mapping[str, list[str]]) -> Config:
        keys = ("host", "workers", "default_model", "http_port", "grpc_port")
        flags: dict[str, Any] = {name: getattr(entry, name) for name in keys}
        if "triton" in upstream:
            return _settings(entry, key, {**flags, "triton": upstream["triton"]})
        config = _settings(entry, key, {**flags, "upstream": upstream["upstream"][0]})
        self._asker = self._asker or config.nats
        return config

    def _frontend(
        self, entry: FrontendEntry, number: int, config: Config, upstream: Mapping[str, list[str]]
    ) -> Planned:
        with _naming(entry.instances[number]):
            ports = [bound(config.host, port, self._held) for port in entry.ports(number)]
        host = reachable(config.host)
        scheme = "http" if config.tls is None else "https"
        return Planned(
            name=entry.instances[number],
            command=(*PROGRAM, *commands.frontend(entry, upstream, ports, self._level)),
            environment=_environment(entry),
            check=FrontendCheck(
                host,
                ports[0],
                tls=config.tls is not None,
                client_certificate=config.tls is not None and config.tls.client_ca is not None,
            ),
            shown=f"{scheme}://{bracketed(host)}:{ports[0]}, gRPC {bracketed(host)}:{ports[1]}",
        )

    def _addresses(self, entry: BridgeEntry) -> list[str]:
        """Return the servers that an entry names."""
        return [address for name in entry.tritons for address in self._servers.get(name, [name])]


def _settings(entry: BridgeEntry, key: str, flags: Mapping[str, Any]) -> Config:
    """Read what a process will read, so that what is wrong is said before anything starts."""
    where = f"{key}.config: {entry.config}" if entry.config is not None else key
    try:
        if flags.get("nats") or flags.get("upstream"):
            require_nats()
        config = load(entry.config, flags)
        options(config.nats, config.nats.url or config.upstream or "")
    except ConfigError as exc:
        raise ConfigError(f"{where}: {exc}") from exc
    except OSError as exc:
        raise ConfigError(f"{where}: {exc.strerror}") from exc
    return config


@contextmanager
def _naming(process: str) -> Iterator[None]:
    """Say whose ports they are that cannot be had."""
    try:
        yield
    except OSError as exc:
        raise OSError(f"{process}: cannot listen on {exc.strerror}") from exc


def _environment(entry: BridgeEntry) -> dict[str, str]:
    # Our own path, -P without the current directory: they must find the code that we run.
    ours = {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    return {**os.environ, **ours, **entry.environment}
