"""The documentation says what is true: every setting is described and the configurations in it are read."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from bridge.chat_templates import BUILTIN
from bridge.config import Balancing, Config, Dynamo, Limits, ModelConfig, Nats, Tls, TritonTls, Upstream, load
from bridge.config.checks import DERIVED
from bridge.config.model import ReasoningParser, ToolCallParser

ROOT = Path(__file__).parents[1]
CONFIGURATION = ROOT / "docs" / "configuration.md"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
TOML = [
    pytest.param(text, id=f"{page.name} {number}")
    for page in PAGES
    if page.name != "deployment.md"  # its files are others: tests/deploy/test_docs.py
    for number, text in enumerate(
        re.findall(r"^```toml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    )
]


def keys(cls: type[Any]) -> set[str]:
    return {item.name for item in fields(cls) if not item.metadata.get(DERIVED)}


TABLES = (Config, ModelConfig, Upstream, Balancing, Limits, Nats, Dynamo, Tls, TritonTls)


@pytest.mark.parametrize("cls", TABLES)
def test_every_key_is_described(cls: type[Any]) -> None:
    first_cells = re.findall(r"^\| ([^|]+) \|", CONFIGURATION.read_text(), re.MULTILINE)
    described = set(re.findall(r"(\w+)\]?`", " ".join(first_cells)))
    assert keys(cls) - described == set()
    assert described <= set().union(*map(keys, TABLES))


def test_every_built_in_chat_template_is_named() -> None:
    text = CONFIGURATION.read_text()
    assert [name for name in BUILTIN if f"`{name}`" not in text] == []


@pytest.mark.parametrize("kind", [ToolCallParser, ReasoningParser])
def test_every_parser_is_described(kind: Any) -> None:
    text = (ROOT / "docs" / "reasoning-and-tools.md").read_text()
    assert [name for name in get_args(kind) if f"`{name}`" not in text and name != "none"] == []


@pytest.mark.parametrize("text", TOML)
def test_a_configuration_is_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bridge.toml"
    path.write_text(text)
    assert load(path, {}).servers[0].address == "localhost:8001"


def test_every_link_leads_to_a_file() -> None:
    for page in (*PAGES, ROOT / "CONTRIBUTING.md"):
        for link in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
