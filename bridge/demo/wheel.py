"""The tritonserver inside the nvidia-pytriton wheel: whether it can run here, and what it needs to run.

Rule: files and facts only. Processes and ports belong to `tritonserver.py`.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGE: Final = "nvidia-pytriton"
OLDEST_GLIBC: Final = (2, 35)
NEWEST_PYTHON: Final = (3, 12)


class TritonUnavailable(Exception):  # noqa: N818 - a state of this machine, not a fault
    """Tritonserver cannot run here; the message is one sentence that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The facts that decide whether the wheel fits; `here()` reads those of the running interpreter."""

    system: str
    architecture: str
    glibc: tuple[int, int] | None
    """None where the C library is not glibc."""
    python: tuple[int, int]
    site_packages: Path | None
    """The directory the wheel is installed in, None when it is not installed."""
    libpython: Path
    """The shared libpython the model processes load."""

    @classmethod
    def here(cls) -> Machine:
        """Return the facts of this interpreter and its environment."""
        library, version = platform.libc_ver()
        spec = importlib.util.find_spec("pytriton")
        places = list(spec.submodule_search_locations or ()) if spec else []
        major, minor = sys.version_info[:2]
        return cls(
            system=platform.system(),
            architecture=platform.machine(),
            glibc=_major_minor(version) if library == "glibc" else None,
            python=(major, minor),
            site_packages=Path(places[0]).parent if places else None,
            libpython=Path(sysconfig.get_config_var("LIBDIR") or "/") / f"libpython{major}.{minor}.so.1.0",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """An installed wheel that fits this machine."""

    site_packages: Path
    libpython: Path
    python: tuple[int, int]

    @property
    def binary(self) -> Path:
        """Path of the tritonserver executable."""
        return self._tritonserver / "bin" / "tritonserver"

    @property
    def stub(self) -> Path:
        """Path of the executable that runs Python models, built for this Python version."""
        major, minor = self.python
        return self._tritonserver / "python_backend_stubs" / f"{major}.{minor}" / "triton_python_backend_stub"

    @property
    def _tritonserver(self) -> Path:
        return self.site_packages / "pytriton" / "tritonserver"

    def lay_out_backends(self, directory: Path) -> Path:
        """Put the Python backend and its stub together under `directory`; return it, for --backend-directory.

        The wheel keeps the stubs of all Python versions apart from the backend; Triton wants one beside it.
        """
        backend = directory / "python"
        backend.mkdir(parents=True, exist_ok=True)
        for source in (*(self._tritonserver / "backends" / "python").glob("*.*"), self.stub):
            target = backend / source.name
            if not target.exists() or target.stat().st_size != source.stat().st_size:
                partial = target.with_name(f"{target.name}.{os.getpid()}")
                shutil.copy2(source, partial)
                partial.replace(target)  # another start may be reading a shared cache
        return directory

    def environment(self) -> dict[str, str]:
        """Return the whole environment for the server and its models.

        Our `bin` comes first on PATH because the stub takes its packages from the first `python3` it finds:
        another one's numpy 2 corrupts every BYTES tensor. It ignores PYTHONPATH.
        """
        env = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
        libraries = (self.libpython.parent, self.site_packages / "nvidia_pytriton.libs")
        env["LD_LIBRARY_PATH"] = _joined(*libraries, env.get("LD_LIBRARY_PATH"))
        env["PATH"] = _joined(Path(sys.executable).parent, env.get("PATH"))
        env["PYTHONDONTWRITEBYTECODE"] = "1"
        return env


def find_wheel(machine: Machine | None = None) -> Wheel:
    """Return the installed wheel.

    Raises:
        TritonUnavailable: the machine, the Python or the environment does not fit.
    """
    machine = machine or Machine.here()
    if (machine.system, machine.architecture) != ("Linux", "x86_64"):
        raise TritonUnavailable(
            f"{PACKAGE} is for Linux on x86-64, this is {machine.system} on {machine.architecture}."
        )
    if machine.glibc is None or machine.glibc < OLDEST_GLIBC:
        found = "another C library" if machine.glibc is None else f"glibc {_dotted(machine.glibc)}"
        raise TritonUnavailable(
            f"{PACKAGE} needs glibc {_dotted(OLDEST_GLIBC)} or newer, this system has {found}."
        )
    if machine.python > NEWEST_PYTHON:
        raise TritonUnavailable(
            f"{PACKAGE} needs numpy 1, which has no wheels for Python {_dotted(machine.python)}: "
            f"use Python {_dotted(NEWEST_PYTHON)} or older."
        )
    if machine.site_packages is None:
        raise TritonUnavailable(f"{PACKAGE} is not installed: run `pip install 'openai-bridge[demo]'`.")
    wheel = Wheel(site_packages=machine.site_packages, libpython=machine.libpython, python=machine.python)
    for file in (wheel.binary, wheel.stub, wheel.libpython):
        if not file.exists():
            raise TritonUnavailable(f"{PACKAGE} cannot run with this Python: {file} does not exist.")
    return wheel


def _major_minor(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _joined(*places: Path | str | None) -> str:
    return os.pathsep.join(str(place) for place in places if place)
