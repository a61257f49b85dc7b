"""Triton's messages without Triton's client."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bridge.protocol import kserve


def run(code: str) -> str:
    """Run code in a process of its own: what was imported before decides here."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_bridge_does_without_numpy() -> None:
    assert run("import sys, bridge.app; print('numpy' in sys.modules)") == "False"


@pytest.mark.parametrize(
    "imports",
    [
        pytest.param(
            "from bridge.protocol import kserve; import tritonclient.grpc as client", id="messages first"
        ),
        pytest.param(
            "import tritonclient.grpc as client; from bridge.protocol import kserve", id="client first"
        ),
    ],
)
def test_tritons_client_works_beside_it(imports: str) -> None:
    check = (
        "print(client.service_pb2.ModelInferRequest is kserve.ModelInferRequest, client.InferInput.__name__)"
    )
    assert run(f"{imports}; {check}") == "True InferInput"


def test_what_is_exported_is_there() -> None:
    assert [name for name in kserve.__all__ if not hasattr(kserve, name)] == []
