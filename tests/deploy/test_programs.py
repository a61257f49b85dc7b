"""Which programs a deployment starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bridge.config import ConfigError
from bridge.deploy import programs


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "tritonserver"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_nats_of_this_environment_is_found_without_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert programs.nats_server(None, "nats") == str(Path(sys.executable).parent / "nats-server")


def test_the_program_of_the_file_wins(program: Path, tmp_path: Path) -> None:
    assert programs.nats_server(program, "nats") == str(program)
    assert programs.tritonserver(program, "tritons[0]", tmp_path).path == str(program)


@pytest.mark.parametrize("kind", ["missing", "directory", "text"])
def test_what_is_no_program_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "program"
    if kind == "directory":
        path.mkdir()
    elif kind == "text":
        path.write_text("")
    with pytest.raises(ConfigError, match=r"^tritons\[1\]\.program: .*is not an executable file"):
        programs.tritonserver(path, "tritons[1]", tmp_path)


def test_a_triton_of_the_path_knows_its_backends(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    found = programs.tritonserver(None, "tritons[0]", tmp_path)
    assert (found.path, found.backends, found.environment) == (str(program), None, dict(os.environ))


def test_else_it_is_that_of_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = programs.tritonserver(None, "tritons[0]", tmp_path)
    assert Path(found.path).name == "tritonserver"
    assert found.backends == tmp_path / "backends"
    assert (tmp_path / "backends" / "python").is_dir()
