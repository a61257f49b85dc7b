"""What a tritonserver is started with.

Rule: choices of the caller and the command line they amount to; nothing is looked up here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.demo.ports import HOST, Ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TritonOptions:
    """What to serve and where. A port of 0 means a free one."""

    repository: Path
    work_dir: Path
    """Where the Python backend is put together (3 MB): a temporary directory, or a cache for later starts."""
    grpc_port: int = 0
    http_port: int = 0
    metrics_port: int = 0
    models: tuple[str, ...] = ()
    """Models to load; others can then be loaded by request. Empty loads all, for good; so does `("*",)`,
    but lets requests unload and load."""
    extra_args: tuple[str, ...] = ()
    """Arguments of tritonserver's own."""
    exit_timeout: int = 5
    """Seconds that requests in flight get at a stop."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that the server and its models see on top of ours."""

    @property
    def ports(self) -> Ports:
        """The three ports as asked for, 0 for any."""
        return Ports(grpc=self.grpc_port, http=self.http_port, metrics=self.metrics_port)

    def arguments(self, *, ports: Ports, backends: Path | None, run_id: str) -> list[str]:
        """Return the arguments for the program.

        Args:
            ports: all chosen.
            backends: the directory of backends; None: the program knows its own.
            run_id: names the server and marks its shared memory.
        """
        return [
            f"--id={run_id}",
            f"--model-repository={self.repository}",
            *([] if backends is None else [f"--backend-directory={backends}"]),
            f"--backend-config=python,shm-region-prefix-name={region_prefix(run_id)}",
            *(f"--{service}-address={HOST}" for service in ("grpc", "http", "metrics")),
            f"--grpc-port={ports.grpc}",
            f"--http-port={ports.http}",
            f"--metrics-port={ports.metrics}",
            f"--exit-timeout-secs={self.exit_timeout}",
            *(["--model-control-mode=explicit"] if self.models else []),
            *(f"--load-model={model}" for model in self.models),
            *self.extra_args,
        ]


def region_prefix(run_id: str) -> str:
    """Return how the names of a run's shared memory regions begin."""
    return f"triton_python_backend_shm_region_{run_id}_"
