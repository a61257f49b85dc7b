"""Golden files: what the code said when someone last looked.

The environment variable UPDATE_GOLDEN=1 rewrites them: review the diff.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def golden(path: Path, actual: str) -> None:
    """Compare with the file, or write it if the environment variable UPDATE_GOLDEN is 1."""
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(actual, encoding="utf-8")
    assert path.exists(), f"{path.name} is missing: run with UPDATE_GOLDEN=1"
    assert actual == path.read_text(encoding="utf-8")
