"""The command `deploy` where nothing is started: exit codes and complaints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deployment.toml"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("[[frontends]]\nprot = 1", "frontends[0].prot: unknown key", id="unknown key"),
        pytest.param("[[frontends]", "not TOML: ", id="no TOML"),
        pytest.param("[nats]\nprogram = 'no'", "nats.program: ", id="no program"),
    ],
)
def test_a_wrong_file_ends_with_2(
    file: Path, capsys: pytest.CaptureFixture[str], text: str, complaint: str
) -> None:
    file.write_text(text)
    assert main(["deploy", str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"openai-bridge: {file}: {complaint}")


def test_a_missing_file_ends_with_2(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", str(file)]) == 2
    assert capsys.readouterr().err == f"openai-bridge: {file}: No such file or directory\n"


@pytest.mark.parametrize(
    "arguments", [(), ("a.toml", "--log-level", "3"), ("a.toml", "--log-level", "debug"), ("a", "b")]
)
def test_wrong_arguments_end_with_2(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["deploy", *arguments])
    assert caught.value.code == 2


def test_a_nats_that_does_not_answer_ends_with_1(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text('start_timeout = 0.1\n[nats]\nurl = "nats://127.0.0.1:1"\n[[frontends]]')
    assert main(["deploy", str(file), "--log-dir", str(tmp_path / "logs")]) == 1
    out, err = capsys.readouterr()
    assert out == "Waiting for NATS at nats://127.0.0.1:1\n"
    assert err == "openai-bridge deploy: nats.url: no NATS server answers at nats://127.0.0.1:1\n"
