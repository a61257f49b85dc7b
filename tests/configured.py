"""Bridges that are configured as an operator does it: by a TOML file."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from bridge.config import load

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.app import Bridge
    from tests.conftest import Serve

TESTING = {"http_port": 0, "grpc_port": 0, "drain_timeout": 0.5}
"""Flags of every bridge of a test."""


async def serve_file(serve: Serve, directory: Path, triton: str, text: str) -> Bridge:
    """Write a configuration into a directory and serve it.

    Args:
        serve: the fixture.
        directory: what paths in the file are relative to.
        triton: address of the server.
        text: the file.
    """
    path = directory / "bridge.toml"
    path.write_text(text)
    config = load(path, {"triton": triton, **TESTING})
    settings: dict[str, Any] = {field.name: getattr(config, field.name) for field in fields(config)}
    return await serve(**settings)
