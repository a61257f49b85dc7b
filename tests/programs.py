"""Programs that are not Python packages: `.ci/run` installs them, others may lack them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

INSTALLED_BY_CI = Path(__file__).parents[1] / ".cache" / "bin"
PLACES = os.pathsep.join([os.environ["PATH"], str(INSTALLED_BY_CI), "/usr/sbin"])


def program(name: str, how: str) -> str:
    """Return a program's path; `how` tells how to install it."""
    found = shutil.which(name, path=PLACES)
    if found is None:
        not_installed(f"{name} is neither on PATH nor in .cache/bin: {how}")
    return found


def not_installed(why: str) -> NoReturn:
    """End a test that needs a program which this machine lacks; CI may lack none."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)
