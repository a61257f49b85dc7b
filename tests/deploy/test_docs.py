"""The documentation of deployments says what is true, and the example is one."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from bridge.deploy.entries import FrontendEntry, NatsEntry, Timeouts, TritonEntry, WorkerEntry
from bridge.deploy.file import LISTS, read

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deployment.md").read_text()
EXAMPLE = (ROOT / "examples" / "deployment.toml").read_text()


def test_every_key_is_described_and_no_other() -> None:
    _, _, reference = PAGE.partition("## The file")
    first_cells = re.findall(r"^\| ([^|]+) \|", reference, re.MULTILINE)
    described = set(re.findall(r"(\w+)\]*`", " ".join(first_cells)))
    classes = (Timeouts, NatsEntry, TritonEntry, WorkerEntry, FrontendEntry)
    assert described == {item.name for cls in classes for item in fields(cls)} | {"nats", *LISTS}


@pytest.mark.parametrize(
    "text", [*re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL), EXAMPLE]
)
def test_a_file_is_read(text: str) -> None:
    made = read(tomllib.loads(text), ROOT)
    assert made.nats is not None
    assert sum(entry.count for entry in made.tritons) == 2
    assert made.workers[0].instances == ("worker.0", "worker.1")
    assert [made.frontends[0].ports(number)[0] for number in range(2)] == [8080, 8081]


def test_the_lines_that_are_shown_are_those_of_the_example() -> None:
    shown = re.findall(r"^(\w+\.\d) \(pid", PAGE, re.MULTILINE)
    made = read(tomllib.loads(EXAMPLE), ROOT)
    assert sorted(shown) == sorted(name for _, entry in made.entries for name in entry.instances)
