from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bridge.demo.wheel import Machine, TritonUnavailable, find_wheel

if TYPE_CHECKING:
    from pathlib import Path


def test_the_installed_wheel_is_found() -> None:
    wheel = find_wheel()
    assert wheel.binary.is_file()
    assert wheel.stub.is_file()


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param({"system": "Darwin"}, "is for Linux on x86-64, this is Darwin", id="another system"),
        pytest.param({"architecture": "aarch64"}, "this is Linux on aarch64", id="another processor"),
        pytest.param(
            {"glibc": (2, 31)}, "needs glibc 2.35 or newer, this system has glibc 2.31", id="old glibc"
        ),
        pytest.param({"glibc": None}, "this system has another C library", id="no glibc"),
        pytest.param(
            {"python": (3, 13)}, "no wheels for Python 3.13: use Python 3.12 or older", id="new Python"
        ),
        pytest.param({"site_packages": None}, r"not installed: run .*openai-bridge\[demo\]", id="no wheel"),
    ],
)
def test_a_machine_that_does_not_fit_is_told_why(facts: dict[str, Any], reason: str) -> None:
    with pytest.raises(TritonUnavailable, match=reason):
        find_wheel(replace(Machine.here(), **facts))


def test_a_python_without_a_shared_library_is_told_so(tmp_path: Path) -> None:
    missing = tmp_path / "libpython3.11.so.1.0"
    with pytest.raises(TritonUnavailable, match=r"libpython3\.11\.so\.1\.0 does not exist"):
        find_wheel(replace(Machine.here(), libpython=missing))


def test_the_backend_gets_the_stub_of_this_python_once(tmp_path: Path) -> None:
    wheel = find_wheel()
    backend = wheel.lay_out_backends(tmp_path) / "python"
    written = {file.name: file.stat().st_mtime_ns for file in backend.iterdir()}
    assert {"libtriton_python.so", "triton_python_backend_utils.py", wheel.stub.name} <= written.keys()
    wheel.lay_out_backends(tmp_path)
    assert {file.name: file.stat().st_mtime_ns for file in backend.iterdir()} == written


def test_our_python_comes_first_for_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/somewhere/else")
    environment = find_wheel().environment()
    assert "PYTHONHOME" not in environment
    assert (find_wheel().libpython.parent.as_posix()) in environment["LD_LIBRARY_PATH"].split(":")
