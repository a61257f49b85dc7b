"""Tracing as a setting: what it needs, and that nothing of it is loaded where it is off."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from bridge.config import ConfigError
from bridge.observability.tracing import open_tracing
from tests.command import Ran, run

if TYPE_CHECKING:
    from pathlib import Path

SERVE = """
import sys
from bridge.cli import main
{before}
code = main(["serve", "--triton", "127.0.0.1:1", "--host", "no.such.host.invalid", "--config", sys.argv[1]])
print(code, sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""
WITHOUT = "sys.modules['opentelemetry.sdk'] = None"


async def serve(tmp_path: Path, *, tracing: bool, before: str = "") -> Ran:
    """Run the command on a host that cannot be listened on."""
    config = tmp_path / "bridge.toml"
    config.write_text(f"tracing = {str(tracing).lower()}\n")
    return await run(sys.executable, "-c", SERVE.format(before=before), str(config))


async def test_without_the_extra_the_start_fails_and_names_it(tmp_path: Path) -> None:
    ran = await serve(tmp_path, tracing=True, before=WITHOUT)
    assert ran.out.startswith("2 ")
    assert ran.err.endswith("tracing: needs an extra: pip install 'openai-bridge[otel]'\n")


async def test_nothing_of_it_is_loaded_unless_it_is_on(tmp_path: Path) -> None:
    assert (await serve(tmp_path, tracing=False)).out == "1 []\n"
    assert "opentelemetry.sdk.trace" in (await serve(tmp_path, tracing=True)).out


def test_a_wrong_variable_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "-1")
    with pytest.raises(ConfigError, match=r"^tracing: .*schedule_delay"):
        open_tracing()
